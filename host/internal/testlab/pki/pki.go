// Package pki makes the certificates of a test lab: authorities, gateways good and
// bad, and users, as PEM and PKCS#12 files.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// P12Password opens the PKCS#12 files.
const P12Password = "sesame"

// PKI is a folder with an authority's certificates. Every name below stands for
// NAME.pem and NAME.key.
//
//	ca, other-ca                     authorities; nobody trusts the second
//	server, server-ec, server-large  the gateway; the last one with a certificate of 4 KB
//	expired, misnamed, unknown       a gateway past its time, of another name, of other-ca
//	alice, alice-ec (and .p12)       a user of group staff
//	mallory                          a user of other-ca
type PKI struct{ Dir string }

// oidUID names the user in a certificate's subject.
var oidUID = asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}

// Pair is a certificate with its key.
type Pair struct {
	Cert *x509.Certificate
	Key  crypto.Signer
}

// Write makes the whole PKI in dir for a gateway of these names and addresses.
func Write(dir string, names ...string) (*PKI, error) {
	p := &PKI{dir}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	ca, err := p.authority("ca")
	if err != nil {
		return nil, err
	}
	other, err := p.authority("other-ca")
	if err != nil {
		return nil, err
	}
	year := 365 * 24 * time.Hour
	gateway := x509.Certificate{Subject: subject(names[0], ""), NotAfter: time.Now().Add(year), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	name(&gateway, names)
	expired, misnamed, large := gateway, gateway, gateway
	for i := range 160 {
		large.DNSNames = append(large.DNSNames, fmt.Sprintf("host-%03d.%s", i, names[0]))
	}
	expired.NotAfter = time.Now().Add(-24 * time.Hour)
	misnamed.Subject, misnamed.IPAddresses, misnamed.DNSNames = subject("elsewhere.test", ""), nil, []string{"elsewhere.test"}
	user := x509.Certificate{Subject: subject("alice", "staff"), NotAfter: time.Now().Add(year), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	for _, c := range []struct {
		name     string
		template x509.Certificate
		by       Pair
		key      func() (crypto.Signer, error)
	}{
		{"server", gateway, ca, newRSA}, {"server-ec", gateway, ca, newECDSA}, {"server-large", large, ca, newRSA},
		{"expired", expired, ca, newECDSA}, {"misnamed", misnamed, ca, newECDSA}, {"unknown", gateway, other, newECDSA},
		{"alice", user, ca, newRSA}, {"alice-ec", user, ca, newECDSA}, {"mallory", user, other, newECDSA},
	} {
		if err := p.issue(c.name, c.template, c.by, c.key); err != nil {
			return nil, err
		}
	}
	return p, os.WriteFile(p.P12PasswordFile(), []byte(P12Password+"\n"), 0o600)
}

// P12PasswordFile holds P12Password.
func (p *PKI) P12PasswordFile() string { return filepath.Join(p.Dir, "p12-password") }

// Cert and Key are paths; P12 is that of alice's or alice-ec's bundle.
func (p *PKI) Cert(name string) string { return filepath.Join(p.Dir, name+".pem") }

// Key is described at Cert.
func (p *PKI) Key(name string) string { return filepath.Join(p.Dir, name+".key") }

// P12 is described at Cert.
func (p *PKI) P12(name string) string { return filepath.Join(p.Dir, name+".p12") }

// TLS loads a pair for a test gateway.
func (p *PKI) TLS(name string) (tls.Certificate, error) {
	return tls.LoadX509KeyPair(p.Cert(name), p.Key(name))
}

func (p *PKI) authority(name string) (Pair, error) {
	key, err := newECDSA()
	if err != nil {
		return Pair{}, err
	}
	t := x509.Certificate{Subject: subject("Lab authority "+name, ""), NotAfter: time.Now().Add(365 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
	cert, err := sign(&t, nil, key, key)
	if err != nil {
		return Pair{}, err
	}
	return Pair{cert, key}, p.write(name, cert, key)
}

func (p *PKI) issue(name string, t x509.Certificate, by Pair, newKey func() (crypto.Signer, error)) error {
	key, err := newKey()
	if err != nil {
		return err
	}
	t.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	t.BasicConstraintsValid = true
	cert, err := sign(&t, by.Cert, key, by.Key)
	if err != nil {
		return err
	}
	if err := p.write(name, cert, key); err != nil {
		return err
	}
	bundle, err := pkcs12.Modern.Encode(key, cert, []*x509.Certificate{by.Cert}, P12Password)
	if err != nil {
		return err
	}
	return os.WriteFile(p.P12(name), bundle, 0o644)
}

func sign(t, parent *x509.Certificate, key, by crypto.Signer) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
	if err != nil {
		return nil, err
	}
	t.SerialNumber, t.NotBefore = serial, time.Now().Add(-48*time.Hour)
	if parent == nil {
		parent = t
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, key.Public(), by)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// write stores a pair; the keys of a lab are no secret, and ocserv's and the
// client's users must read them.
func (p *PKI) write(name string, cert *x509.Certificate, key crypto.Signer) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.WriteFile(p.Key(name), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o644); err != nil {
		return err
	}
	return os.WriteFile(p.Cert(name), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}), 0o644)
}

func subject(cn, group string) pkix.Name {
	n := pkix.Name{Organization: []string{"Penstock lab"}, CommonName: cn}
	if group != "" {
		n.OrganizationalUnit = []string{group}
		n.ExtraNames = []pkix.AttributeTypeAndValue{{Type: oidUID, Value: cn}}
	}
	return n
}

func name(t *x509.Certificate, names []string) {
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, n)
		}
	}
}

// newRSA returns the same key each time: it takes a second to find one.
var newRSA = sync.OnceValues(func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newECDSA() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }
