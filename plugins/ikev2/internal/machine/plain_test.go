package machine

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
)

// ESP goes plain where that is wanted and both sides are where they seem to be.
func TestDetectNAT(t *testing.T) {
	local, remote := netip.MustParseAddrPort("10.77.0.2:40000"), netip.MustParseAddrPort("10.77.0.1:500")
	other := netip.MustParseAddrPort("192.0.2.1:4500")
	for name, test := range map[string]struct {
		plain bool
		sees  netip.AddrPort   // us, the gateway says
		is    []netip.AddrPort // itself, the gateway says
		want  Way
	}{
		"no NAT":                {true, local, []netip.AddrPort{remote}, Way{Plain: true}},
		"one of its addresses":  {true, local, []netip.AddrPort{other, remote}, Way{Plain: true}},
		"a NAT in front of us":  {true, other, []netip.AddrPort{remote}, Way{BehindNAT: true}},
		"a NAT in front of it":  {true, local, []netip.AddrPort{other}, Way{}},
		"it does not say":       {true, local, nil, Way{}},
		"plain is not wanted":   {false, local, []netip.AddrPort{remote}, Way{}},
		"NATs in front of both": {true, other, []netip.AddrPort{other}, Way{BehindNAT: true}},
	} {
		c := atGate()
		c.Plain, c.Local, c.Remote = test.plain, local, remote
		m := New(c)
		first, err := ike.Parse(effectOf[Send](m.Begin(start)).Datagram)
		if err != nil {
			t.Fatal(err)
		}
		i := first.Initiator
		told := notification(first.Payloads, ike.NATDetectionSource)
		if bytes.Equal(told.Data, addressHash(i, ike.SPI{}, local)) != test.plain {
			t.Errorf("%s: the gateway is told of %x", name, told.Data)
		}
		m.sa().peer = ike.SPI{7}
		payloads := []ike.Payload{&ike.Notify{Kind: ike.NATDetectionDestination, Data: addressHash(i, ike.SPI{7}, test.sees)}}
		for _, a := range test.is {
			payloads = append(payloads, &ike.Notify{Kind: ike.NATDetectionSource, Data: addressHash(i, ike.SPI{7}, a)})
		}
		if !m.traversal(payloads) || m.way != test.want {
			t.Errorf("%s: %+v, want %+v", name, m.way, test.want)
		}
	}
}

// ESP that does not come through goes in UDP, under new keys, with a gateway that can be
// told.
func TestEncapsulate(t *testing.T) {
	for seed := range uint64(10) {
		l := newLine(t, seed, func(c *Config) { c.Plain = true })
		l.bad, l.moved = seed > 0, true
		a := l.ends[0]
		a.way.Plain = true
		l.do(a, a.Encapsulate(l.now, netip.AddrPort{}, netip.AddrPort{}))
		l.run(time.Minute)
		l.calm()
		if a.changes == 0 || a.moving || a.way.Plain {
			t.Fatalf("changes %d, way %+v", a.changes, a.way)
		}
	}
	l := newLine(t, 1, func(c *Config) { c.Plain = true })
	a := l.ends[0]
	a.mobike = false
	ended := effectOf[Ended](a.Encapsulate(l.now, netip.AddrPort{}, netip.AddrPort{}))
	if ended == nil || !strings.Contains(ended.Err.Error(), "ESP without UDP") {
		t.Errorf("ended with %v", ended)
	}
}

// A gateway that asks for ever is left.
func TestLoginWithoutEnd(t *testing.T) {
	m := upMachine(Config{Auth: []Auth{SharedKey{Key: []byte("key")}}})
	m.up = false
	for range maxLogin {
		m.sendLogin(nil)
		m.sa().outstanding = nil
	}
	if m.ended {
		t.Fatal("too early")
	}
	m.sendLogin(nil)
	if ended := effectOf[Ended](m.out); ended == nil || !strings.Contains(ended.Err.Error(), "does not come to an end") {
		t.Errorf("ended with %v", ended)
	}
}

// An SA is replaced after so many bytes or packets, and over after twice as many.
func TestLimitsOfSAs(t *testing.T) {
	l := newLine(t, 1, func(c *Config) { c.ChildBytes, c.ChildPackets = 1000, 10 })
	c := l.ends[0].child()
	if c.inbound.Bytes.Soft != 1000 || c.outbound.Bytes.Hard != 2000 || c.inbound.Packets.Hard != 20 || c.outbound.Packets.Soft != 10 {
		t.Errorf("%+v", c)
	}
	first := c.in
	l.do(l.ends[0], l.ends[0].Expired(l.now, c.out, false))
	l.calm()
	if l.ends[0].child().in == first {
		t.Error("it was not replaced")
	}
}
