package eaplogin

import (
	"slices"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/eap"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// A certificate that the user does not have is not offered; what the gateway may choose
// from goes in the order of the option.
func TestOffer(t *testing.T) {
	for _, value := range []string{"tls,gtc,ttls", "tls,gtc,ttls-eap,ttls"} {
		m, err := Read(value)
		if err != nil {
			t.Fatal(err)
		}
		l := &Login{ctx: t.Context(), methods: m, who: Person{Username: "alice"}}
		reply, err := l.Peer().Handle(eap.Packet{Code: eap.Request, ID: 1, Type: eap.TypePEAP, Data: []byte{0x20}}.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if nak, err := eap.Parse(reply); err != nil || nak.Type != eap.TypeNak || !slices.Equal(slices.Compact(nak.Data), []byte{byte(eap.TypeGTC), byte(eap.TypeTTLS)}) {
			t.Errorf("the offer is %x, %v", reply, err)
		}
	}
}

// Every method that has a name can be made, but for the one that wants a certificate.
func TestMethods(t *testing.T) {
	m, err := Read(Names())
	if err != nil || m.String() != Names() || m.ByCertificate() || !m.wantCertificate() {
		t.Fatalf("%v, %v", m, err)
	}
	l := &Login{ctx: t.Context(), methods: m, who: Person{Username: "alice", Password: "secret"}}
	for _, method := range m {
		if made := method.make(l); (made == nil) != (method.name == methodTLS) {
			t.Errorf("%s: %v", method.name, made)
		}
	}
	if p := m.Proving(); p.String() != "tls, peap, ttls, ttls-mschapv2, ttls-eap" {
		t.Errorf("these prove the gateway: %v", p)
	}
	if _, err := Read("tls,leap"); diag.Of(err).Option != Key {
		t.Error(err)
	}
}
