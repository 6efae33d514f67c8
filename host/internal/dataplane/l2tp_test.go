package dataplane

import (
	"bytes"
	"testing"
	"testing/synctest"

	"github.com/penstock-vpn/penstock/host/internal/esp"
	"github.com/penstock-vpn/penstock/host/internal/packet"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// l2tpPath is L2TP in transport mode; its far end has the ports and numbers turned around.
func (r *rig) l2tpPath(rules framing.Rules) *gatewayEnd {
	r.t.Helper()
	o := ESP{SAs: keys("aes128-sha1"), Ports: esp.Ports{Local: 1701, Remote: 1701}}
	g := &gatewayEnd{fakeSocket: &fakeSocket{wireEnd: newWireEnd(r.sent)}, t: r.t}
	for _, sa := range o.SAs {
		g.install(sa)
	}
	spec := framing.Spec{
		L2TP: &framing.L2TP{Tunnel: 0x0102, Session: 0x0304, OwnTunnel: 0x0506, OwnSession: 0x0708}, PPP: &framing.PPP{}, Rules: rules,
	}
	if err := r.AddESP(1, g.fakeSocket, o, spec, 0, 0, 28); err != nil {
		r.t.Fatal(err)
	}
	synctest.Wait()
	return g
}

const (
	udpHead = "\x06\xa5\x06\xa5"
	oursIn  = "\x00\x02\x05\x06\x07\x08"
	toPeer  = "\x00\x02\x01\x02\x03\x04"
	hello   = "\xc8\x02\x00\x14\x05\x06\x00\x00\x00\x01\x00\x01\x80\x08\x00\x00\x00\x00\x00\x06"
)

// wraps sends a datagram of UDP with a wrong checksum, sealed.
func (g *gatewayEnd) wraps(content string) {
	g.t.Helper()
	n := 8 + len(content)
	p := append([]byte(udpHead), byte(n>>8), byte(n), 0xba, 0xad)
	p = append(p, content...)
	b := append(make([]byte, packet.Headroom, packet.Headroom+len(p)+packet.Tailroom), p...)
	sealed, err := g.out.Seal(b, packet.Headroom, 17)
	if err != nil {
		g.t.Fatal(err)
	}
	g.fromGW <- bytes.Clone(sealed)
}

func TestPacketsAndMessagesOfL2TP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		g := r.l2tpPath(framing.Rules{Replies: []framing.Reply{{Match: lcp, With: lcp, Prefix: []byte{9}, Patch: []framing.Match{{Value: []byte{10}}}}}})
		r.event(1, Up)
		p := numbered(7, 60)
		for _, head := range []string{oursIn, "\x08\x02\x05\x06\x07\x08\x00\x01\x00\x00", "\x02\x02\x05\x06\x07\x08\x00\x00"} {
			g.wraps(head + "\xff\x03\x00\x21" + string(p))
			if got := r.kernelGets(); !bytes.Equal(got, p) {
				t.Errorf("%x: the device got %x", head, got)
			}
		}
		g.wraps(hello)
		if e := r.event(1, Control); e.Type != framing.L2TPControl || string(e.Payload) != hello {
			t.Errorf("%+v", e)
		}
		g.wraps(oursIn + "\xff\x03\x80\x21\x01\x01\x00\x04")
		if e := r.event(1, Control); e.Type != framing.InPPP|0x8021 || string(e.Payload) != "\x01\x01\x00\x04" {
			t.Errorf("%+v", e)
		}
		g.fromGW <- []byte("\x00\x00\x00\x00a message of IKE")
		if e := r.event(1, Control); e.Type != ikeType || string(e.Payload) != "a message of IKE" {
			t.Errorf("%+v", e)
		}
		g.wraps("\x00\x02\x05\x06\x07\x09\x21" + string(p)) // another session's
		g.wraps(oursIn + "\xff\x03\xc0\x21\x09\x01\x00\x04")
		r.kernelSends(p)
		synctest.Wait()
		for typ, payload := range map[uint32]string{framing.L2TPControl: hello, framing.InPPP | 0x8021: "\x02\x01\x00\x04", ikeType: "and back"} {
			if err := r.SendControl(1, typ, []byte(payload)); err != nil {
				t.Error(err)
			}
		}
		packets, others := g.gets()
		want := map[string]bool{
			toPeer + "\xff\x03\x00\x21" + string(p): true, toPeer + "\xff\x03\x80\x21\x02\x01\x00\x04": true,
			toPeer + "\xff\x03\xc0\x21\x0a\x01\x00\x04": true, hello: true,
		}
		for _, d := range packets {
			if len(d) < 8 || string(d[:4]) != udpHead || int(d[4])<<8|int(d[5]) != len(d) || d[6]|d[7] != 0 || !want[string(d[8:])] {
				t.Errorf("sent %x", d)
				continue
			}
			delete(want, string(d[8:]))
		}
		if len(want) != 0 || len(others) != 1 || string(others[0]) != "\x00\x00\x00\x00and back" {
			t.Errorf("%d were not sent, and %q beside", len(want), others)
		}
		if err := r.SendControl(1, 1, nil); err == nil {
			t.Error("a frame of type 1 was sent")
		}
	})
}

func TestWhatGoesNotTogetherWithTransportMode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		ids, p := &framing.L2TP{Tunnel: 1, Session: 2, OwnTunnel: 3, OwnSession: 4}, &framing.PPP{}
		both := esp.Ports{Local: 1701, Remote: 1701}
		for name, c := range map[string]struct {
			ports esp.Ports
			spec  framing.Spec
		}{
			"no L2TP":       {both, framing.Spec{}},
			"tunnel mode":   {esp.Ports{}, framing.Spec{L2TP: ids, PPP: p}},
			"one port":      {esp.Ports{Local: 1701}, framing.Spec{L2TP: ids, PPP: p}},
			"PPP in tunnel": {esp.Ports{}, framing.Spec{PPP: p}},
		} {
			s := &fakeSocket{wireEnd: newWireEnd(r.sent)}
			if err := r.AddESP(1, s, ESP{SAs: keys("aes128-sha1"), Ports: c.ports}, c.spec, 0, 0, 28); err == nil {
				t.Errorf("%s: it is a path", name)
			}
		}
	})
}
