package main

import (
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/plugins/anyconnect/internal/auth"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

func TestReadOptions(t *testing.T) {
	o, err := readOptions(map[string]string{
		"gateway": "vpn.test", "force-dpd": "30s", "mtu": "1300", "sso": "embedded", "usercert": "/a.pem", "no-dtls": "yes",
		"form-entry": "main:a=b,x:y=z", "dtls-ciphers": "PSK-NEGOTIATE,AES256-GCM-SHA384", "local-hostname": "laptop",
	})
	if err != nil {
		t.Fatal(err)
	}
	if o.dpd != 30*time.Second || o.mtu != 1300 || o.sso != auth.SSOEmbedded || !o.certificate || !o.noDTLS || len(o.entries) != 2 || o.noPSK || len(o.suites) != 1 || o.hostname != "laptop" || o.userAgent != defaultUserAgent {
		t.Errorf("got %+v", o)
	}
	if o, err = readOptions(map[string]string{"gateway": "vpn.test", "proxy": "http://p:1", "force-dpd": "20"}); err != nil || !o.noDTLS || o.dpd != 20*time.Second || o.noPSK || len(o.suites) < 4 {
		t.Errorf("through a proxy: got %+v, %v", o, err)
	}
	for key, value := range map[string]string{"dtls-ciphers": "DES-CBC3-SHA", "form-entry": "main", "gateway": "http://x"} {
		values := map[string]string{"gateway": "vpn.test"}
		values[key] = value
		if d := (&plugin{}).Validate(values); len(d) != 1 || d[0].Option != key || d[0].Code != diag.Config {
			t.Errorf("%s=%s: got %+v", key, value, d)
		}
	}
}

func TestSchemaIsSound(t *testing.T) {
	if err := schema().Check(); err != nil {
		t.Error(err)
	}
}
