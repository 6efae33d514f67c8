package ppplogin

import (
	"errors"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/eaplogin"
	"github.com/penstock-vpn/penstock/plugins/internal/ppp"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

func TestRead(t *testing.T) {
	o, err := Read("vpn.example.com", map[string]string{methodsKey: "eap, pap", eaplogin.Key: "tls"})
	if err != nil || len(o.methods) != 2 || o.methods[0] != ppp.EAP || o.ByCertificate() {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err = Read("vpn.example.com", map[string]string{methodsKey: "eap", eaplogin.Key: "tls"}); err != nil || !o.ByCertificate() {
		t.Errorf("%+v, %v", o, err)
	}
	for key, value := range map[string]string{methodsKey: "mschap", eaplogin.Key: "sim"} {
		values := map[string]string{methodsKey: "eap", eaplogin.Key: "md5"}
		values[key] = value
		var d *diag.Diagnostic
		if _, err := Read("vpn.example.com", values); !errors.As(err, &d) || d.Option != key {
			t.Errorf("%s=%s: %v", key, value, err)
		}
	}
	if _, err := Read("vpn.example.com", nil); err == nil {
		t.Error("no way to log in, and nothing said")
	}
}

// The defaults are values that Read takes, and every name in a help is known.
func TestSchema(t *testing.T) {
	values := map[string]string{}
	for _, o := range Schema("mschapv2,eap,chap-md5,pap") {
		values[o.Key] = o.Default
	}
	if _, err := Read("vpn.example.com", values); err != nil {
		t.Error(err)
	}
}
