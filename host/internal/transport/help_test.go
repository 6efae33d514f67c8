package transport

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// authority signs test certificates.
type authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  crypto.Signer
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return key
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test authority"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	return &authority{t, cert, key}
}

// issue makes a certificate for vpn.test and 127.0.0.1 that change may alter.
func (a *authority) issue(key crypto.Signer, change func(*x509.Certificate)) tls.Certificate {
	a.t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "leaf"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"vpn.test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	must(a.t, err)
	leaf, err := x509.ParseCertificate(der)
	must(a.t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// file writes the authority's certificate.
func (a *authority) file() string {
	return writePEM(a.t, "ca.pem", &pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

func writePEM(t testing.TB, name string, blocks ...*pem.Block) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	var data []byte
	for _, b := range blocks {
		data = append(data, pem.EncodeToMemory(b)...)
	}
	must(t, os.WriteFile(path, data, 0o600))
	return path
}

// listen accepts connections on loopback and serves each in its own goroutine.
func listen(t testing.TB, serve func(net.Conn)) (port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
			go serve(conn)
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

// serveTLS serves with c until serve returns.
func serveTLS(c *tls.Config, serve func(*tls.Conn)) func(net.Conn) {
	return func(conn net.Conn) {
		server := tls.Server(conn, c)
		defer func() { _ = server.Close() }()
		if server.Handshake() == nil {
			serve(server)
		}
	}
}

// echoTLS sends back what comes.
func echoTLS(c *tls.Conn) { _, _ = io.Copy(c, c) }

// names resolves from a table.
type names map[string][]netip.Addr

func (n names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if addrs, ok := n[host]; ok {
		return addrs, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

var loopback = names{"vpn.test": {netip.MustParseAddr("127.0.0.1")}, "other.test": {netip.MustParseAddr("127.0.0.1")}}

// wantDiagnostic checks the class and the option of an error.
func wantDiagnostic(t *testing.T, err error, code diag.Code, option string) *diag.Diagnostic {
	t.Helper()
	var d *diag.Diagnostic
	if !errors.As(err, &d) {
		t.Fatalf("got %v, want a diagnostic", err)
	}
	if d.Code != code || d.Option != option || d.Summary == "" || d.Detail == "" {
		t.Errorf("got %+v, want code %d and option %q", d, code, option)
	}
	return d
}

// tlsPair is a Stream over conn, and the server's side of it.
func tlsPair(t testing.TB, version uint16) (*Stream, *tls.Conn) {
	t.Helper()
	ca := newAuthority(t)
	cert := ca.issue(newKey(t), nil)
	return tlsPairOn(t, version, cert)
}

func tlsPairOn(t testing.TB, version uint16, cert tls.Certificate) (*Stream, *tls.Conn) {
	t.Helper()
	near, far := net.Pipe()
	server := tls.Server(far, &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: version, SessionTicketsDisabled: true})
	s := &Stream{raw: near, cork: newCork(near)}
	s.tls = tls.Client(s.cork, &tls.Config{InsecureSkipVerify: true, DynamicRecordSizingDisabled: true})
	s.conn = s.tls
	done := make(chan error, 1)
	go func() { done <- server.Handshake() }()
	must(t, s.tls.Handshake())
	must(t, <-done)
	t.Cleanup(func() {
		_ = far.Close() // first: nobody reads a close_notify
		_ = s.Close()
	})
	return s, server
}

// tcpPair is a Stream without TLS, and the other side of it.
func tcpPair(t testing.TB) (*Stream, net.Conn) {
	t.Helper()
	near, far := net.Pipe()
	s := newTCPStream(near)
	t.Cleanup(func() {
		_ = far.Close() // first: nobody reads a close_notify
		_ = s.Close()
	})
	return s, far
}

// plaintext starts s's plaintext and returns the plugin's end as a connection.
func plaintext(t testing.TB, s interface{ Plaintext() (*os.File, error) }) *net.UnixConn {
	t.Helper()
	f, err := s.Plaintext()
	must(t, err)
	conn, err := net.FileConn(f)
	must(t, err)
	must(t, f.Close())
	t.Cleanup(func() { _ = conn.Close() })
	return conn.(*net.UnixConn)
}

func itoa(n int) string { return strconv.Itoa(n) }
