package eap

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

const password = "correct horse"

// saying is the inside of a server as a list of what it says, each made of what the
// client said to the one before. After the last the client is in.
func saying(steps ...func(plain []byte) []byte) func([]byte) ([]byte, bool) {
	return func(plain []byte) ([]byte, bool) {
		if len(steps) == 0 {
			return nil, true
		}
		step := steps[0]
		steps = steps[1:]
		return step(plain), false
	}
}

// attribute finds one in what a client says.
func attribute(t *testing.T, plain []byte, code, vendor uint32) []byte {
	t.Helper()
	all, err := parseAVPs(plain)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if a.code == code && a.vendor == vendor && a.mandatory {
			return a.data
		}
	}
	t.Fatalf("%x has no attribute %d of %d", plain, code, vendor)
	return nil
}

// isPAP checks what a client sends as its password.
func isPAP(t *testing.T, plain []byte, want string) {
	t.Helper()
	name, text := attribute(t, plain, avpUserName, 0), attribute(t, plain, avpUserPassword, 0)
	if string(name) != "alice" || string(bytes.TrimRight(text, "\x00")) != want || len(text)%16 != 0 {
		t.Errorf("the client is %q, with the password %q", name, text)
	}
}

// waiting lets the server of TLS 1.3 say nothing, once: the client's turn comes with its
// next packet only.
func waiting(s *server, f func([]byte) ([]byte, bool)) func([]byte) ([]byte, bool) {
	return func(plain []byte) ([]byte, bool) {
		if len(plain) == 0 {
			return nil, false
		}
		return f(plain)
	}
}

func TestPAP(t *testing.T) {
	for name, challenge := range map[string]string{"at once": "", "with a challenge": "Code\x1b[2J?"} {
		t.Run(name, func(t *testing.T) {
			variants(t, func(t *testing.T, ctx context.Context, vary func(*server)) {
				s := newServer(t, TypeTTLS, TTLS(ctx, client(), PAP("alice", password)))
				vary(s)
				s.answer = "123456"
				asked := challenge == ""
				s.inside = waiting(s, func(plain []byte) ([]byte, bool) {
					if asked && challenge != "" {
						isPAP(t, plain, s.answer)
						return nil, true
					}
					isPAP(t, plain, password)
					if asked {
						return nil, true
					}
					asked = true
					return avp{code: avpReplyMessage, data: []byte(challenge)}.append(nil), false
				})
				if err := s.serve(); err != nil {
					t.Fatal(err)
				}
				if got := s.peer.Key(); !bytes.Equal(got, s.key("ttls keying material")[:64]) {
					t.Errorf("the key is %x", got)
				}
			})
		})
	}
}

func TestTTLSMSCHAPv2(t *testing.T) {
	for name, test := range map[string]struct {
		known string                      // what the server takes for the password
		says  func(id byte, s string) avp // in place of the right answer
		want  func(error) bool
	}{
		"right": {password, nil, func(err error) bool { return err == nil }},
		"wrong password": {"another", func(id byte, _ string) avp {
			return avp{code: avpMSCHAPError, vendor: vendorMicrosoft, data: append([]byte{id}, "E=691 R=0"...)}
		}, func(err error) bool { return refusedBy(err, "wrong") }},
		"a server that does not know it": {"another", nil, func(err error) bool { return err != nil && strings.Contains(err.Error(), "claims to be") }},
		"an unknown attribute":           {password, func(byte, string) avp { return avp{code: 9999} }, func(err error) bool { return errors.Is(err, ErrMalformed) }},
	} {
		t.Run(name, func(t *testing.T) {
			variants(t, func(t *testing.T, ctx context.Context, vary func(*server)) {
				s := newServer(t, TypeTTLS, TTLS(ctx, client(), TunnelledMSCHAPv2("alice", password, rand.Reader)))
				vary(s)
				said := false
				s.inside = func(plain []byte) ([]byte, bool) {
					if len(plain) == 0 {
						return nil, said
					}
					said = true
					state := s.tls.conn.ConnectionState()
					implicit, err := state.ExportKeyingMaterial("ttls challenge", nil, 17)
					challenge, r := attribute(t, plain, avpMSCHAPChallenge, vendorMicrosoft), attribute(t, plain, avpMSCHAP2Response, vendorMicrosoft)
					if err != nil || !bytes.Equal(challenge, implicit[:16]) || r[0] != implicit[16] || len(r) != 50 {
						t.Fatalf("challenge %x, response %x; want %x, %v", challenge, r, implicit, err)
					}
					if got := ntResponse(challenge, r[2:18], "alice", password); !bytes.Equal(got, r[26:]) {
						t.Errorf("the response is %x, want %x", r[26:], got)
					}
					proof := authenticatorResponse(test.known, r[26:], r[2:18], challenge, "alice")
					if test.says != nil {
						return test.says(r[0], proof).append(nil), false
					}
					return avp{code: avpMSCHAP2Success, vendor: vendorMicrosoft, data: append([]byte{r[0]}, proof...)}.append(nil), false
				}
				if err := s.serve(); !test.want(err) {
					t.Errorf("it ends with %v", err)
				}
			})
		})
	}
}

