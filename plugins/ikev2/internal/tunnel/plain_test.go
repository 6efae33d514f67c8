package tunnel

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"github.com/penstock-vpn/penstock/sdk"
)

// sum is 0 over what has a good checksum in it.
func sum(b []byte) uint16 { return checksum(b) }

// The question is a packet that a DNS server takes, and its answer is known.
func TestQuestion(t *testing.T) {
	for _, test := range []struct {
		from, to string
		header   int
	}{{"10.0.0.2", "10.99.0.1", 20}, {"fd00::2", "fd99::1", 40}} {
		from, to := netip.MustParseAddr(test.from), netip.MustParseAddr(test.to)
		p := question(from, to)
		ip, udp := p.Packet[:test.header], p.Packet[test.header:]
		if test.header == 20 && (sum(ip) != 0 || int(binary.BigEndian.Uint16(ip[2:])) != len(p.Packet)) || test.header == 40 && int(binary.BigEndian.Uint16(ip[4:])) != len(udp) {
			t.Errorf("header %x", ip)
		}
		pseudo := slices.Concat(from.AsSlice(), to.AsSlice(), []byte{0, protoUDP}, udp[4:6])
		if checksum(pseudo, udp) != 0 || binary.BigEndian.Uint16(udp[2:]) != portDNS || int(binary.BigEndian.Uint16(udp[4:])) != len(udp) || udp[8+5] != 1 {
			t.Errorf("datagram %x", udp)
		}
		answer := question(to, from).Packet
		copy(answer[test.header:], udp[2:4])
		copy(answer[test.header+2:], udp[:2])
		for _, m := range p.Answer {
			if !bytes.Equal(answer[m.Offset:m.Offset+len(m.Value)], m.Value) {
				t.Errorf("the answer %x has no %x at %d", answer, m.Value, m.Offset)
			}
		}
	}
}

// What proves a path is a DNS server that is reached through it.
func TestProof(t *testing.T) {
	config := func(route string, dns ...string) sdk.NetConfig {
		c := sdk.NetConfig{Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.2/32")}, Routes: []netip.Prefix{netip.MustParsePrefix(route)}}
		for _, d := range dns {
			c.DNS = append(c.DNS, netip.MustParseAddr(d))
		}
		return c
	}
	for name, test := range map[string]struct {
		c     sdk.NetConfig
		found bool
	}{
		"inside": {config("10.0.0.0/8", "10.1.1.1"), true}, "all inside": {config("0.0.0.0/0", "192.0.2.1"), true}, "none": {config("0.0.0.0/0"), false},
		"outside": {config("10.0.0.0/8", "192.0.2.1"), false}, "the second": {config("10.0.0.0/8", "192.0.2.1", "10.1.1.1"), true},
		"of another family": {config("::/0", "fd00::1"), false},
	} {
		if _, found := (&session{settings: test.c}).proof(); found != test.found {
			t.Errorf("%s: %v", name, found)
		}
	}
}
