package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/eap"
)

func TestEAPOptions(t *testing.T) {
	for _, test := range []struct {
		methods, only string
		want          string // the methods that are left, or what is wrong
		alone         bool   // by the certificate
	}{
		{"tls", "", "tls", true},
		{"tls,peap mschapv2", "", "tls,peap,mschapv2", false},
		{"mschapv2,ttls,gtc,tls", "yes", "ttls,tls", false},
		{"mschapv2,tls", "true", "tls", true},
		{"mschapv2", "yes", "eap-only", false},
		{"tls,leap", "", `"leap" is unknown`, false},
	} {
		o, err := readEAP(map[string]string{"eap-methods": test.methods, "eap-only": test.only})
		if err != nil {
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: %v, want %s", test.methods, err, test.want)
			}
			continue
		}
		var names []string
		for _, m := range o.methods {
			names = append(names, m.name)
		}
		if got := strings.Join(names, ","); got != test.want || o.byCertificate() != test.alone {
			t.Errorf("%s: %s, by certificate %v", test.methods, got, o.byCertificate())
		}
	}
}

// A certificate that the user does not have is not offered; what the gateway may choose
// from goes in the order of the option.
func TestEAPMethods(t *testing.T) {
	for _, values := range []map[string]string{{"eap-methods": "tls,gtc,ttls"}, {"eap-methods": "tls,gtc,ttls-eap,ttls"}} {
		o := &options{}
		var err error
		if o.eap, err = readEAP(values); err != nil {
			t.Fatal(err)
		}
		peer := (&eapLogin{ctx: t.Context(), o: o, person: person{Username: "alice"}}).peer("nobody")
		reply, err := peer.Handle(eap.Packet{Code: eap.Request, ID: 1, Type: eap.TypePEAP, Data: []byte{0x20}}.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if nak, err := eap.Parse(reply); err != nil || nak.Type != eap.TypeNak || !slices.Equal(slices.Compact(nak.Data), []byte{byte(eap.TypeGTC), byte(eap.TypeTTLS)}) {
			t.Errorf("the offer is %x, %v", reply, err)
		}
	}
}
