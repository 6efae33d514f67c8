package eap

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
)

// bubble runs a test in which no goroutine may be left over.
func bubble(t *testing.T, f func(t *testing.T, ctx context.Context)) {
	t.Helper()
	pki()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		f(t, ctx)
	})
}

// newServer makes a server of an EAP method and its client.
func newServer(t *testing.T, kind Type, m Method) *server {
	s := &server{t: t, kind: kind, version: tls.VersionTLS12, size: 1000, peer: NewPeer("alice", m)}
	s.config = tls.Config{Certificates: []tls.Certificate{*pki().server}}
	return s
}

func client() TLS { return TLS{Verify: pki().authority.verify, Certificate: pki().user} }

// committing is the inside of EAP-TLS.
func committing(s *server) func([]byte) ([]byte, bool) {
	said := s.version < tls.VersionTLS13
	return func(plain []byte) ([]byte, bool) {
		if len(plain) > 0 {
			s.t.Errorf("the client says %x in EAP-TLS", plain)
		}
		finished := said
		said = true
		return []byte{0}, finished
	}
}

// variants are the versions of TLS, and sizes of fragments.
func variants(t *testing.T, f func(t *testing.T, ctx context.Context, vary func(*server))) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, size := range []int{120, 1000, 1 << 16} {
			t.Run(fmt.Sprintf("%s in %d", tls.VersionName(version), size), func(t *testing.T) {
				bubble(t, func(t *testing.T, ctx context.Context) {
					f(t, ctx, func(s *server) { s.version, s.size, s.lengths = version, size, size > 1000 })
				})
			})
		}
	}
}

func TestByCertificate(t *testing.T) {
	variants(t, func(t *testing.T, ctx context.Context, vary func(*server)) {
		s := newServer(t, TypeTLS, ByCertificate(ctx, client()))
		vary(s)
		s.config.ClientAuth, s.config.ClientCAs = tls.RequireAndVerifyClientCert, pki().authority.pool()
		s.inside = committing(s)
		if err := s.serve(); err != nil {
			t.Fatal(err)
		}
		if got := s.peer.Key(); !bytes.Equal(got, s.key("client EAP encryption")[:64]) {
			t.Errorf("the key is %x", got)
		}
		if user := s.tls.conn.ConnectionState().PeerCertificates; len(user) != 1 || !user[0].Equal(pki().user.Leaf) {
			t.Errorf("the server saw %v", user)
		}
	})
}

// In TLS 1.3 the handshake is over for the client before the server has looked at its
// certificate: a success before the server's word is none.
func TestSuccessBeforeItsTime(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		s := newServer(t, TypeTLS, ByCertificate(ctx, client()))
		s.version = tls.VersionTLS13
		s.inside = func([]byte) ([]byte, bool) { return nil, true }
		if err := s.serve(); err == nil || s.peer.Key() != nil {
			t.Errorf("success without a word of the server: %v, key %x", err, s.peer.Key())
		}
	})
}

// Who is refused says so or hears so, by an alert.
func TestRefusedCertificates(t *testing.T) {
	foul := errors.New("that is nobody we know")
	for name, test := range map[string]struct {
		spoil  func(*TLS, *server)
		want   func(error) bool
		server string // what it has to say
	}{
		"of the server": {
			func(c *TLS, _ *server) { c.Verify = func(context.Context, []*x509.Certificate) error { return foul } },
			func(err error) bool { return errors.Is(err, foul) }, "bad certificate",
		},
		"of the server, by its authority": {
			func(_ *TLS, s *server) { s.config.Certificates = []tls.Certificate{*pki().forged} },
			func(err error) bool { return errors.As(err, new(x509.UnknownAuthorityError)) }, "bad certificate",
		},
		"of the user": {
			func(c *TLS, _ *server) { c.Certificate = pki().forged },
			func(err error) bool { return refusedBy(err, "certificate") }, "unknown authority",
		},
		"of no user": {
			func(c *TLS, _ *server) { c.Certificate = nil },
			func(err error) bool { return refusedBy(err, "it says") }, "didn't provide a certificate",
		},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(name+" "+tls.VersionName(version), func(t *testing.T) {
				bubble(t, func(t *testing.T, ctx context.Context) {
					c := client()
					s := newServer(t, TypeTLS, nil)
					test.spoil(&c, s)
					s.peer = NewPeer("alice", ByCertificate(ctx, c))
					s.version = version
					s.config.ClientAuth, s.config.ClientCAs = tls.RequireAndVerifyClientCert, pki().authority.pool()
					s.inside = committing(s)
					if err := s.serve(); !test.want(err) || s.peer.Key() != nil {
						t.Errorf("the client ends with %v", err)
					}
					if err := errors.Join(s.said...); err == nil || !strings.Contains(err.Error(), test.server) {
						t.Errorf("the server ends with %v, want %q", err, test.server)
					}
				})
			})
		}
	}
}

