package transport

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// serveCert serves TLS with cert, in echo.
func serveCert(t *testing.T, cert tls.Certificate) (port int) {
	t.Helper()
	return listen(t, serveTLS(&tls.Config{Certificates: []tls.Certificate{cert}}, echoTLS))
}

func TestCertificateDiagnostics(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	key := newKey(t)
	cases := map[string]struct {
		cert tls.Certificate
		says []string
	}{
		"expired": {
			ca.issue(key, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-30 * time.Minute) }),
			[]string{"expired on", "clock"},
		},
		"not yet valid": {
			ca.issue(key, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(30 * time.Minute) }),
			[]string{"valid from", "clock"},
		},
		"another name": {
			ca.issue(key, func(c *x509.Certificate) { c.DNSNames = []string{"a.test", "b.test"} }),
			[]string{"it is for a.test, b.test, 127.0.0.1, not for vpn.test"},
		},
		"many names": {
			ca.issue(key, func(c *x509.Certificate) { c.DNSNames = strings.Split(strings.Repeat("x.test ", 50)+"y.test", " ") }),
			[]string{"and others"},
		},
		"common name only": {
			ca.issue(key, func(c *x509.Certificate) {
				c.DNSNames, c.IPAddresses, c.Subject.CommonName = nil, nil, "vpn.test"
			}),
			[]string{"common name"},
		},
		"no name": {
			ca.issue(key, func(c *x509.Certificate) { c.DNSNames, c.IPAddresses, c.Subject.CommonName = nil, nil, "" }),
			[]string{"no name"},
		},
		"unknown authority": {other.issue(key, nil), []string{"CN=Test authority", "cacert"}},
		"not for servers": {
			ca.issue(key, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }),
			[]string{"usage"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			d := New(Config{Resolver: loopback, RootCAs: ca.file()})
			_, err := d.OpenTLS(t.Context(), "vpn.test", serveCert(t, c.cert), TLSOptions{})
			got := wantDiagnostic(t, err, diag.Certificate, "servercert")
			for _, want := range append(c.says, "the option servercert to "+Pin(c.cert.Leaf)) {
				if !strings.Contains(got.Detail, want) {
					t.Errorf("%q does not say %q", got.Detail, want)
				}
			}
		})
	}
}

func TestGoodCertificate(t *testing.T) {
	ca := newAuthority(t)
	port := serveCert(t, ca.issue(newKey(t), nil))
	d := New(Config{Resolver: loopback, RootCAs: ca.file()})
	for host, name := range map[string]string{"vpn.test": "", "127.0.0.1": "", "other.test": "vpn.test"} {
		s, err := d.OpenTLS(t.Context(), host, port, TLSOptions{ServerName: name})
		must(t, err)
		must(t, s.Close())
	}
	_, err := d.OpenTLS(t.Context(), "other.test", port, TLSOptions{})
	wantDiagnostic(t, err, diag.Certificate, "servercert")
}

func TestSelfSigned(t *testing.T) {
	ca := newAuthority(t)
	_, err := New(Config{Resolver: loopback}).OpenTLS(t.Context(), "vpn.test",
		serveCert(t, tls.Certificate{Certificate: [][]byte{ca.cert.Raw}, PrivateKey: ca.key}), TLSOptions{})
	if d := wantDiagnostic(t, err, diag.Certificate, "servercert"); strings.Contains(d.Detail, "cacert") {
		t.Errorf("got %v", d)
	}
}

func TestPins(t *testing.T) {
	cert := newAuthority(t).issue(newKey(t), nil)
	port := serveCert(t, cert)
	full := Pin(cert.Leaf)
	ofCert, ofKey := sha256.Sum256(cert.Leaf.Raw), sha256.Sum256(cert.Leaf.RawSubjectPublicKeyInfo)
	old := sha1.Sum(cert.Leaf.Raw)
	wrong := Pin(newAuthority(t).cert)
	for _, pins := range [][]string{
		{full},
		{full[:len("pin-sha256:")+4]},
		{wrong, full},
		{"sha256:" + hex.EncodeToString(ofCert[:])},
		{"sha256:" + strings.ToUpper(hex.EncodeToString(ofKey[:]))},
		{"sha1:" + hex.EncodeToString(old[:])[:10]},
	} {
		s, err := New(Config{Resolver: loopback, Pins: pins}).OpenTLS(t.Context(), "vpn.test", port, TLSOptions{})
		if err != nil {
			t.Errorf("%q: %v", pins, err)
			continue
		}
		must(t, s.Close())
	}
	asked := false
	d := New(Config{Resolver: loopback, Pins: []string{wrong}, ConfirmCertificate: func(context.Context, string, []*x509.Certificate, error) (bool, error) {
		asked = true
		return true, nil
	}})
	_, err := d.OpenTLS(t.Context(), "vpn.test", port, TLSOptions{})
	got := wantDiagnostic(t, err, diag.Certificate, "servercert")
	if asked || !strings.Contains(got.Detail, full) {
		t.Errorf("asked: %v, %v", asked, got)
	}
}

