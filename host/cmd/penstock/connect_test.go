package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
)

// file writes a file that only its owner can read.
func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestExitStatuses(t *testing.T) {
	for code, want := range map[diag.Code]int{
		diag.Unspecified: 1, diag.Config: 2, diag.AuthRefused: 3, diag.Unreachable: 4, diag.Certificate: 5, diag.Plugin: 6,
		diag.SessionEnded: 1, diag.Cancelled: 1, diag.Protocol: 1,
	} {
		if got := exitStatus(fmt.Errorf("wrapped: %w", diag.New(code, "x", ""))); got != want {
			t.Errorf("code %d: %d, want %d", code, got, want)
		}
	}
	if exitStatus(nil) != 0 || exitStatus(errors.New("x")) != 1 || exitStatus(exitWith(7)) != 7 || exitStatus(problems{{Code: diag.Config}}) != 2 {
		t.Error("nil, plain errors, others' statuses and lists")
	}
}

func TestAGatewayOnTheCommandLine(t *testing.T) {
	pluginFolder(t)
	got := penstock(t, "connect", "--protocol", "testproto", "-u", "alice", "--cafile", "/ca.pem", "--no-dtls", "--servercert", "pin-sha256:A=",
		"https://vpn.test:8443/group", "--servercert=pin-sha256:B=", "--compression", "LZ4", "--reconnect-timeout", "60", "--offload=no")
	want := option.Values{
		"protocol": "testproto", "gateway": "https://vpn.test:8443/group", "username": "alice", "cacert": "/ca.pem", "dtls": "false",
		"servercert": "pin-sha256:A=,pin-sha256:B=", "compression": "lz4", "reconnect-timeout": "1m", "offload": "false",
	}
	if got.status != 0 || !maps.Equal(got.profile.Options, want) || got.profile.Name != "vpn.test-8443" || got.profile.Protocol != "testproto" {
		t.Errorf("%d %s %+v", got.status, got.err, got.profile)
	}
	if got.settings.Trace != nil || got.settings.Commands == nil || got.settings.Logger == nil {
		t.Errorf("%+v", got.settings)
	}
}

func TestAConnectionByName(t *testing.T) {
	pluginFolder(t)
	secrets := t.TempDir()
	if err := os.WriteFile(filepath.Join(secrets, "penstock.corp.password"), []byte("credential"), 0o400); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", secrets)
	config := file(t, "penstock.toml", `
[connection.corp]
protocol = "testproto"
gateway = "vpn.test"
username = "alice"
cacert = "ca.pem"
token = "from the file"
`)
	got := penstock(t, "connect", "--config", config, "corp", "--username=bob", "--dump-http", "-v", "--name", "work")
	if got.status != 0 {
		t.Fatalf("%d %s", got.status, got.err)
	}
	p := got.profile
	if p.Name != "work" || p.Source != config || p.Options["username"] != "bob" || p.Options["cacert"] != filepath.Join(filepath.Dir(config), "ca.pem") {
		t.Errorf("%+v", p)
	}
	if p.Secrets["token"].Reveal() != "from the file" || !p.Secrets["password"].Empty() || got.settings.Trace == nil {
		t.Errorf("secrets of the name given: %d", len(p.Secrets))
	}
	pw := file(t, "pw", "from the flag\n")
	p = penstock(t, "connect", "--config", config, "corp", "--token-file", pw).profile
	if p.Secrets["token"].Reveal() != "from the flag" || p.Secrets["password"].Reveal() != "credential" {
		t.Errorf("%d secrets", len(p.Secrets))
	}
}

func TestTheOnlyProtocolNeedsNoName(t *testing.T) {
	pluginFolder(t)
	if got := penstock(t, "connect", "vpn.test"); got.status != 0 || got.profile.Protocol != "testproto" || got.profile.Name != "vpn.test" {
		t.Errorf("%d %s %+v", got.status, got.err, got.profile)
	}
}

// TestProtocolsShareKeys: what a key takes is the protocol's affair, also of a key that
// another protocol has, and a switch of one may take a value in the other.
func TestProtocolsShareKeys(t *testing.T) {
	dir := pluginFolder(t)
	text, err := os.ReadFile(filepath.Join(dir, "testing.toml"))
	if err != nil {
		t.Fatal(err)
	}
	// It comes first by its name.
	other := strings.NewReplacer(`"testing"`, `"another"`, `"testproto"`, `"anotherproto"`, `"lz4"`, `"zstd"`, `"bool"`, `"int"`, `"true"`, `"5"`).Replace(string(text))
	if err := os.WriteFile(filepath.Join(dir, "another.toml"), []byte(other), 0o644); err != nil {
		t.Fatal(err)
	}
	config := file(t, "penstock.toml", "[connection.corp]\nprotocol = \"testproto\"\ngateway = \"vpn.test\"\n")
	for _, args := range [][]string{
		{"--protocol", "testproto", "--no-dtls", "--compression", "lz4", "vpn.test"},
		{"--config", config, "--compression", "lz4", "corp"},
		{"--protocol=anotherproto", "--dtls", "7", "--compression", "zstd", "vpn.test"},
	} {
		got := penstock(t, append([]string{"connect"}, args...)...)
		if got.status != 0 || got.profile.Options["compression"] == "" {
			t.Errorf("%q: %d %s", args, got.status, got.err)
		}
	}
	if got := penstock(t, "connect", "--protocol", "testproto", "--compression", "zstd", "vpn.test"); got.status != 2 || !strings.Contains(got.err, "none, lz4") {
		t.Errorf("%d %s", got.status, got.err)
	}
}

