package ikelogin

import (
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

func TestGateway(t *testing.T) {
	for text, want := range map[string]struct {
		host string
		port int
	}{
		"vpn.test": {"vpn.test", 0}, " https://vpn.test/ ": {"vpn.test", 0}, "vpn.test:4500": {"vpn.test", 4500}, "192.0.2.1": {"192.0.2.1", 0},
		"2001:db8::1": {"2001:db8::1", 0}, "[2001:db8::1]": {"2001:db8::1", 0}, "[2001:db8::1]:500": {"2001:db8::1", 500},
	} {
		if host, port, err := Gateway(text); err != nil || host != want.host || port != want.port {
			t.Errorf("%q: %s, %d, %v", text, host, port, err)
		}
	}
	for _, wrong := range []string{"", "a b", "vpn:0", "vpn:65536", "vpn:x", ":500", "alice@vpn", "vpn/staff"} {
		if _, _, err := Gateway(wrong); diag.Of(err).Option != "gateway" {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

func TestIdentities(t *testing.T) {
	for text, want := range map[string]ike.ID{
		"alice@example.com": {Kind: ike.IDEmail, Data: []byte("alice@example.com")}, "vpn.example.com": {Kind: ike.IDFQDN, Data: []byte("vpn.example.com")},
		"@vpn": {Kind: ike.IDFQDN, Data: []byte("vpn")}, "2001:db8::1": {Kind: ike.IDIPv6, Data: []byte("\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01")},
		"10.0.0.1": {Kind: ike.IDIPv4, Data: []byte{10, 0, 0, 1}}, "key:group": {Kind: ike.IDKey, Data: []byte("group")},
		"CN=a":                       {Kind: ike.IDDN, Data: []byte("\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x13\x01a")},
		"{201}:*$AnyConnectClient$*": {Kind: ike.IDAnyCisco, Data: []byte("*$AnyConnectClient$*")}, "{10}:#3000": {Kind: ike.IDGN, Data: []byte{0x30, 0}},
	} {
		if got, err := Identity(text); err != nil || got.Kind != want.Kind || string(got.Data) != string(want.Data) {
			t.Errorf("%s: %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, bad := range []string{"{", "{0}:a", "{256}:a", "{1}a", "{1}:", "{1}:#0", "{1}:#", "X=1"} {
		if id, err := Identity(bad); err == nil {
			t.Errorf("%s is %v", bad, id)
		}
	}
	if id, err := Identity(""); id != nil || err != nil {
		t.Error("an identity out of nothing")
	}
}

func TestSharedKey(t *testing.T) {
	for text, want := range map[string]string{"0x4142": "AB", "0xyz": "0xyz", "secret": "secret", "": ""} {
		if got := SharedKey(text); string(got) != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}
