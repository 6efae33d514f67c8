package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
)

var schema = option.Schema{
	{Key: "protocol", Required: true},
	{Key: "gateway", Required: true},
	{Key: "username"},
	{Key: "password", Secret: true},
	{Key: "cacert", Type: option.File},
	{Key: "servercert", Type: option.List},
	{Key: "mtu", Type: option.Int, Min: 576, Max: 65535},
	{Key: "dtls", Type: option.Bool, Default: "true"},
	{Key: "dpd", Type: option.Duration},
	{Key: "compression", Type: option.Enum, Choices: []string{"none", "lz4"}},
}

func write(t *testing.T, mode os.FileMode, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "penstock.toml")
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func find(t *testing.T, path, name string) Connection {
	t.Helper()
	c, err := LoadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found, ok := c.Find(name)
	if !ok {
		t.Fatalf("no connection %q among %q", name, c.Names())
	}
	return found
}

func TestEveryTypeIsReadInItsNativeForm(t *testing.T) {
	path := write(t, 0o600, `
[connection.corp]
protocol = "anyconnect"
gateway = "https://vpn.example.com"
password = "s3cret"
cacert = "ca.pem"
servercert = ["pin-sha256:AAAA=", "sha1:00"]
mtu = 1_400
dtls = false
dpd = 30
compression = "LZ4"

[connection."with.dot"]
protocol = "anyconnect"
dtls = "off"
dpd = "1m"
`)
	r, found := find(t, path, "corp").Resolve(schema)
	if found != nil {
		t.Fatalf("diagnostics: %+v", found)
	}
	want := option.Values{
		"protocol": "anyconnect", "gateway": "https://vpn.example.com", "cacert": filepath.Join(filepath.Dir(path), "ca.pem"),
		"servercert": "pin-sha256:AAAA=,sha1:00", "mtu": "1400", "dtls": "false", "dpd": "30s", "compression": "lz4",
	}
	for key, value := range want {
		if r.Values[key] != value {
			t.Errorf("%s = %q, want %q", key, r.Values[key], value)
		}
	}
	if len(r.Values) != len(want) {
		t.Errorf("values = %v", r.Values)
	}
	if r.Secrets["password"].Reveal() != "s3cret" {
		t.Error("the password is lost")
	}
	r, found = find(t, path, "with.dot").Resolve(schema)
	if found != nil || r.Values["dtls"] != "false" || r.Values["dpd"] != "1m" {
		t.Errorf("values %v, diagnostics %+v", r.Values, found)
	}
}

func TestWhatIsWrongIsToldWithFileLineAndWhatIsRight(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"unknown key", "[connection.x]\nprotocol='p'\n\nuser-name = 'a'\n", `:4: there is no option "user-name": did you mean username?`},
		{"secret's file", "[connection.x]\npasword-file = 'a'\n", `:2: there is no option "pasword-file": did you mean password-file?`},
		{"far key", "[connection.x]\nzzzzzz = 1\n", `:2: there is no option "zzzzzz": no option is spelt like it`},
		{"number", "[connection.x]\n# no\nmtu = 70000\n", `:3: the option mtu has a wrong value: "70000" is not allowed; mtu takes a whole number from 576 to 65535`},
		{"bool", "[connection.x]\ndtls = 'maybe'", `:2: the option dtls has a wrong value: "maybe" is not allowed; dtls takes true or false`},
		{"enum", "[connection.x]\ncompression = 'zip'", "compression takes one of: none, lz4"},
		{"no text", "[connection.x]\nusername = 7", ":2: the option username has a wrong value: username takes a text of one line, in quotes"},
		{"secret number", "[connection.x]\npassword = 7", "password takes a text of one line, in quotes"},
		{"float", "[connection.x]\nmtu = 1.5", "mtu takes a whole number"},
		{"date", "[connection.x]\nmtu = 2020-01-01", "mtu takes a whole number"},
		{"table", "[connection.x]\n[connection.x.mtu]\na=1", "mtu takes a whole number"},
		{"list of lists", "[connection.x]\nservercert = [['a']]", "servercert takes an array of texts"},
		{"list with comma", "[connection.x]\nservercert = ['a,b']", "without commas"},
		{"control character", "[connection.x]\nusername = \"a\\u001b[2J\"", "control character"},
		{"multi-line inside", "[connection.x]\ngateway = \"\"\"\na\"\"\"\nuserna = 1\n", `:4: there is no option "userna": did you mean username?`},
		{"dotted key", "connection.x.gatway = 'a'\n", `:1: there is no option "gatway": did you mean gateway?`},
		{"inline table", "[connection]\nx = { gateway = 'a', gatwey = 'b' }\n", `:2: there is no option "gatwey"`},
		{"both", "[connection.x]\npassword='a'\npassword-file='b'", ":3: both password and password-file are set"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, found := find(t, write(t, 0o600, c.text), "x").Resolve(schema)
			if len(found) != 1 || !strings.Contains(found[0].Error(), c.want) {
				t.Errorf("got %+v\nwant %s", found, c.want)
			}
			for _, d := range found {
				if d.Code != diag.Config || !strings.Contains(d.Summary, "penstock.toml:") {
					t.Errorf("diagnostic %+v", d)
				}
			}
		})
	}
}

func TestBrokenFilesAreRefusedWithTheirLine(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"syntax", "[connection.x]\ngateway = \n", ":2: this is not valid TOML"},
		{"twice", "[connection.x]\na=1\n[connection.x]\n", ":3: this is not valid TOML"},
		{"table's name", "\n[conection.x]\n", `:2: there is no setting "conection": did you mean connection?`},
		{"setting", "verbose = 1\n", `:1: there is no setting "verbose": a file has tables [connection.NAME] only`},
		{"connection as value", "connection = 3\n", ":1: connection is not a table"},
		{"array of tables", "[[connection.x]]\ngateway='a'\n", ":1: connection.x is not a table"},
		{"no table", "[connection]\nx = 5\n", ":2: connection.x is not a table"},
		{"path as name", "[connection.'../x']\n", `:1: "../x" is no name for a connection`},
		{"folder as name", "[connection.'..']\n", `:1: ".." is no name for a connection`},
		{"utf-16", "\xff\xfe[\x00a\x00", ":1: this is not valid TOML"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := LoadFile(write(t, 0o600, c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) || diag.Of(err).Code != diag.Config {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestTheUsersConnectionReplacesTheSystems(t *testing.T) {
	system := write(t, 0o644, "[connection.a]\ngateway='one'\n[connection.b]\ngateway='one'\n")
	own := write(t, 0o644, "[connection.a]\nusername='me'\n")
	c, err := load([]string{system, "/nonexistent/penstock.toml", own}, true)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := c.Find("a")
	r, _ := a.Resolve(schema)
	if len(r.Values) != 1 || r.Values["username"] != "me" || a.Source() != own {
		t.Errorf("a = %v from %s", r.Values, a.Source())
	}
	if got := strings.Join(c.Names(), " "); got != "a b" {
		t.Errorf("names = %s", got)
	}
	if _, err := LoadFile("/nonexistent/penstock.toml"); diag.Of(err).Code != diag.Config {
		t.Errorf("a file that was named must exist: %v", err)
	}
}
