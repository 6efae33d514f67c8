package adopt

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/nm/internal/ask"
	"github.com/penstock-vpn/penstock/sdk/option"
)

func schemaOf(protocol string) (option.Schema, error) {
	if protocol == "sstp" {
		return nil, errors.New("no such plugin")
	}
	return option.Schema{{Key: "gateway"}, {Key: "username"}, {Key: "ike"}, {Key: "allow-insecure", Type: option.Bool},
		{Key: "password", Secret: true}, {Key: "psk", Secret: true}, {Key: "group-password", Secret: true}, {Key: "key-password", Secret: true}, {Key: "cookie", Secret: true}}, nil
}

const prefix = "org.freedesktop.NetworkManager."

func words(text string) map[string]string {
	all := map[string]string{}
	for _, word := range strings.Split(text, ", ") {
		if key, value, ok := strings.Cut(word, "="); ok {
			all[key] = value
		}
	}
	return all
}

func of(t *testing.T, service, data, secrets string) Connection {
	t.Helper()
	c, err := Of(prefix+service, words(data), words(secrets), schemaOf)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What an agent has under the other plugin's keys is found under ours, and back.
func TestSecretsBothWays(t *testing.T) {
	for _, c := range []struct{ service, data, secrets, ours, keys string }{
		{"vpnc", "IPSec gateway=a, IPSec secret-flags=1, Xauth password-flags=2", "IPSec secret=s1, Xauth password=s2",
			"group-password=s1, password=s2", "group-password=IPSec secret, password=Xauth password"},
		{"pptp", "gateway=a, password-flags=1", "password=s1", "password=s1", "password=password"},
		{"l2tp", "gateway=a, ipsec-enabled=yes", "password=s1, ipsec-psk=s2, user-certpass=s3", "password=s1, psk=s2, key-password=s3",
			"password=password, psk=ipsec-psk, key-password=user-certpass"},
		{"l2tp", "gateway=a, ipsec-enabled=yes, machine-auth-type=tls", "machine-certpass=s3", "key-password=s3", "key-password=machine-certpass"},
		{"sstp", "gateway=a", "password=s1, tls-user-key-secret=s2, proxy-password=s3", "password=s1, key-password=s2, proxy-password=s3",
			"key-password=tls-user-key-secret, proxy-password=proxy-password"},
		{"strongswan", "address=a, method=eap", "password=s1", "password=s1", "password=password"},
		{"strongswan", "address=a, method=psk", "password=s1", "psk=s1", "psk=password"},
		{"strongswan", "address=a, method=cert", "password=s1", "key-password=s1", "key-password=password"},
		{"openconnect", "gateway=a", "form:main:password=s1, key_pass=s2", "password=s1, key-password=s2", "key-password=key_pass, username=form:main:username"},
		{"openconnect", "gateway=a, username-flags=2", "", "", "username=username"}, // which says that it is our key
	} {
		got := of(t, c.service, c.data, c.secrets)
		if !maps.Equal(got.Secrets, words(c.ours)) {
			t.Errorf("%s %s: the secrets are %v, want %s", c.service, c.data, got.Secrets, c.ours)
		}
		for ours, theirs := range words(c.keys) {
			if key := got.Key(ours); key != theirs {
				t.Errorf("%s %s: %s is kept as %q, want %q", c.service, c.data, ours, key, theirs)
			}
		}
	}
	flags := of(t, "vpnc", "IPSec gateway=a, IPSec secret-flags=1, xauth-password-type=ask, otp-flags=2", "").Data
	for key, want := range map[string]string{"group-password-flags": "1", "password-flags": "2", "otp-flags": "2"} {
		if flags[key] != want {
			t.Errorf("%s is %q, want %s", key, flags[key], want)
		}
	}
}

// One of ours stays as it is.
func TestOurOwn(t *testing.T) {
	data, secrets := words("protocol=sstp, gateway=a"), words("password=s1")
	for _, service := range []string{prefix + "penstock", "", "vpnc", prefix + "openvpn"} {
		c, err := Of(service, data, secrets, schemaOf)
		if err != nil || c.Adopted || !maps.Equal(c.Data, data) || !maps.Equal(c.Secrets, secrets) || c.Key("password") != "password" {
			t.Errorf("%q: %+v, %v", service, c, err)
		}
	}
}

// An option of ours counts beside the other plugin's, if its protocol has it.
func TestOptionsBeside(t *testing.T) {
	c := of(t, "pptp", "gateway=a, allow-insecure=true, strange=1", "")
	if c.Data["allow-insecure"] != "true" || c.Data["strange"] != "" || len(c.Notes) != 1 || !strings.HasPrefix(c.Notes[0], "strange:") {
		t.Errorf("%v, %q", c.Data, c.Notes)
	}
	c = of(t, "vpnc", "IPSec gateway=a, IKE DH Group=dh2, ike=aes256-sha256-modp2048", "")
	if c.Data["ike"] != "aes256-sha256-modp2048" {
		t.Errorf("ike is %q", c.Data["ike"])
	}
}

const session = ", cookie-flags=2, gateway-flags=2, gwcert-flags=2"

// A secret that nobody said how to keep is never written to a file with those of
// NetworkManager-openconnect; what it keeps itself is where it looks for it.
func TestAnswersOfOpenConnect(t *testing.T) {
	login := func() ask.Question {
		return ask.Question{Fields: []ask.Field{{Key: "authgroup"}, {Key: "username"}, {Key: "password", Secret: true}, {Key: "otp", Secret: true}, {Key: "pin"}}}
	}
	for _, c := range []struct {
		data string
		q    ask.Question
		want string
	}{
		{"gateway=a" + session, login(), "form:main:group_list form:main:username cookie gwcert pin"},
		{"gateway=a, password-flags=1, username-flags=2" + session, login(), "form:main:group_list username password cookie pin"},
		{"gateway=a", login(), "form:main:group_list form:main:username password otp pin"},
		{"gateway=a" + session, ask.Question{Confirm: &ask.Confirm{}}, "cookie"},
		{"gateway=a" + session, ask.Question{Sso: &ask.Sso{URL: "https://a"}}, "cookie"},
	} {
		of(t, "openconnect", c.data, "").Rename(&c.q)
		if got := strings.Join(c.q.Keys(), " "); got != c.want {
			t.Errorf("%s: asks for %s, want %s", c.data, got, c.want)
		}
		hints, err := c.q.Hints()
		if err != nil {
			t.Fatal(err)
		}
		if arrived, err := ask.ParseHints(hints); err != nil || !slices.Equal(arrived.Keys(), c.q.Keys()) {
			t.Errorf("%s: the dialog gets %q, %v", c.data, arrived.Keys(), err)
		}
	}
}

// Agents may have logged in, as for NetworkManager-openconnect, unless the connection
// has what it takes, or they have left it to us.
func TestSessionIsAskedFor(t *testing.T) {
	for _, c := range []struct {
		data, secrets string
		want          bool
	}{
		{"gateway=a" + session, "", true},
		{"gateway=a", "", true},
		{"gateway=a" + session, "cookie=c, gateway=b, gwcert=d", false},
		{"gateway=a" + session, "gateway=a", false},
		{"gateway=a" + session, "form:main:password=s", false},
		{"gateway=a, usercert=/x" + session, "", false},
		{"gateway=a, password-flags=2" + session, "", false},
		{"gateway=a, cookie-flags=4", "", false},
	} {
		got := of(t, "openconnect", c.data, c.secrets)
		if got.Session != c.want {
			t.Errorf("%s, %s: %v", c.data, c.secrets, got.Session)
		}
		if got.Data["cookie-flags"] != "" || got.Data["gateway-flags"] != "" {
			t.Errorf("%s: the flags of a session are taken for those of options: %v", c.data, got.Data)
		}
	}
	if of(t, "vpnc", "IPSec gateway=a", "").Session {
		t.Error("vpnc has no sessions")
	}
}
