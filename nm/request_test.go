package nm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
)

// made is a connection as NetworkManager sends it.
func made(data, secrets map[string]string) settings {
	return settings{
		"connection": {"id": dbus.MakeVariant("corp-vpn"), "uuid": dbus.MakeVariant("8e5d4b57-3c3a-4a0e-9b5e-0f6f0c2d1e77"), "type": dbus.MakeVariant("vpn")},
		"vpn":        {"service-type": dbus.MakeVariant(ServiceName), "data": dbus.MakeVariant(data), "secrets": dbus.MakeVariant(secrets)},
		"ipv4":       {"never-default": dbus.MakeVariant(true)},
	}
}

// alice is a plain connection, with more entries of data.
func alice(more ...string) map[string]string {
	data := map[string]string{"protocol": "test", "gateway": "vpn.test", "username": "alice"}
	for _, m := range more {
		key, value, _ := strings.Cut(m, "=")
		data[key] = value
	}
	return data
}

func testSchema(protocol string) (option.Schema, error) {
	if protocol == "cisco-ipsec" {
		return append(host.CommonOptions(), option.Option{Key: "group-name"}, option.Option{Key: "group-password", Secret: true}), nil
	}
	if protocol != "test" {
		return nil, diag.New(diag.Plugin, "there is no plugin for the protocol "+protocol, "install it")
	}
	return append(host.CommonOptions(), option.Option{Key: "group"}, option.Option{Key: "pin", Secret: true}), nil
}