func TestMistakesAreToldWithWhatIsRight(t *testing.T) {
	pluginFolder(t)
	config := file(t, "penstock.toml", "[connection.corp]\nprotocol='testproto'\ngateway='vpn.test'\n[connection.broken]\nprotocol='testproto'\ngatway='x'\nmtu=1\n[connection.bare]\nprotocol='testproto'\n")
	for _, c := range []struct {
		args   string
		status int
		want   string
	}{
		{"connect --usernam a vpn.test", 2, "there is no flag \"--usernam\"\n  did you mean --username?"},
		{"connect --no-dtlss vpn.test", 2, "did you mean --no-dtls?"},
		{"connect --password hunter2 vpn.test", 2, "use --password-file FILE"},
		{"connect --token=hunter2 vpn.test", 2, "use --token-file FILE"},
		{"connect --mtu 70000 vpn.test", 2, "the flag --mtu has a wrong value\n  \"70000\" is not allowed; mtu takes a whole number from 576 to 65535"},
		{"connect --compression zip vpn.test", 2, "compression takes one of: none, lz4"},
		{"connect --no-dtls=yes vpn.test", 2, "the flag --no-dtls has a wrong value"},
		{"connect --username", 2, "the command line is not understood"},
		{"connect", 2, "takes one connection or gateway, not 0"},
		{"connect a b", 2, "takes one connection or gateway, not 2"},
		{"connect corpp", 2, "did you mean corp? To connect to a gateway of that name, write https://corpp"},
		{"connect http://vpn.test", 2, "gateways are addressed by https"},
		{"connect https://", 2, "it has no host name"},
		{"connect vpn.test:99999", 2, "a port is a number"},
		{"connect https://u:hunter2@vpn.test", 2, "have no place in it"},
		{"connect corp --gateway ftp://x", 2, "gateways are addressed by https"},
		{"connect --name ../x vpn.test", 2, "no name for a connection"},
		{"connect broken", 2, "penstock.toml:6: there is no option \"gatway\"\n  did you mean gateway?\npenstock: "},
		{"connect bare", 2, "the option gateway is missing"},
		{"connect --protocol other --strange vpn.test", 6, "no plugin speaks the protocol \"other\""},
		{"connect --password-file /nonexistent vpn.test", 2, "cannot read the secret"},
		{"connect --pid-file /nonexistent/pid vpn.test", 2, "the pid file cannot be written"},
		{"conect vpn.test", 2, "there is no command \"conect\"\n  did you mean connect?"},
		{"plugin verfy", 2, "did you mean verify?"},
		{"status --jsn", 2, "did you mean --json?"},
		{"status now", 2, "does not go with 1 arguments"},
		{"disconnect corp", 2, "no connection called corp is running"},
		{"disconnect ../corp", 2, "no name of a connection"},
		{"plugin info nothing", 6, "no plugin speaks the protocol"},
	} {
		got := penstock(t, append([]string{"--config", config}, strings.Fields(c.args)...)...)
		if got.status != c.status || !strings.Contains(got.err, c.want) || got.profile != nil {
			t.Errorf("penstock %s: %d\n%s\nwant %d, %s", c.args, got.status, got.err, c.status, c.want)
		}
		if strings.Contains(got.err, "hunter2") && !strings.Contains(c.args, "https://u:") {
			t.Errorf("penstock %s shows the secret:\n%s", c.args, got.err)
		}
	}
}

func TestNamesForGateways(t *testing.T) {
	for gateway, want := range map[string]string{
		"vpn.test": "vpn.test", "https://vpn.test/group": "vpn.test", "vpn.test:443": "vpn.test", "vpn.test:8443": "vpn.test-8443",
		"10.0.0.1": "10.0.0.1", "https://[fd00::1]:8443/": "fd00--1-8443", "[fd00::1]": "fd00--1", "https://" + strings.Repeat("a", 80): strings.Repeat("a", 64),
		"https://vpn_x.test": "vpn-x.test", "https://..": "vpn",
	} {
		if got := nameFor(gateway); got != want {
			t.Errorf("%s: %q, want %q", gateway, got, want)
		}
	}
}

func TestCompletion(t *testing.T) {
	pluginFolder(t)
	config := file(t, "penstock.toml", "[connection.corp]\nprotocol='testproto'\n")
	for word, want := range map[string]string{"": "corp\n:0\n", "--compr": "--compression\tHow packets are compressed (none, lz4)\n:4\n"} {
		got := penstock(t, "__complete", "connect", "--config", config, word)
		if got.status != 0 || got.out != want {
			t.Errorf("%q: %d %q %s", word, got.status, got.out, got.err)
		}
	}
}
