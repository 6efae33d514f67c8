package transport

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/secret"
)

// passphrase answers text and counts.
func passphrase(text string, asked *int) Passphrase {
	return func() (secret.String, error) {
		*asked++
		return secret.New(text), nil
	}
}

// user is a client certificate in PEM blocks.
type user struct {
	ca   *authority
	cert tls.Certificate
	key  *pem.Block // PKCS#8
}

func newUser(t *testing.T, key crypto.Signer) *user {
	t.Helper()
	ca := newAuthority(t)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	return &user{ca, ca.issue(key, nil), &pem.Block{Type: "PRIVATE KEY", Bytes: der}}
}

func (u *user) block() *pem.Block { return &pem.Block{Type: "CERTIFICATE", Bytes: u.cert.Leaf.Raw} }
func (u *user) chain() *pem.Block { return &pem.Block{Type: "CERTIFICATE", Bytes: u.ca.cert.Raw} }

// present opens a TLS connection to a server that wants u's certificate and checks it.
func (u *user) present(t *testing.T, c *ClientCert) {
	t.Helper()
	if !c.Leaf().Equal(u.cert.Leaf) {
		t.Errorf("the leaf is %v", c.Leaf().Subject)
	}
	pool := x509.NewCertPool()
	pool.AddCert(u.ca.cert)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		port := listen(t, serveTLS(&tls.Config{
			Certificates: []tls.Certificate{newAuthority(t).issue(newKey(t), nil)}, MaxVersion: version,
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
			VerifyConnection: func(tls.ConnectionState) error { return nil },
		}, func(c *tls.Conn) { _, _ = c.Write([]byte("welcome")) }))
		d := New(Config{Resolver: loopback, ConfirmCertificate: trustAll, Certificate: c})
		s, err := d.OpenTLS(t.Context(), "vpn.test", port, TLSOptions{ClientCertificate: true})
		must(t, err)
		got := make([]byte, 7)
		if _, err := s.Wire(nil).Read(got); err != nil || string(got) != "welcome" {
			t.Errorf("%s: got %q, %v", tls.VersionName(version), got, err)
		}
		if i := s.Info().TLS; !i.CertRequested || !i.CertSent {
			t.Errorf("requested %v, sent %v", i.CertRequested, i.CertSent)
		}
		must(t, s.Close())
	}
}

func TestLoadPEM(t *testing.T) {
	ecKey := newKey(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	sec1, err := x509.MarshalECPrivateKey(ecKey)
	must(t, err)
	ec, rs := newUser(t, ecKey), newUser(t, rsaKey)
	cases := map[string]struct {
		u            *user
		cert, key    []*pem.Block
		certificates int
	}{
		"two files":            {ec, []*pem.Block{ec.block()}, []*pem.Block{ec.key}, 1},
		"one file, key first":  {ec, []*pem.Block{ec.key, ec.block()}, nil, 1},
		"chain, leaf last":     {rs, []*pem.Block{rs.chain(), rs.block()}, []*pem.Block{rs.key}, 2},
		"PKCS#1":               {rs, []*pem.Block{rs.block()}, []*pem.Block{{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey)}}, 1},
		"SEC 1 and parameters": {ec, []*pem.Block{ec.block()}, []*pem.Block{{Type: "EC PARAMETERS", Bytes: []byte{5, 0}}, {Type: "EC PRIVATE KEY", Bytes: sec1}}, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			keyFile := ""
			if c.key != nil {
				keyFile = writePEM(t, "key.pem", c.key...)
			}
			got, err := LoadClientCert(writePEM(t, "cert.pem", c.cert...), keyFile, nil)
			must(t, err)
			if len(got.pair.Certificate) != c.certificates {
				t.Errorf("%d certificates", len(got.pair.Certificate))
			}
			c.u.present(t, got)
			must(t, got.Close())
		})
	}
}

// TestLoadEncrypted takes keys as openssl encrypts them.
func TestLoadEncrypted(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	u := newUser(t, rsaKey)
	plain := writePEM(t, "plain.pem", u.key)
	for name, args := range map[string][]string{
		"PBES2 default":        {"pkcs8", "-topk8", "-passout", "pass:open"},
		"PBES2 SHA-1 3DES":     {"pkcs8", "-topk8", "-v2", "des3", "-v2prf", "hmacWithSHA1", "-passout", "pass:open"},
		"PBES2 SHA-512 AES128": {"pkcs8", "-topk8", "-v2", "aes128", "-v2prf", "hmacWithSHA512", "-passout", "pass:open"},
		"scrypt":               {"pkcs8", "-topk8", "-scrypt", "-passout", "pass:open"},
		"old PEM":              {"rsa", "-traditional", "-aes256", "-passout", "pass:open"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "key.pem")
			openssl(t, append(args, "-in", plain, "-out", file)...)
			cert, asked := writePEM(t, "cert.pem", u.block()), 0
			got, err := LoadClientCert(cert, file, passphrase("open", &asked))
			must(t, err)
			if asked != 1 {
				t.Errorf("asked %d times", asked)
			}
			u.present(t, got)
			_, err = LoadClientCert(cert, file, passphrase("wrong", &asked))
			d := wantDiagnostic(t, err, diag.Config, "key-password")
			if strings.Contains(d.Error(), "wrong ") && strings.Contains(d.Error(), "open") {
				t.Errorf("shows the passphrase: %v", d)
			}
			_, err = LoadClientCert(cert, file, nil)
			wantDiagnostic(t, err, diag.Config, "key-password")
		})
	}
	file := filepath.Join(t.TempDir(), "old.pem")
	openssl(t, "pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES", "-passout", "pass:open", "-in", plain, "-out", file)
	asked := 0
	_, err = LoadClientCert(writePEM(t, "cert.pem", u.block()), file, passphrase("open", &asked))
	if d := wantDiagnostic(t, err, diag.Config, "userkey"); !strings.Contains(d.Detail, "openssl pkcs8") {
		t.Errorf("got %v", d)
	}
}