func refusedBy(err error, words string) bool {
	var refused *Refused
	return errors.As(err, &refused) && strings.Contains(refused.Reason, words)
}

// A verdict may take its time, and is not waited for when nobody wants it any more.
func TestVerdictsTakeTime(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		verdict := make(chan error)
		c := client()
		c.Verify = func(ctx context.Context, _ []*x509.Certificate) error {
			select {
			case err := <-verdict:
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		for _, dropped := range []bool{false, true} {
			ctx, cancel := context.WithCancel(ctx)
			s := newServer(t, TypeTLS, ByCertificate(ctx, c))
			s.inside = committing(s)
			served := make(chan error)
			go func() { served <- s.serve() }()
			synctest.Wait() // until nothing happens any more
			select {
			case err := <-served:
				t.Fatalf("nobody waits for the verdict: %v", err)
			default:
			}
			if dropped {
				cancel()
			} else {
				verdict <- nil
			}
			if err := <-served; errors.Is(err, context.Canceled) != dropped || !dropped && err != nil {
				t.Errorf("dropped %v, ended with %v", dropped, err)
			}
			cancel()
		}
	})
}

// A method that is dropped in the midst of a handshake leaves nothing behind.
func TestDropped(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		m := ByCertificate(ctx, client())
		var later *Later
		if _, err := m.Handle(1, []byte{flagStart}); !errors.As(err, &later) {
			t.Fatal(err)
		}
		<-later.Done
		if hello, err := later.resume(); err != nil || len(hello) < 100 || hello[0] != 0 {
			t.Errorf("the first message is %x, %v", hello, err)
		}
	})
}

// What a gateway may not do with packets.
func TestHostilePackets(t *testing.T) {
	long := append([]byte{flagLength | flagMore, 0, 0, 0xff, 0xff}, make([]byte, 1000)...)
	for name, packets := range map[string][][]byte{
		"no flags":                  {{}},
		"no start":                  {{0, 22, 3, 3}},
		"two starts":                {{flagStart}, {flagStart}},
		"half a length":             {{flagStart}, {flagLength, 0, 0}},
		"more than announced":       {{flagStart}, {flagLength, 0, 0, 0, 1, 22, 3}},
		"less than announced":       {{flagStart}, {flagLength, 0, 0, 0, 9, 22, 3}},
		"too much announced":        {{flagStart}, {flagLength | flagMore, 0, 1, 0, 1, 22}},
		"another length":            {{flagStart}, {flagLength | flagMore, 0, 0, 0, 9, 22}, {flagLength, 0, 0, 0, 8, 22}},
		"nothing":                   {{flagStart}, {0}},
		"another version":           {{flagStart}, {1, 22}},
		"no TLS":                    {{flagStart}, []byte("\x00GET / HTTP/1.0\r\n\r\n"), {0}},
		"a message without end":     append([][]byte{{flagStart}}, repeat(long, 70)...),
		"empty fragments for ever":  append([][]byte{{flagStart}}, repeat([]byte{flagMore}, maxRounds)...),
		"the length with each part": append([][]byte{{flagStart}}, repeat(long, 66)...),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context) {
				s := newServer(t, TypePEAP, PEAP(ctx, client(), NewPeer("alice"), rand.Reader))
				for i, p := range packets {
					_, err := s.ask(p)
					if err != nil && i < len(packets)-1 && !strings.HasPrefix(name, "a message") && !strings.HasPrefix(name, "the length") {
						t.Errorf("packet %d is refused: %v", i, err)
					}
					if err != nil {
						return
					}
				}
				t.Error("nothing is refused")
			})
		})
	}
}

func repeat(b []byte, n int) (all [][]byte) {
	for range n {
		all = append(all, b)
	}
	return all
}
