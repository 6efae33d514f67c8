package eap

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"testing"
)

// cut splits input into packets: a length of two bytes, then that many.
func cut(b []byte) (packets [][]byte) {
	for len(b) >= 2 && len(packets) < 40 {
		n := min(int(b[0])<<8|int(b[1]), len(b)-2)
		packets = append(packets, b[2:2+n])
		b = b[2+n:]
	}
	return packets
}

// A server may send anything in any order; what is answered is answered well, and the
// handshake is gone in the end.
func FuzzOverTLS(f *testing.F) {
	f.Add([]byte{0, 1, 0x20, 0, 1, 0})
	f.Add([]byte{0, 1, 0x20, 0, 8, 0, 22, 3, 3, 0, 2, 2, 40})
	f.Add([]byte{0, 1, 0x20, 0, 6, 0xc0, 0, 0, 0, 9, 22, 0, 6, 0x80, 0, 0, 0, 9, 1})
	f.Fuzz(func(t *testing.T, input []byte) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		trusting := TLS{Verify: func(context.Context, []*x509.Certificate) error { return nil }}
		inner := NewPeer("alice", GTC("secret"), MD5("alice", "secret"))
		for _, m := range []Method{ByCertificate(ctx, trusting), TTLS(ctx, trusting, TunnelledEAP(inner)), PEAP(ctx, trusting, inner, zeros{})} {
			p := NewPeer("alice", m)
			for i, data := range cut(input) {
				reply, err := p.Handle(Packet{Request, byte(i), m.Type(), data}.Append(nil))
				var later *Later
				if errors.As(err, &later) {
					<-later.Done
					reply, err = p.Resume()
				}
				if err != nil {
					break
				}
				if r, err := Parse(reply); err != nil || r.ID != byte(i) || r.Type != m.Type() || len(r.Data) > maxFragment+5 {
					t.Fatalf("%x is answered with %x, %v", data, reply, err)
				}
			}
			if p.Key() != nil {
				t.Fatal("nobody has proved anything, and there is a key")
			}
		}
	})
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// What comes out of a tunnel is not better than what comes without.
func FuzzInside(f *testing.F) {
	f.Add(inAVP(request(1, TypeIdentity, nil)), inAVP(request(2, TypeMD5, []byte("\x04test"))))
	f.Add([]byte{1}, append([]byte{26, 1, 9, 0, 26, 16}, make([]byte, 20)...))
	f.Add(success()(nil), result(2)(nil))
	f.Add(avp{code: avpReplyMessage, data: []byte("code?")}.append(nil), avp{code: avpMSCHAP2Success, vendor: vendorMicrosoft, data: []byte("1S=")}.append(nil))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		peer := func() *Peer {
			return NewPeer("alice", MSCHAPv2("alice", "secret", zeros{}), GTC("secret"), MD5("alice", "secret"))
		}
		for _, in := range []inside{
			&pap{username: "alice", password: "secret"}, &ttlsEAP{peer: peer()},
			&ttlsMSCHAPv2{mschapv2: mschapv2{username: "alice", password: "secret", random: zeros{}}, challenge: make([]byte, 17)},
			&peap{peer: peer(), random: zeros{}, material: make([]byte, materialSize)}, &nothing{},
		} {
			for i, plain := range [][]byte{a, b} {
				_, err := in.step(byte(i), plain)
				var question *Question
				if errors.As(err, &question) && question.answer != nil {
					_, err = question.answer("123456")
				}
				if err != nil {
					break
				}
			}
		}
	})
}

func FuzzAVPs(f *testing.F) {
	f.Add(avp{code: 1, data: []byte("alice")}.append(avp{code: 26, vendor: 311, data: []byte("x")}.append(nil)))
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := parseAVPs(b)
		if err != nil {
			return
		}
		var again []byte
		for _, a := range all {
			again = a.append(again)
		}
		same, err := parseAVPs(again)
		if err != nil || len(same) != len(all) {
			t.Fatalf("%x becomes %x, %v", b, again, err)
		}
		for i := range all {
			if all[i].code != same[i].code || all[i].vendor != same[i].vendor || !bytes.Equal(all[i].data, same[i].data) {
				t.Fatalf("%v becomes %v", all[i], same[i])
			}
		}
	})
}