func request(id byte, kind Type, data []byte) []byte {
	return Packet{Request, id, kind, data}.Append(nil)
}

func TestTunnelledEAP(t *testing.T) {
	variants(t, func(t *testing.T, ctx context.Context, vary func(*server)) {
		s := newServer(t, TypeTTLS, TTLS(ctx, client(), TunnelledEAP(NewPeer("alice", MD5("alice", password)))))
		vary(s)
		s.inside = waiting(s, saying(
			func(plain []byte) []byte {
				if p, err := Parse(attribute(t, plain, avpEAPMessage, 0)); err != nil || p.Type != TypeIdentity || string(p.Data) != "alice" {
					t.Errorf("the client begins with %x, %v", plain, err)
				}
				whole := request(7, TypeTLS, []byte{flagStart})
				return avp{code: avpEAPMessage, data: whole[3:]}.append(avp{code: avpEAPMessage, data: whole[:3]}.append(nil))
			},
			func(plain []byte) []byte {
				if p, err := Parse(attribute(t, plain, avpEAPMessage, 0)); err != nil || p.Type != TypeNak || p.Data[0] != byte(TypeMD5) {
					t.Errorf("a tunnel in the tunnel is answered with %x, %v", plain, err)
				}
				return inAVP(request(8, TypeMD5, append([]byte{4}, "test"...)))
			},
		))
		if err := s.serve(); err != nil {
			t.Fatal(err)
		}
		if s.peer.Key() == nil {
			t.Error("there is no key")
		}
	})
}

// mschapv2Server is EAP-MSCHAPv2 as PEAP carries it; the last of what it returns is nil.
func mschapv2Server(t *testing.T, known string) []func([]byte) []byte {
	challenge := []byte("0123456789abcdef")
	return []func([]byte) []byte{
		func([]byte) []byte { return []byte{byte(TypeIdentity)} },
		func(plain []byte) []byte {
			if string(plain) != "\x01alice" {
				t.Errorf("the client is %x", plain)
			}
			return append([]byte{byte(TypeMSCHAPv2), opChallenge, 9, 0, 26, challengeSize}, append(challenge, "srv"...)...)
		},
		func(plain []byte) []byte {
			if len(plain) < 60 || plain[0] != byte(TypeMSCHAPv2) {
				t.Fatalf("the response is %x", plain)
			}
			own, response := plain[6:22], plain[30:54]
			if !bytes.Equal(response, ntResponse(challenge, own, "alice", known)) {
				return append([]byte{byte(TypeMSCHAPv2), opFailure, 9, 0, 13}, "E=691 R=0"...)
			}
			return append([]byte{byte(TypeMSCHAPv2), opSuccess, 9, 0, 46}, authenticatorResponse(known, response, own, challenge, "alice")...)
		},
	}
}

func success(tlvs ...byte) func([]byte) []byte {
	return func([]byte) []byte { return request(77, typeExtensions, append([]byte{0x80, 3, 0, 2, 0, 1}, tlvs...)) }
}

// binding asks the client of s to bind, with a MAC by that key's ISK.
func binding(s *server, isk func() []byte) func([]byte) []byte {
	return func(plain []byte) []byte {
		keys := peapPRF(s.key("client EAP encryption")[:40], []byte("Inner Methods Compound Keys"), isk(), 60)
		b := make([]byte, bindingSize)
		binary.BigEndian.PutUint16(b, tlvBinding)
		binary.BigEndian.PutUint16(b[2:], bindingSize-4)
		_, _ = rand.Read(b[8:40])
		copy(b[40:], bindingMAC(keys[40:], b))
		return success(b...)(plain)
	}
}

