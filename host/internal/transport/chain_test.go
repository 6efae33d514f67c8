package transport

import (
	"context"
	"crypto/x509"
	"encoding/asn1"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

func TestVerifyChain(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	usage := func(u ...x509.ExtKeyUsage) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.ExtKeyUsage = u }
	}
	oid := func(id ...int) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{id} }
	}
	expired := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }
	for name, c := range map[string]struct {
		by     *authority
		change func(*x509.Certificate)
		name   string
		ok     bool
	}{
		"no usage":           {ca, nil, "vpn.test", true},
		"an address":         {ca, nil, "127.0.0.1", true},
		"no name":            {ca, nil, "", true},
		"servers":            {ca, usage(x509.ExtKeyUsageServerAuth), "vpn.test", true},
		"anything":           {ca, usage(x509.ExtKeyUsageAny), "vpn.test", true},
		"IKE":                {ca, oid(1, 3, 6, 1, 5, 5, 7, 3, 17), "vpn.test", true},
		"IKE of old":         {ca, oid(1, 3, 6, 1, 5, 5, 8, 2, 2), "vpn.test", true},
		"clients":            {ca, usage(x509.ExtKeyUsageClientAuth), "vpn.test", false},
		"something else":     {ca, oid(1, 2, 3), "vpn.test", false},
		"another name":       {ca, nil, "evil.test", false},
		"another authority":  {other, nil, "vpn.test", false},
		"no name, expired":   {ca, expired, "", false},
		"clients, no name":   {ca, usage(x509.ExtKeyUsageClientAuth), "", false},
		"authority, no name": {other, nil, "", false},
	} {
		leaf := c.by.issue(newKey(t), c.change).Leaf
		chain := []*x509.Certificate{leaf, c.by.cert}
		d := New(Config{RootCAs: ca.file()})
		err := d.VerifyChain(t.Context(), "vpn.test", c.name, chain)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			wantDiagnostic(t, err, diag.Certificate, "servercert")
		}
		pinned := New(Config{RootCAs: ca.file(), Pins: []string{Pin(leaf)}})
		if err := pinned.VerifyChain(t.Context(), "vpn.test", c.name, chain); err != nil {
			t.Errorf("%s, pinned: %v", name, err)
		}
		asked := 0
		confirmed := New(Config{RootCAs: ca.file(), ConfirmCertificate: func(context.Context, string, []*x509.Certificate, error) (bool, error) {
			asked++
			return true, nil
		}})
		for range 2 {
			if err := confirmed.VerifyChain(t.Context(), "vpn.test", c.name, chain); err != nil {
				t.Errorf("%s, confirmed: %v", name, err)
			}
		}
		if (asked == 0) != c.ok || asked > 1 {
			t.Errorf("%s: asked %d times", name, asked)
		}
	}
	if err := New(Config{Pins: []string{Pin(ca.cert)}}).VerifyChain(t.Context(), "vpn.test", "", []*x509.Certificate{other.cert}); err == nil {
		t.Error("another pin")
	}
	if err := New(Config{}).VerifyChain(t.Context(), "vpn.test", "", nil); err == nil {
		t.Error("no certificate")
	}
}
