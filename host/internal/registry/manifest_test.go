package registry

import (
	"reflect"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/option"
)

const sum = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// text is a manifest with all that one can hold.
const text = `contract = 1
name = "demo"
version = "1.2.3-rc.1"
exec = "plugins/demo"
args = ["--family", "cisco"]
sha256 = "` + sum + `"
auth = "peercred"
needs = ["tls", "dtls"]

[[protocol]]
name = "anyconnect"
label = "Cisco AnyConnect"
tls-port = 443

[[option]]
key = "usergroup"
type = "string"
label = "Group"

[[option]]
key = "mode"
type = "enum"
choices = ["fast", "slow"]
default = "fast"

[[option]]
key = "wait"
type = "duration"
min = 1
max = 60

[option.visible-if]
key = "mode"
value = "slow"
`

func TestParse(t *testing.T) {
	m, unknown, err := parse([]byte(text), "/lib/demo.toml")
	if err != nil || len(unknown) > 0 {
		t.Fatal(err, unknown)
	}
	want := Manifest{
		Path: "/lib/demo.toml", Name: "demo", Version: "1.2.3-rc.1", Exec: "/lib/plugins/demo", Args: []string{"--family", "cisco"},
		SHA256: sum, Auth: AuthPeerCred, Needs: []string{"tls", "dtls"}, Protocols: []Protocol{{Name: "anyconnect", Label: "Cisco AnyConnect", TLSPort: 443}},
		Options: option.Schema{
			{Key: "usergroup", Label: "Group"},
			{Key: "mode", Type: option.Enum, Choices: []string{"fast", "slow"}, Default: "fast"},
			{Key: "wait", Type: option.Duration, Min: 1, Max: 60, VisibleIf: option.Condition{Key: "mode", Value: "slow"}},
		},
	}
	if !reflect.DeepEqual(m, want) {
		t.Errorf("got  %+v\nwant %+v", m, want)
	}
}

func TestParseNamesWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"contract":       {"contract = 1", "contract = 2", "version 2 of the plugin contract, this penstock speaks version 1"},
		"no contract":    {"contract = 1\n", "", "version 0 of the plugin contract"},
		"other name":     {`"demo"`, `"other"`, "its file must be named so"},
		"bad name":       {`name = "anyconnect"`, `name = "Any Connect"`, "protocol"},
		"twice":          {"[[protocol]]", "[[protocol]]\nname = \"anyconnect\"\n[[protocol]]", "names are unique"},
		"version":        {`"1.2.3-rc.1"`, `"one two"`, "version: "},
		"sha256":         {sum, strings.ToUpper(sum), "sha256: "},
		"no exec":        {`exec = "plugins/demo"`, "", "exec: "},
		"control in arg": {"--family", `a\u0007`, "args: "},
		"auth":           {"peercred", "password", "auth: mtls or peercred"},
		"needs":          {`"dtls"`, `"radio"`, `this host has no "radio"`},
		"option type":    {`type = "string"`, `type = "colour"`, "no option type"},
		"option key":     {`key = "usergroup"`, `key = "User Group"`, "a key is 1 to 48"},
		"option default": {`default = "fast"`, `default = "medium"`, "default"},
		"syntax":         {`name = "demo"`, `name = demo`, "line 2"},
		"wrong type":     {`args = ["--family", "cisco"]`, `args = 7`, "args"},
		"deep key":       {"contract", strings.Repeat("a.", 70) + "a = 1\ncontract", "line 1: a key of more than 65 parts"},
		"deep tables":    {"contract", "a = " + strings.Repeat("{a = ", 600) + "\ncontract", "600 inline tables"},
		"too large":      {"contract", strings.Repeat("#", maxFile) + "\ncontract", "at most 262144 are read"},
	} {
		broken := strings.Replace(text, c.old, c.new, 1)
		if broken == text {
			t.Fatalf("%s: nothing was replaced", name)
		}
		if _, _, err := parse([]byte(broken), "/lib/demo.toml"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestUnknownKeysAreToldAndIgnored(t *testing.T) {
	_, unknown, err := parse([]byte("colour = \"red\"\n"+text), "/lib/demo.toml")
	if err != nil || !reflect.DeepEqual(unknown, []string{"colour"}) {
		t.Errorf("%v, %v", unknown, err)
	}
}

// What parse takes, Marshal writes so that parse takes the same.
func FuzzParse(f *testing.F) {
	f.Add([]byte(text))
	f.Add([]byte("contract = 1\nname = \"demo\"\n[[option]]\nkey = \"x\"\ntype = \"list\""))
	f.Add([]byte(strings.Repeat("[", 1000)))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, _, err := parse(b, "/lib/demo.toml")
		if err != nil {
			return
		}
		out, err := m.Marshal(m.Exec)
		if err != nil {
			t.Fatalf("Marshal: %v", err)
		}
		again, unknown, err := parse(out, "/lib/demo.toml")
		if err != nil || len(unknown) > 0 || m.Same(again) != nil || again.Exec != m.Exec || again.SHA256 != m.SHA256 {
			t.Fatalf("%v %v\n%+v\n%+v\n%s", err, unknown, m, again, out)
		}
	})
}
