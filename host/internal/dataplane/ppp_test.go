package dataplane

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-vpn/penstock/sdk/framing"
)

const lcp = framing.InPPP | 0xc021

// sstp has PPP in frames of type 0, and messages in those of type 1.
func sstp(p framing.PPP, r framing.Rules) framing.Spec {
	return framing.Spec{
		Header: []byte{0x10, 0, 0, 0}, Length: framing.Field{Offset: 2, Width: 2}, LengthAdds: 4,
		Type: framing.Field{Offset: 1, Width: 1}, PPP: &p, MaxPayload: 4091, Rules: r,
	}
}

func sstpFrame(typ byte, payload string) []byte {
	n := len(payload) + 4
	return append([]byte{0x10, typ, byte(n >> 8), byte(n)}, payload...)
}

// pppStream attaches a stream of that kind.
func (r *rig) pppStream(rules framing.Rules) *fakeStream {
	s := newStream(r.sent)
	if err := r.AddStream(1, s, sstp(framing.PPP{}, rules), 0, 0, "tls", 0); err != nil {
		r.t.Fatal(err)
	}
	return s
}

func TestPacketsAndFramesOfPPP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		s := r.pppStream(framing.Rules{})
		r.event(1, Up)
		packet := numbered(7, 60)
		for _, form := range []string{"\xff\x03\x00\x21", "\x00\x21", "\x21", "\xff\x03\x21"} {
			s.fromGW <- sstpFrame(0, form+string(packet))
			if got := r.kernelGets(); !bytes.Equal(got, packet) {
				t.Errorf("%x: the device got %x", form, got)
			}
		}
		s.fromGW <- sstpFrame(0, "\xff\x03\xc0\x21\x09\x01\x00\x08abcd")
		if e := r.event(1, Control); e.Type != lcp || string(e.Payload) != "\x09\x01\x00\x08abcd" {
			t.Errorf("%+v", e)
		}
		s.fromGW <- sstpFrame(1, "\x00\x06\x00\x00")
		if e := r.event(1, Control); e.Type != 1 || string(e.Payload) != "\x00\x06\x00\x00" {
			t.Errorf("%+v", e)
		}
		r.kernelSends(packet)
		synctest.Wait()
		for typ, payload := range map[uint32]string{lcp: "\x0a\x01\x00\x04", 1: "\x00\x09\x00\x00"} {
			if err := r.SendControl(1, typ, []byte(payload)); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		sent, _ := r.sent.take()
		all := string(bytes.Join(sent, nil))
		for _, want := range [][]byte{sstpFrame(0, "\xff\x03\x00\x21"+string(packet)), sstpFrame(0, "\xff\x03\xc0\x21\x0a\x01\x00\x04"), sstpFrame(1, "\x00\x09\x00\x00")} {
			if !strings.Contains(all, string(want)) {
				t.Errorf("%x was not sent, but %x", want, all)
			}
		}
		for _, typ := range []uint32{2 * framing.InPPP, framing.InPPP | 0xc020} {
			if err := r.SendControl(1, typ, nil); err == nil {
				t.Errorf("a frame of type %#x was sent", typ)
			}
		}
	})
}

// Packets in datagrams, whose frames are shorter or longer than ours, keep their place.
func TestDatagramsOfPPP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, own := range []framing.PPP{{}, {NoAddress: true}, {NoAddress: true, ShortProtocol: true}} {
			r := newRig(t, Options{})
			d := newDatagram(r.sent)
			if err := r.AddDatagram(1, d, framing.Spec{PPP: &own}, 0, 0, "dtls", 0); err != nil {
				t.Fatal(err)
			}
			r.event(1, Up)
			for i, form := range []string{"\xff\x03\x00\x21", "\x00\x21", "\x21"} {
				packet := numbered(uint64(i), 60)
				d.fromGW <- []byte(form + string(packet))
				if got := r.kernelGets(); !bytes.Equal(got, packet) {
					t.Errorf("%+v, %x: the device got %x, want %x", own, form, got, packet)
				}
			}
		}
	})
}

// What a rule answers does not reach the plugin, and what it asks has a payload.
func TestEchoesOfPPP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		s := r.pppStream(framing.Rules{
			Replies: []framing.Reply{
				{Match: 1, With: 1, Prefix: []byte{0, 8}, Patch: []framing.Match{{Value: []byte{0, 9}}}},
				{Match: lcp, With: lcp, Prefix: []byte{9}, Patch: []framing.Match{{Value: []byte{10}}, {Offset: 4, Value: []byte("ours")}}},
			},
			Dpd: framing.Dpd{After: 30 * time.Second, Type: 1, Payload: []byte{0, 8, 0, 0}},
		})
		r.event(1, Up)
		for asked, want := range map[string][]byte{
			string(sstpFrame(1, "\x00\x08\x00\x00")):                       sstpFrame(1, "\x00\x09\x00\x00"),
			string(sstpFrame(0, "\xff\x03\xc0\x21\x09\x05\x00\x0aabcdhi")): sstpFrame(0, "\xff\x03\xc0\x21\x0a\x05\x00\x0aourshi"),
		} {
			s.fromGW <- []byte(asked)
			synctest.Wait()
			if sent, _ := r.sent.take(); len(sent) != 1 || !bytes.Equal(sent[0], want) {
				t.Errorf("%x: answered %x, want %x", asked, sent, want)
			}
		}
		r.noEvent()
		advance(31 * time.Second)
		if sent, _ := r.sent.take(); len(sent) != 1 || !bytes.Equal(sent[0], sstpFrame(1, "\x00\x08\x00\x00")) {
			t.Errorf("asked %x", sent)
		}
	})
}