func parsed(t *testing.T, s settings) request {
	t.Helper()
	r, err := parseRequest(s, testSchema)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestProfile(t *testing.T) {
	r := parsed(t, made(alice("group=staff", "password-flags=0", "otp-flags=2"), map[string]string{"password": "secret1", "pin": "1234", "otp": "999999"}))
	p, err := r.profile(testSchema)
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != "corp-vpn" || p.Protocol != "test" || p.Options["group"] != "staff" || len(p.Options) != 4 {
		t.Errorf("got %+v", p)
	}
	if len(p.Secrets) != 2 || p.Secrets["password"].Reveal() != "secret1" || p.Secrets["pin"].Reveal() != "1234" {
		t.Errorf("the secrets are %v of %d", p.Secrets, len(p.Secrets))
	}
	if !r.never4 || r.never6 {
		t.Error("never-default was not read")
	}
}

// Every refusal names the option and says what to do.
func TestProfileRefused(t *testing.T) {
	for words, data := range map[string]map[string]string{
		"vpn.data gateway":  {"protocol": "test"},
		"vpn.data protocol": {"gateway": "vpn.test"},
		"did you mean user": alice("usernam=bob"),
		"vpn.data script":   alice("script=/bin/evil"),
		"vpn.data mtu":      alice("mtu=12"),
		"is a secret":       alice("password=secret1"),
	} {
		r := parsed(t, made(data, nil))
		_, err := r.profile(testSchema)
		if err == nil {
			t.Errorf("%v was taken", data)
			continue
		}
		refused := refusal(err)
		if refused.Name != errorPrefix+badArguments || !strings.Contains(refused.Body[0].(string), words) {
			t.Errorf("%v gave %v, want %q in it", data, refused, words)
		}
	}
	r := parsed(t, made(alice("protocol=strange"), nil))
	if _, err := r.profile(testSchema); refusal(err).Name != errorPrefix+launchFailed {
		t.Errorf("a missing plugin gave %v", err)
	}
}

func TestHostileRequests(t *testing.T) {
	many := map[string]string{}
	for i := range maxEntries + 1 {
		many[strings.Repeat("k", i%100)+string(rune('a'+i%26))+strings.Repeat("x", i/26)] = "v"
	}
	for what, s := range map[string]settings{
		"a list":        {"vpn": {"data": dbus.MakeVariant([]string{"protocol=test"})}},
		"variants":      {"vpn": {"secrets": dbus.MakeVariant(map[string]dbus.Variant{})}},
		"a long key":    made(map[string]string{strings.Repeat("k", maxKey+1): "v"}, nil),
		"a long value":  made(map[string]string{"k": strings.Repeat("v", maxValue+1)}, nil),
		"a long secret": made(nil, map[string]string{"k": strings.Repeat("v", maxValue+1)}),
		"many entries":  made(many, nil),
	} {
		if _, err := parseRequest(s, testSchema); err == nil || diag.Of(err).Code != diag.Invalid {
			t.Errorf("%s: got %v", what, err)
		}
	}
	for _, s := range []settings{nil, {}, {"vpn": nil}, {"connection": {"id": dbus.MakeVariant(7), "permissions": dbus.MakeVariant("user:x")}}} {
		if r := parsed(t, s); r.id != "" || r.owner != "" {
			t.Errorf("%v gave %+v", s, r)
		}
	}
}

func TestNames(t *testing.T) {
	for id, want := range map[string]string{
		"corp-vpn": "corp-vpn", "a.b_c": "a.b_c", "My VPN": "nm-My_VPN-8e5d4b57", "": "nm--8e5d4b57", "..": "nm--8e5d4b57", "büro/../x": "nm-b_ro_.._x-8e5d4b57",
		strings.Repeat("x", 90): "nm-" + strings.Repeat("x", 48) + "-8e5d4b57",
	} {
		r := request{id: id, uuid: "8e5d4b57-3c3a"}
		if got := r.name(); got != want || len(got) > maxName {
			t.Errorf("%q is called %q, want %q", id, got, want)
		}
	}
}

func TestOwner(t *testing.T) {
	for want, list := range map[string][]string{"": nil, "alice": {"user:alice:"}, "bob": {"user:zoe", "user:bob:", "group:x"}} {
		if got := onlyUser(dbus.MakeVariant(list)); got != want {
			t.Errorf("%v belongs to %q, want %q", list, got, want)
		}
	}
	for want, r := range map[string]request{"alice": {owner: "alice", user: "root"}, "carol": {user: "carol"}, "nobody": {}} {
		if got := r.asUser(); got != want {
			t.Errorf("%+v runs programs as %q", r, got)
		}
	}
}

func TestNeedSecrets(t *testing.T) {
	for _, c := range []struct {
		data    map[string]string
		secrets map[string]string
		want    bool
	}{
		{alice(), nil, false}, // asked for when the gateway does
		{alice("password-flags=0"), nil, false},
		{alice("password-flags=1"), nil, true},
		{alice("password-flags=2"), nil, true},
		{alice("password-flags=2"), map[string]string{"password": "x"}, false},
		{alice("password-flags=2"), map[string]string{"password": ""}, true},
		{alice("password-flags=6"), nil, false},
		{alice("password-flags=1", "pin-flags=2"), map[string]string{"password": "x"}, true},
		{alice("otp-flags=2"), nil, false}, // no option: it is asked for in mid-login
		{alice("password-flags=99"), nil, false},
		{alice("protocol=strange", "password-flags=2"), nil, false}, // Connect says what is wrong
	} {
		r := parsed(t, made(c.data, c.secrets))
		if got := r.needSecrets(testSchema); got != c.want {
			t.Errorf("%v with %d secrets needs more: %v, want %v", c.data, len(c.secrets), got, c.want)
		}
	}
}

// A user's connection must not have root read or load what the user cannot.
func TestFilesOfOneUser(t *testing.T) {
	if os.Geteuid() != 0 && os.Getenv("CI") == "" {
		t.Skip("needs root")
	}
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o755))
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	open, closed := filepath.Join(dir, "open.pem"), filepath.Join(dir, "closed.pem")
	must(t, os.WriteFile(open, []byte("a certificate"), 0o644))
	must(t, os.WriteFile(closed, []byte("a key"), 0o600))
	for _, c := range []struct {
		path, owner string
		ok          bool
	}{
		{open, "nobody", true}, {closed, "nobody", false}, {closed, "", true}, {dir, "nobody", false}, {open, "no-such-user", false},
		{"pkcs11:token=x;object=y", "nobody", true}, {"pkcs11:token=x?pin-source=/etc/shadow", "nobody", false},
		{"pkcs11:token=x?module%2dpath=/tmp/evil.so", "nobody", false}, {"pkcs11:token=x?%zz", "nobody", false}, {"pkcs11:token=x?module-path=/usr/lib/p11.so", "", true},
	} {
		r := request{id: "x", owner: c.owner}
		p := host.Profile{Options: option.Values{"usercert": c.path, "username": "alice"}}
		done, err := r.readFiles(&p)
		if (err == nil) != c.ok {
			t.Errorf("%s for %q: %v", c.path, c.owner, err)
			continue
		}
		if err != nil {
			if d := diag.Of(err); d.Option != "usercert" {
				t.Errorf("%v names no option", err)
			}
			continue
		}
		if c.owner != "" && c.path == open {
			if data, err := os.ReadFile(p.Options["usercert"]); err != nil || string(data) != "a certificate" {
				t.Errorf("read %q, %v", data, err)
			}
		} else if p.Options["usercert"] != c.path {
			t.Errorf("%s became %s", c.path, p.Options["usercert"])
		}
		done()
	}
}
