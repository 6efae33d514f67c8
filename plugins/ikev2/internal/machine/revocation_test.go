package machine

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
)

// authority issues and revokes.
type authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{t: t, key: key}
	a.cert = a.issue(&x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, SubjectKeyId: []byte{1},
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, Subject: pkix.Name{CommonName: "authority"}}, key)
	return a
}

func (a *authority) issue(c *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	a.t.Helper()
	c.NotBefore, c.NotAfter = start.Add(-time.Hour), start.Add(time.Hour)
	parent := a.cert
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return made
}

// list is a CRL of those serial numbers.
func (a *authority) list(until time.Time, serials ...int64) *ike.Cert {
	a.t.Helper()
	l := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: start.Add(-time.Hour), NextUpdate: until}
	for _, n := range serials {
		l.RevokedCertificateEntries = append(l.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: big.NewInt(n), RevocationTime: start.Add(-time.Minute)})
	}
	der, err := x509.CreateRevocationList(rand.Reader, l, a.cert, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return &ike.Cert{Encoding: ike.CRL, Data: der}
}

// answer is one of OCSP.
func (a *authority) answer(serial int64, status int) *ike.Cert {
	a.t.Helper()
	der, err := ocsp.CreateResponse(a.cert, a.cert, ocsp.Response{Status: status, SerialNumber: big.NewInt(serial), ThisUpdate: start.Add(-time.Hour),
		NextUpdate: start.Add(time.Hour), RevokedAt: start.Add(-time.Minute)}, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return &ike.Cert{Encoding: ike.OCSP, Data: der}
}

func TestRevocation(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	leaf := a.issue(&x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "vpn.test"}}, a.key)
	chain := []*x509.Certificate{leaf, a.cert}
	later := start.Add(time.Hour)
	for name, test := range map[string]struct {
		sent    *ike.Cert
		revoked bool
	}{
		"on the list": {a.list(later, 3, 7), true}, "not on the list": {a.list(later, 3), false}, "on an old list": {a.list(start.Add(-time.Minute), 7), false},
		"on another's list": {other.list(later, 7), false}, "no list": {&ike.Cert{Encoding: ike.CRL, Data: []byte("list")}, false},
		"revoked by OCSP": {a.answer(7, ocsp.Revoked), true}, "good by OCSP": {a.answer(7, ocsp.Good), false}, "another by OCSP": {a.answer(8, ocsp.Revoked), false},
		"by another's OCSP": {other.answer(7, ocsp.Revoked), false}, "no OCSP": {&ike.Cert{Encoding: ike.OCSP, Data: []byte("answer")}, false},
	} {
		if err := revocationOf([]ike.Payload{test.sent}).check(chain, start); (err != nil) != test.revoked {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, short := range [][]*x509.Certificate{nil, chain[:1]} {
		if err := revocationOf([]ike.Payload{a.list(later, 7)}).check(short, start); err != nil {
			t.Errorf("without the authority: %v", err)
		}
	}
}

// Whatever a stranger sends about certificates is read without harm.
func FuzzRevocation(f *testing.F) {
	a := newAuthority(f)
	leaf := a.issue(&x509.Certificate{SerialNumber: big.NewInt(7)}, a.key)
	f.Add(byte(ike.CRL), a.list(start.Add(time.Hour), 8).Data)
	f.Add(byte(ike.OCSP), a.answer(7, ocsp.Good).Data)
	f.Fuzz(func(t *testing.T, encoding byte, data []byte) {
		sent := []ike.Payload{&ike.Cert{Encoding: ike.Encoding(encoding), Data: data}}
		if err := revocationOf(sent).check([]*x509.Certificate{leaf, a.cert}, start); err != nil {
			t.Fatalf("%x revokes: %v", data, err)
		}
	})
}
