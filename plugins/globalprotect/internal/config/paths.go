package config

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// NetConfig is what the host puts in force. mtu is the user's limit, 0: none.
func (c Config) NetConfig(mtu int, now time.Time) sdk.NetConfig {
	n := sdk.NetConfig{
		Addresses: c.Addresses, Routes: c.Routes, Excludes: c.Excludes, DNS: c.DNS, NBNS: c.NBNS, Search: c.Search,
		MTU: c.MTU, IdleTimeout: c.Idle, ScriptOptions: c.Options,
	}
	if mtu > 0 && (n.MTU == 0 || mtu < n.MTU) {
		n.MTU = mtu
	}
	if c.Lifetime > 0 {
		n.Expires = now.Add(c.Lifetime)
	}
	return n
}

// SameWay says whether a path of ESP that was set up for d can go on with the keys of c.
func (c Config) SameWay(d Config) bool {
	return c.ESP != nil && d.ESP != nil && c.ESP.Port == d.ESP.Port &&
		c.Probe4 == d.Probe4 && c.Probe6 == d.Probe6 && slices.Equal(c.Addresses, d.Addresses)
}

// AEAD says whether the suite is one with GCM.
func (e *ESP) AEAD() bool { return strings.Contains(e.Suite, "gcm") }

// SAs are those of ESP, as the host installs them.
func (e *ESP) SAs() (receive, send sdk.SA) {
	return sdk.SA{Direction: sdk.Inbound, SPI: e.Receive.SPI, Suite: e.Suite, Key: e.Receive.Key, AuthKey: e.Receive.AuthKey},
		sdk.SA{Direction: sdk.Outbound, SPI: e.Send.SPI, Suite: e.Suite, Key: e.Send.Key, AuthKey: e.Send.AuthKey}
}

// The ping within ESP that a gateway answers itself, by the first 16 bytes of what is
// in it. It is told from other pings by its identifier, too.
const (
	magic   = "monitor\x00\x00pan ha "
	filling = "0123456789:;<=>? !\"#$%&'()*+,-./\x10\x11\x12\x13\x14\x15\x16\x18"
	probeID = 0x4747
)

// ESPFraming is how the host keeps a path of ESP: bare packets, and pings to see that
// the gateway lives. False: the gateway tells no address that answers.
func (c Config) ESPFraming(rules framing.Dpd) (framing.Spec, bool) {
	probe, ok := c.probe()
	return framing.Spec{MaxPayload: framing.MaxFrame, Rules: framing.Rules{Dpd: rules, Probe: probe}}, ok
}

// probe goes over IPv6 where it can: gateways then open the way for both.
func (c Config) probe() (framing.Probe, bool) {
	for _, a := range c.Addresses {
		if a.Addr().Is6() && c.Probe6.IsValid() {
			return probe6(a.Addr(), c.Probe6), true
		}
	}
	for _, a := range c.Addresses {
		if a.Addr().Is4() && c.Probe4.IsValid() {
			return probe4(a.Addr(), c.Probe4), true
		}
	}
	return framing.Probe{}, false
}

func probe4(from, to netip.Addr) framing.Probe {
	ping := echo(8)
	b := make([]byte, 20, 20+len(ping))
	b[0], b[6], b[8], b[9] = 0x45, 0x40, 64, 1
	binary.BigEndian.PutUint16(b[2:], uint16(cap(b)))
	binary.BigEndian.PutUint16(b[4:], probeID)
	copy(b[12:], from.AsSlice())
	copy(b[16:], to.AsSlice())
	binary.BigEndian.PutUint16(b[10:], checksum(b))
	binary.BigEndian.PutUint16(ping[2:], checksum(ping))
	return framing.Probe{Packet: append(b, ping...), Answer: []framing.Match{
		{Offset: 9, Value: []byte{1}}, {Offset: 12, Value: to.AsSlice()}, {Offset: 16, Value: from.AsSlice()},
		{Offset: 20, Value: []byte{0, 0}}, {Offset: 28, Value: []byte(magic)},
	}}
}

func probe6(from, to netip.Addr) framing.Probe {
	ping := echo(128)
	b := make([]byte, 40, 40+len(ping))
	b[0], b[6], b[7] = 0x60, 58, 64
	binary.BigEndian.PutUint16(b[4:], uint16(len(ping)))
	copy(b[8:], from.AsSlice())
	copy(b[24:], to.AsSlice())
	pseudo := append(append([]byte{}, b[8:40]...), 0, 0, 0, byte(len(ping)), 0, 0, 0, 58)
	binary.BigEndian.PutUint16(ping[2:], checksum(append(pseudo, ping...)))
	return framing.Probe{Packet: append(b, ping...), Answer: []framing.Match{
		{Offset: 6, Value: []byte{58}}, {Offset: 8, Value: to.AsSlice()}, {Offset: 24, Value: from.AsSlice()},
		{Offset: 40, Value: []byte{129, 0}}, {Offset: 48, Value: []byte(magic)},
	}}
}

// echo is an echo request without its checksum.
func echo(kind byte) []byte {
	b := make([]byte, 8, 8+len(magic)+len(filling))
	b[0] = kind
	binary.BigEndian.PutUint16(b[4:], probeID)
	return append(append(b, magic...), filling...)
}

func checksum(b []byte) uint16 {
	sum := uint32(0)
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	if len(b)%2 == 1 {
		sum += uint32(b[len(b)-1]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
