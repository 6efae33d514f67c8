package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// foreignFile is a connection of NetworkManager-openconnect for the plugin of the tests.
const foreignFile = `[connection]
id=Corp "VPN"
type=vpn
[vpn]
service-type=org.freedesktop.NetworkManager.openconnect
protocol=testproto
gateway=vpn.test
useragent=somebody
csd_wrapper=/bin/wrapper
[vpn-secrets]
form:main:username=alice
form:main:password=pa"ss
`

func TestImport(t *testing.T) {
	pluginFolder(t)
	path := file(t, "corp.nmconnection", foreignFile)
	got := penstock(t, "import", path)
	want := "# Corp \"VPN\"\n[connection.Corp--VPN]\nprotocol = \"testproto\"\ngateway = \"vpn.test\"\nusername = \"alice\"\n" +
		"# password is left out: it is a secret; --with-secrets prints it\n"
	if got.status != 0 || got.out != want {
		t.Errorf("%d: %s\n%s", got.status, got.out, got.err)
	}
	for _, named := range []string{"csd_wrapper", `there is no option "useragent"`} {
		if !strings.Contains(got.err, named) {
			t.Errorf("%s is not named in %s", named, got.err)
		}
	}
	if strings.Contains(got.out+got.err, `pa"ss`) {
		t.Error("the password is shown")
	}
}

// What import prints is read again, secrets too, by import and as a configuration.
func TestImportOfItsOwn(t *testing.T) {
	pluginFolder(t)
	table := penstock(t, "import", "--with-secrets", file(t, "corp.nmconnection", foreignFile)).out
	own := file(t, "own.toml", table)
	if again := penstock(t, "import", "--with-secrets", own).out; again != strings.TrimPrefix(table, "# Corp \"VPN\"\n") {
		t.Errorf("%q became %q", table, again)
	}
	got := penstock(t, "connect", "--config", own, "Corp--VPN")
	if got.status != 0 || got.profile.Options["username"] != "alice" || got.profile.Secrets["password"].Reveal() != `pa"ss` {
		t.Errorf("%d: %s %+v", got.status, got.err, got.profile)
	}
}

func TestImportForTheEditor(t *testing.T) {
	pluginFolder(t)
	got := penstock(t, "import", "--json", "--with-secrets", file(t, "corp.nmconnection", foreignFile))
	var r []importObject
	if err := json.Unmarshal([]byte(got.out), &r); err != nil || len(r) != 1 || len(r[0].Connections) != 1 {
		t.Fatalf("%v: %s", err, got.out)
	}
	c := r[0].Connections[0]
	if c.Name != `Corp "VPN"` || c.Data["gateway"] != "vpn.test" || c.Secrets["password"] != `pa"ss` || len(c.Notes) != 2 {
		t.Errorf("%+v", c)
	}
	if without := penstock(t, "import", "--json", file(t, "corp.nmconnection", foreignFile)); strings.Contains(without.out, "ss") && strings.Contains(without.out, `pa\"`) {
		t.Error("the password is printed unasked")
	}
}

// Certificates in the file become files that nobody else reads, and stay what they are.
func TestImportPlacesFiles(t *testing.T) {
	pluginFolder(t)
	folder := filepath.Join(t.TempDir(), "imported")
	sample, err := filepath.Abs("../../foreign/testdata/certificate.sswan")
	if err != nil {
		t.Fatal(err)
	}
	first := penstock(t, "import", "--files", folder, sample)
	if first.status != 0 || !strings.Contains(first.out, `usercert = "`+folder) {
		t.Fatalf("%d: %s%s", first.status, first.out, first.err)
	}
	if again := penstock(t, "import", "--files", folder, sample); again.out != first.out {
		t.Errorf("the same file again makes others: %s", again.out)
	}
	key := filepath.Join(folder, "Corp-by-certificate-usercert.p12")
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%s: %v %v", key, info, err)
	}
	if err := os.WriteFile(key, []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	if other := penstock(t, "import", "--files", folder, sample); !strings.Contains(other.out, "usercert-2.p12") {
		t.Errorf("what was there is overwritten: %s", other.out)
	}
}

func TestImportRefuses(t *testing.T) {
	pluginFolder(t)
	for text, want := range map[string]string{"bplist00": "plutil", "": "empty", "[a]\nb=c": "no known kind"} {
		if got := penstock(t, "import", file(t, "x", text)); got.status != exitConfig || !strings.Contains(got.err, want) {
			t.Errorf("%q: %d %s", text, got.status, got.err)
		}
	}
	if got := penstock(t, "import", "/nonexistent"); got.status != exitConfig || !strings.Contains(got.err, "cannot read /nonexistent") {
		t.Errorf("%d %s", got.status, got.err)
	}
}

func TestSchemaForTheEditor(t *testing.T) {
	pluginFolder(t)
	var list []schemaObject
	if err := json.Unmarshal([]byte(penstock(t, "schema").out), &list); err != nil || len(list) != 1 {
		t.Fatalf("%v: %+v", err, list)
	}
	s := list[0]
	i := slices.IndexFunc(s.Protocols, func(p schemaProtocol) bool { return p.Name == "testproto" })
	if i < 0 {
		t.Fatalf("%+v", s)
	}
	keys := map[string]schemaOption{}
	for _, o := range s.Protocols[i].Options {
		keys[o.Key] = o
	}
	mtu := keys["mtu"]
	if mtu.Min != 576 || mtu.Max != 65535 || mtu.Allowed != "a whole number from 576 to 65535" || !mtu.Advanced || mtu.Type.String() != "int" {
		t.Errorf("%+v", mtu)
	}
	if o := keys["compression"]; !slices.Equal(o.Choices, []string{"none", "lz4"}) {
		t.Errorf("%+v", o)
	}
	if !keys["token"].Secret || !keys["gateway"].Required {
		t.Errorf("%+v", keys)
	}
	for _, key := range []string{"protocol", "script"} {
		if _, there := keys[key]; there {
			t.Errorf("%s has no place in the form", key)
		}
	}
}

func TestTableQuotes(t *testing.T) {
	if got := quoteTOML("a\"b\\c\nd\u00e9"); got != `"a\"b\\c\u000Ad`+"\u00e9\"" {
		t.Error(got)
	}
	for name, want := range map[string]string{"": "vpn", "Büro 1": "B-ro-1", "../x": "x", strings.Repeat("a", 80): strings.Repeat("a", 64)} {
		if got := tableName(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
