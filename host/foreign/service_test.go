package foreign

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// No value of any key gets into what is said of it: it may be a secret in a wrong place.
func TestServicesShowNoValues(t *testing.T) {
	const value = "h1dden"
	for name, s := range services {
		data := map[string]string{"novel": value}
		for key := range s.data {
			data[key] = value
		}
		secrets := map[string]string{"other": value}
		for _, key := range slices.Concat(slices.Collect(maps.Keys(s.secrets)), slices.Collect(maps.Keys(s.keeps))) {
			secrets[key] = value
		}
		c, err := Translate(ServicePrefix+name, data, secrets)
		if err != nil {
			t.Fatal(err)
		}
		if said := strings.Join(append(c.Notes, c.Refused), "\n"); !strings.Contains(said, "novel") || !strings.Contains(said, "other") || strings.Contains(said, value) {
			t.Errorf("%s: the notes are %q", name, said)
		}
	}
}

// Options of ours in a connection of another service count for more than its own keys,
// and say how what is asked for is kept.
func TestOwnOptionsPass(t *testing.T) {
	own := func(protocol, key string) bool {
		return protocol == "pptp" && slices.Contains([]string{"allow-insecure", "auth-methods", "key-password", "gateway"}, key)
	}
	c, err := TakeOver(ServicePrefix+"pptp", map[string]string{
		"gateway": "pptp.test", "user": "bob", "refuse-eap": "yes", "password-flags": "1", "otp-flags": "2",
		"allow-insecure": "true", "auth-methods": "pap", "unknown": "x",
	}, map[string]string{"password": "secret1", "key-password": "secret2"}, own)
	if err != nil {
		t.Fatal(err)
	}
	want := `
  allow-insecure = true
  auth-methods = pap
  gateway = pptp.test
  protocol = pptp
  username = bob
  secret key-password = secret2
  secret password = secret1
  flags of password = 1
  kept password = password
  note unknown: penstock has no such setting
`
	c.Name = ""
	if got := told(Result{Connections: []Connection{c}}); got != want {
		t.Errorf("got %s", got)
	}
	if len(c.Spoken) != 1 || c.Spoken["otp"] != "2" {
		t.Errorf("the flags of answers are %v", c.Spoken)
	}
}

// What cannot be had says so, names the key, and what to do.
func TestRefusedConnections(t *testing.T) {
	for _, c := range []struct{ service, data, want string }{
		{"l2tp", "gateway=a", "ipsec-enabled: L2TP without IPsec"},
		{"l2tp", "gateway=a ipsec-enabled=yes ipsec-ikev2=yes", "ipsec-ikev2: L2TP goes with IKE version 1"},
		{"l2tp", "gateway=a ipsec-enabled=yes user-auth-type=tls machine-auth-type=tls", "user-auth-type: only one"},
		{"pptp", "gateway=a refuse-eap=yes refuse-mschapv2=yes", "refuse-mschapv2: no way to log in"},
		{"vpnc", "IPSec.gateway=a IKE.DH.Group=dh1", "IKE DH Group: this group is not offered"},
		{"vpnc", "IPSec.gateway=a Enable.no.encryption=yes", "Enable no encryption: penstock makes no tunnel"},
		{"vpnc", "IPSec.gateway=a IKE.Authmode=cert", "IKE Authmode: NetworkManager-vpnc has no keys"},
		{"vpnc", "IPSec.gateway=a Perfect.Forward.Secrecy=dh1", "Perfect Forward Secrecy: this group"},
		{"strongswan", "address=a", "method: there is no such way"},
		{"strongswan", "address=a method=agent usercert=/x", "cert-source: keys of an SSH agent"},
		{"strongswan", "address=a method=cert cert-source=smartcard", "cert-source: say which certificate"},
		{"strongswan", "address=a method=smartcard usercert=pkcs11:object=x", ""},
		{"sstp", "gateway=a", ""},
	} {
		data := map[string]string{}
		for _, word := range strings.Fields(c.data) {
			key, value, _ := strings.Cut(word, "=")
			data[strings.ReplaceAll(key, ".", " ")] = value
		}
		got, err := Translate(ServicePrefix+c.service, data, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.want == "" && got.Refused != "" || !strings.HasPrefix(got.Refused, c.want) {
			t.Errorf("%s %s is refused with %q, want %q", c.service, c.data, got.Refused, c.want)
		}
		if got.Refused != "" && !slices.Contains(got.Notes, got.Refused) {
			t.Errorf("%s %s: the refusal is not among the notes %q", c.service, c.data, got.Notes)
		}
	}
}

// The session that another program logged in to is used, and its gateway's pin; a file
// never has one that is still good.
func TestSessionOfOpenConnect(t *testing.T) {
	c, err := Translate(ServicePrefix+"openconnect", map[string]string{"gateway": "vpn.test", "cookie-flags": "2"},
		map[string]string{"cookie": "c00kie", "gateway": "node7.vpn.test:443", "gwcert": "pin-sha256:AAAA", "resolve": "node7.vpn.test:192.0.2.7"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Options["gateway"] != "node7.vpn.test:443" || c.Options["servercert"] != "pin-sha256:AAAA" || c.Options["resolve"] != "node7.vpn.test:192.0.2.7" || c.Secrets["cookie"].Reveal() != "c00kie" {
		t.Errorf("got %v", c.Options)
	}
	r, err := Read([]byte("[connection]\nid=a\ntype=vpn\n[vpn]\nservice-type=org.freedesktop.NetworkManager.openconnect\ngateway=vpn.test\n[vpn-secrets]\ncookie=c00kie\ngateway=x\ngwcert=y\n"))
	if err != nil || len(r.Connections[0].Secrets) != 0 || r.Connections[0].Options["gateway"] != "vpn.test" || r.Connections[0].Options["servercert"] != "" {
		t.Errorf("%v, got %s", err, told(r))
	}
}
