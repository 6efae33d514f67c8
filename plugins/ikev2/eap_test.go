package main

import (
	"strings"
	"testing"
)

func TestEAPOptions(t *testing.T) {
	for _, test := range []struct {
		methods, only string
		want          string // the methods that are left, or what is wrong
		alone         bool   // by the certificate
	}{
		{"tls", "", "tls", true},
		{"tls,peap mschapv2", "", "tls, peap, mschapv2", false},
		{"mschapv2,ttls,gtc,tls", "yes", "ttls, tls", false},
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
		if got := o.methods.String(); got != test.want || o.methods.ByCertificate() != test.alone {
			t.Errorf("%s: %s, by certificate %v", test.methods, got, o.methods.ByCertificate())
		}
	}
}