func TestPEAP(t *testing.T) {
	for name, bound := range map[string]bool{"alone": false, "bound": true} {
		t.Run(name, func(t *testing.T) {
			variants(t, func(t *testing.T, ctx context.Context, vary func(*server)) {
				method := MSCHAPv2("alice", password, rand.Reader)
				s := newServer(t, TypePEAP, PEAP(ctx, client(), NewPeer("alice", method), rand.Reader))
				vary(s)
				isk := func() []byte { return method.Key()[:32] }
				last := success()
				if bound {
					last = binding(s, isk)
				}
				s.inside = saying(append(mschapv2Server(t, password), last, func(plain []byte) []byte {
					p, err := Parse(plain)
					if err != nil || p.ID != 77 || p.Type != typeExtensions || !bytes.HasPrefix(p.Data, []byte{0x80, 3, 0, 2, 0, 1}) || (len(p.Data) > 6) != bound {
						t.Errorf("success is answered with %x, %v", plain, err)
					}
					return nil
				})...)
				if err := s.serve(); err != nil {
					t.Fatal(err)
				}
				want := s.key("client EAP encryption")
				if bound {
					keys := peapPRF(want[:40], []byte("Inner Methods Compound Keys"), isk(), 60)
					want = peapPRF(keys[:40], []byte("Session Key Generating Function"), []byte{0}, 128)
				}
				if got := s.peer.Key(); !bytes.Equal(got, want[:64]) {
					t.Errorf("the key is %x, want %x", got, want[:64])
				}
			})
		})
	}
}

func TestPEAPRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		known string
		last  func(s *server) func([]byte) []byte
		words string
	}{
		"wrong password":        {"another", func(*server) func([]byte) []byte { return success() }, "user name or password is wrong"},
		"a failure":             {password, func(*server) func([]byte) []byte { return result(2) }, "gave no reason"},
		"no result":             {password, func(*server) func([]byte) []byte { return result(9) }, "the result 9"},
		"a binding by another":  {password, func(s *server) func([]byte) []byte { return binding(s, func() []byte { return make([]byte, 32) }) }, "not the one"},
		"an unknown extension":  {password, func(*server) func([]byte) []byte { return success(0x80, 99, 0, 0) }, "the PEAP extension 99"},
		"half of an extension":  {password, func(*server) func([]byte) []byte { return success(0, 99, 0) }, "malformed"},
		"an inner success only": {password, func(*server) func([]byte) []byte { return func([]byte) []byte { return nil } }, "before it has proved"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context) {
				s := newServer(t, TypePEAP, PEAP(ctx, client(), NewPeer("alice", MSCHAPv2("alice", password, rand.Reader)), rand.Reader))
				s.inside = saying(append(mschapv2Server(t, test.known), test.last(s))...)
				if err := s.serve(); err == nil || !strings.Contains(err.Error(), test.words) {
					t.Errorf("it ends with %v, want %q", err, test.words)
				}
				if s.peer.Key() != nil {
					t.Error("there is a key")
				}
			})
		})
	}
}

func result(n byte) func([]byte) []byte {
	return func([]byte) []byte { return request(77, typeExtensions, []byte{0x80, 3, 0, 2, 0, n}) }
}

// A success in the tunnel before anybody was asked for a password.
func TestPEAPWithoutMethod(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		s := newServer(t, TypePEAP, PEAP(ctx, client(), NewPeer("alice", GTC(password)), rand.Reader))
		s.inside = saying(success())
		if err := s.serve(); !errors.Is(err, ErrMalformed) {
			t.Errorf("it ends with %v", err)
		}
	})
}

// TLS in TLS is refused, also when the caller would have it; and a question of GTC goes
// through both.
func TestPEAPInside(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		s := newServer(t, TypePEAP, PEAP(ctx, client(), NewPeer("alice", ByCertificate(ctx, client())), rand.Reader))
		s.inside = saying(func([]byte) []byte { return []byte{byte(TypeTLS), flagStart} })
		if err := s.serve(); err == nil || !strings.Contains(err.Error(), "in another") {
			t.Errorf("a tunnel in a tunnel ends with %v", err)
		}

		s = newServer(t, TypePEAP, PEAP(ctx, client(), NewPeer("alice", GTC(password)), rand.Reader))
		s.answer, s.version = "123456", tls.VersionTLS13
		s.inside = saying(
			func([]byte) []byte { return request(5, TypeIdentity, nil) }, // with its header, as some do
			func(plain []byte) []byte {
				if !bytes.Equal(plain, Packet{Response, 5, TypeIdentity, []byte("alice")}.Append(nil)) {
					t.Errorf("the client is %x", plain)
				}
				return append([]byte{byte(TypeGTC)}, "Password"...)
			},
			func([]byte) []byte { return append([]byte{byte(TypeGTC)}, "Code"...) },
			func(plain []byte) []byte {
				if string(plain) != "\x06123456" {
					t.Errorf("the code is %q", plain)
				}
				return success()(nil)
			},
			func([]byte) []byte { return nil },
		)
		if err := s.serve(); err != nil {
			t.Errorf("a question in the tunnel ends with %v", err)
		}
	})
}