func openssl(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("openssl", args...).CombinedOutput(); err != nil {
		t.Fatalf("openssl %s: %v\n%s", args[0], err, out)
	}
}

func TestLoadPKCS12(t *testing.T) {
	u := newUser(t, newKey(t))
	for name, password := range map[string]string{"with": "open", "without": ""} {
		t.Run(name, func(t *testing.T) {
			data, err := pkcs12.Modern.Encode(u.cert.PrivateKey, u.cert.Leaf, []*x509.Certificate{u.ca.cert}, password)
			must(t, err)
			file := filepath.Join(t.TempDir(), "user.p12")
			must(t, os.WriteFile(file, data, 0o600))
			asked := 0
			got, err := LoadClientCert(file, "", passphrase(password, &asked))
			must(t, err)
			if len(got.pair.Certificate) != 2 || asked != len(password)/4 {
				t.Errorf("%d certificates, asked %d times", len(got.pair.Certificate), asked)
			}
			u.present(t, got)
			if password == "" {
				return
			}
			_, err = LoadClientCert(file, "", passphrase("wrong", &asked))
			wantDiagnostic(t, err, diag.Config, "key-password")
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	u, other := newUser(t, newKey(t)), newUser(t, newKey(t))
	good, key := writePEM(t, "cert.pem", u.block()), writePEM(t, "key.pem", u.key)
	damaged := &pem.Block{Type: "CERTIFICATE", Bytes: []byte("garbage")}
	huge := filepath.Join(t.TempDir(), "huge")
	must(t, os.WriteFile(huge, bytes.Repeat([]byte{1}, maxKeyFile+1), 0o600))
	cases := map[string]struct{ cert, key, option string }{
		"no such certificate": {"/nonexistent", key, "usercert"},
		"no such key":         {good, "/nonexistent", "userkey"},
		"no key":              {good, "", "userkey"},
		"another's key":       {good, writePEM(t, "key.pem", other.key), "userkey"},
		"no certificate":      {key, key, "usercert"},
		"damaged certificate": {writePEM(t, "cert.pem", damaged), key, "usercert"},
		"damaged key":         {good, writePEM(t, "key.pem", &pem.Block{Type: "PRIVATE KEY", Bytes: []byte{1}}), "userkey"},
		"neither PEM nor P12": {writeFile(t, "not a certificate"), "", "usercert"},
		"huge":                {huge, "", "usercert"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := LoadClientCert(c.cert, c.key, nil)
			wantDiagnostic(t, err, diag.Config, c.option)
		})
	}
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// TestClientCertificateIsWanted: the gateway asks, and there is none, or a bad one.
func TestClientCertificateIsWanted(t *testing.T) {
	u := newUser(t, newKey(t))
	cert, err := LoadClientCert(writePEM(t, "cert.pem", u.block(), u.key), "", nil)
	must(t, err)
	port := listen(t, serveTLS(&tls.Config{
		Certificates: []tls.Certificate{u.ca.issue(newKey(t), nil)}, MaxVersion: tls.VersionTLS12,
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: x509.NewCertPool(),
	}, echoTLS))
	for says, c := range map[string]*ClientCert{"wants a client certificate": nil, "refused the client certificate": cert} {
		d := New(Config{Resolver: loopback, ConfirmCertificate: trustAll, Certificate: c})
		_, err := d.OpenTLS(t.Context(), "vpn.test", port, TLSOptions{ClientCertificate: true})
		if got := wantDiagnostic(t, err, diag.AuthRefused, "usercert"); !strings.Contains(got.Summary, says) {
			t.Errorf("got %v", got)
		}
	}
	d := New(Config{Resolver: loopback, ConfirmCertificate: trustAll, Certificate: cert})
	_, err = d.OpenTLS(t.Context(), "vpn.test", port, TLSOptions{}) // the plugin does not want it presented
	wantDiagnostic(t, err, diag.AuthRefused, "usercert")
}

func FuzzDecryptPKCS8(f *testing.F) {
	f.Add([]byte{0x30, 0x03, 0x02, 0x01, 0x00})
	f.Fuzz(func(t *testing.T, der []byte) {
		if out, err := decryptPKCS8(der, []byte("x")); err == nil && len(out) > len(der) {
			t.Errorf("%d bytes from %d", len(out), len(der))
		}
	})
}