func TestBadPinsAreRefused(t *testing.T) {
	for _, bad := range []string{"", "abc", "md5:abcd", "sha256:", "sha256:abc", "sha1:xyzw", "pin-sha256:a*b*c*", "sha1:" + strings.Repeat("a", 41)} {
		_, err := New(Config{Resolver: loopback, Pins: []string{bad}}).OpenTLS(t.Context(), "vpn.test", 1, TLSOptions{})
		wantDiagnostic(t, err, diag.Config, "servercert")
	}
}

func TestBadAuthoritiesAreRefused(t *testing.T) {
	for _, file := range []string{"/nonexistent", writePEM(t, "empty.pem")} {
		_, err := New(Config{Resolver: loopback, RootCAs: file}).OpenTLS(t.Context(), "vpn.test", 1, TLSOptions{})
		wantDiagnostic(t, err, diag.Config, "cacert")
	}
}

// TestConfirm: the user is asked once for a certificate, and another one is another question.
func TestConfirm(t *testing.T) {
	ca := newAuthority(t)
	cert := ca.issue(newKey(t), nil)
	port := serveCert(t, cert)
	answer, questions := true, 0
	d := New(Config{Resolver: loopback, ConfirmCertificate: func(_ context.Context, host string, chain []*x509.Certificate, why error) (bool, error) {
		questions++
		wantDiagnostic(t, why, diag.Certificate, "servercert")
		if host != "vpn.test" || len(chain) != 1 {
			t.Errorf("asked about %s, %d certificates", host, len(chain))
		}
		return answer, nil
	}})
	for range 2 {
		s, err := d.OpenTLS(t.Context(), "vpn.test", port, TLSOptions{})
		must(t, err)
		must(t, s.Close())
	}
	d.Forget()
	if s, err := d.OpenTLS(t.Context(), "vpn.test", port, TLSOptions{}); err != nil || questions != 1 {
		t.Errorf("%d questions, %v", questions, err)
	} else {
		must(t, s.Close())
	}
	answer = false
	_, err := d.OpenTLS(t.Context(), "vpn.test", serveCert(t, ca.issue(newKey(t), nil)), TLSOptions{})
	wantDiagnostic(t, err, diag.Certificate, "servercert")
	if questions != 2 {
		t.Errorf("%d questions", questions)
	}
}

// TestConfirmDoesNotCoverASwap: the certificate changes while the user thinks.
func TestConfirmDoesNotCoverASwap(t *testing.T) {
	ca := newAuthority(t)
	certs := []tls.Certificate{ca.issue(newKey(t), nil), ca.issue(newKey(t), nil)}
	n := 0
	port := listen(t, serveTLS(&tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		n++
		return &certs[n-1], nil
	}}, echoTLS))
	_, err := New(Config{Resolver: loopback, ConfirmCertificate: trustAll}).OpenTLS(t.Context(), "vpn.test", port, TLSOptions{})
	wantDiagnostic(t, err, diag.Certificate, "servercert")
}

