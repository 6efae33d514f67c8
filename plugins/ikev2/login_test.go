package main

import (
	"slices"
	"strings"
	"testing"
)

// What is asked for before the first message follows from the ways to log in.
func TestFields(t *testing.T) {
	for _, test := range []struct{ auth, auth2, methods, want string }{
		{"eap", "", "", "username password"}, {"psk", "", "", "psk"}, {"cert", "", "", ""}, {"anyconnect", "none", "", ""},
		{"cert", "eap", "", "username password"}, {"eap", "cert", "", "username password"}, {"psk", "eap", "", "psk username password"},
		{"eap", "psk", "", "username password psk"}, {"cert", "psk", "", "psk"}, {"eap", "eap", "", "username password secondary-username secondary-password"},
		{"eap", "", "tls", ""}, {"psk", "eap", "tls", "psk"},
	} {
		methods := test.methods
		if methods == "" {
			methods = "tls,peap,ttls,mschapv2,gtc,md5"
		}
		o, err := readOptions(map[string]string{"gateway": "vpn.example.com", "auth": test.auth, "auth2": test.auth2, "eap-methods": methods})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range o.fields() {
			if names = append(names, f.Name); f.Option != f.Name || !f.MayStore {
				t.Errorf("%+v", f)
			}
		}
		if got := strings.Join(names, " "); got != test.want || o.asksPassword() != slices.Contains(names, "password") {
			t.Errorf("%s and %s ask for %q, want %q", test.auth, test.auth2, got, test.want)
		}
	}
}

func TestRoundsThatMakeNoSense(t *testing.T) {
	for _, pair := range [][2]string{{"cert", "cert"}, {"psk", "psk"}, {"anyconnect", "eap"}} {
		all := (&plugin{}).Validate(map[string]string{"gateway": "vpn.example.com", "auth": pair[0], "auth2": pair[1]})
		if len(all) != 1 || all[0].Option != "auth2" {
			t.Errorf("%v: %v", pair, all)
		}
	}
}