func TestConfirmFails(t *testing.T) {
	broken := errors.New("no terminal")
	d := New(Config{Resolver: loopback, ConfirmCertificate: func(context.Context, string, []*x509.Certificate, error) (bool, error) { return true, broken }})
	_, err := d.OpenTLS(t.Context(), "vpn.test", serveCert(t, newAuthority(t).issue(newKey(t), nil)), TLSOptions{})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// TestKeyingMaterial compares exporter and channel binding with the server's.
func TestKeyingMaterial(t *testing.T) {
	cert := newAuthority(t).issue(newKey(t), nil)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		theirs := make(chan tls.ConnectionState, 1)
		port := listen(t, serveTLS(&tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: version, NextProtos: []string{"h2", "http/1.1"}}, func(c *tls.Conn) {
			theirs <- c.ConnectionState()
			echoTLS(c)
		}))
		d := New(Config{Resolver: loopback, ConfirmCertificate: trustAll})
		s, err := d.OpenTLS(t.Context(), "vpn.test", port, TLSOptions{ALPN: []string{"http/1.1"}})
		must(t, err)
		state, info := <-theirs, s.Info()
		if info.TLS.Version != tls.VersionName(version) || info.Cipher != tls.CipherSuiteName(state.CipherSuite) || state.NegotiatedProtocol != "http/1.1" || state.ServerName != "vpn.test" {
			t.Errorf("got %+v, server %+v", info.TLS, state)
		}
		want := state.TLSUnique
		if version == tls.VersionTLS13 {
			want, err = state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32)
			must(t, err)
		}
		if len(want) == 0 || !bytes.Equal(info.TLS.Unique, want) {
			t.Errorf("%s: channel binding %x, the server's %x", info.TLS.Version, info.TLS.Unique, want)
		}
		want, err = state.ExportKeyingMaterial("EXPORTER-openconnect-psk", nil, 32)
		must(t, err)
		got, err := s.Export("EXPORTER-openconnect-psk", []byte{}, 32)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: keying material %x, %v, the server's %x", info.TLS.Version, got, err, want)
		}
		_, err = s.Export("master secret", nil, 32)
		if version == tls.VersionTLS12 {
			wantDiagnostic(t, err, diag.Protocol, "")
		}
		must(t, s.Close())
	}
}

// TestLegacy: TLS 1.0 and RSA key exchange only when allowed.
func TestLegacy(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	cert := newAuthority(t).issue(key, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment | x509.KeyUsageDigitalSignature })
	old := map[string]*tls.Config{
		"TLS 1.0":          {MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10},
		"RSA key exchange": {MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}},
		"3DES":             {MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA}},
	}
	for name, config := range old {
		t.Run(name, func(t *testing.T) {
			config.Certificates = []tls.Certificate{cert}
			port := listen(t, serveTLS(config, echoTLS))
			d := New(Config{Resolver: loopback, ConfirmCertificate: trustAll})
			_, err := d.OpenTLS(t.Context(), "vpn.test", port, TLSOptions{})
			if got := wantDiagnostic(t, err, diag.Unreachable, ""); !strings.Contains(got.Detail, "old gateway") {
				t.Errorf("got %v", got)
			}
			s, err := d.OpenTLS(t.Context(), "vpn.test", port, TLSOptions{AllowLegacy: true})
			must(t, err)
			must(t, s.Close())
		})
	}
}

func TestNotTLS(t *testing.T) {
	port := listen(t, func(c net.Conn) {
		_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
		_, _ = io.Copy(io.Discard, c)
	})
	_, err := New(Config{Resolver: loopback}).OpenTLS(t.Context(), "vpn.test", port, TLSOptions{})
	if got := wantDiagnostic(t, err, diag.Unreachable, ""); !strings.Contains(got.Summary, "does not answer with TLS") {
		t.Errorf("got %v", got)
	}
}

func TestSilentTLSServerIsGivenUp(t *testing.T) {
	port := listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	_, err := New(Config{Resolver: loopback, DialTimeout: 50 * time.Millisecond}).OpenTLS(t.Context(), "vpn.test", port, TLSOptions{})
	if got := wantDiagnostic(t, err, diag.Unreachable, ""); !strings.Contains(got.Detail, "in time") {
		t.Errorf("got %v", got)
	}
}

func FuzzParsePin(f *testing.F) {
	cert := newAuthority(f).cert
	f.Add(Pin(cert))
	f.Add("sha1:abcdef")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePin(text)
		if err != nil {
			return
		}
		if again, err := parsePin(p.algorithm + ":" + p.digest); err != nil || again != p {
			t.Errorf("%q became %+v, then %+v, %v", text, p, again, err)
		}
		if p.matches(cert) && len(p.digest) < minPin {
			t.Errorf("%q matches", text)
		}
	})
}
