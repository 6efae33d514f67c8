package sdk

import (
	"context"
	"fmt"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/framing"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// ESP makes an attached UDP transport carry ESP in UDP (RFC 3948), in tunnel mode or around
// datagrams. In tunnel mode the Spec has no header: it may say how dead peers are found,
// with a Probe. Messages of IKE that share the port come as ControlFrame and go with
// Path.Send, both of type 0 and without the four zero bytes, which the host takes away and
// puts on. A TCP
// transport carries the same with the lengths of RFC 9329; the plugin has sent what such
// a stream begins with, and there is no NATKeepalive. A raw transport of ProtocolESP carries
// ESP alone: messages of IKE go over a transport of their own.
type ESP struct {
	SAs []SA // to begin with: one outbound, one or more inbound
	// NATKeepalive is how long nothing is sent before a byte keeps a NAT's mapping; 0: never.
	NATKeepalive time.Duration
	// ECN says that the peer combines the marks of congestion inside and outside (RFC
	// 6040), as those of IKEv2 do: a packet that understands them shows that outside then.
	ECN bool
	// Transport, if it is not zero, is transport mode: frames are what datagrams of UDP
	// between these ports hold, and the Spec's are of L2TP.
	Transport UDPPorts
	// Fragment lets packets go in fragments where the path carries less than IPv6 inside
	// needs. Otherwise such a path is refused, or dead.
	Fragment bool
}

// UDPPorts are those of datagrams, seen from here.
type UDPPorts struct{ Local, Remote uint16 }

// Direction is which way the packets of an SA go.
type Direction int

// The directions, seen from here.
const (
	Inbound Direction = iota
	Outbound
)

// String is the direction in a word.
func (d Direction) String() string { return [...]string{"inbound", "outbound"}[d&1] }

// SA is one direction of an agreement on keys. Each SA needs keys of its own. An
// outbound one is installed once, also by a plugin that has resumed: its sequence
// numbers begin at 1, or at First, and the cipher must not see one twice.
type SA struct {
	Direction Direction
	SPI       uint32 // 256 and up, chosen by who receives with it
	// Suite is "aes128gcm16", "aes192gcm16", "aes256gcm16" or "chacha20poly1305"; or
	// CBC and an HMAC: one of aes128, aes192, aes256 and 3des with one of md5, sha1, sha256,
	// sha384 and sha512, as in "aes128-sha1". 3des is weak: only for who asks for it by name.
	Suite          string
	Key            []byte // of the cipher; an AEAD's salt of 4 bytes is its end
	AuthKey        []byte // of the HMAC; an AEAD has none
	ESN            bool   // extended sequence numbers
	Bytes, Packets Limit  // what it may carry; sequence numbers limit the packets, too
	// First is for a plugin that has used the SA itself before: the number that an outbound
	// one begins with, or the lowest that an inbound one takes. 0: all.
	First uint32
}

// Limit of an SA. SAExpired comes at Soft, when it is to be replaced, and at Hard,
// when it is over. 0 is none.
type Limit struct{ Soft, Hard uint64 }

// Format prints an SA without its keys, for every verb.
func (sa SA) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "%v SA %#08x %s", sa.Direction, sa.SPI, sa.Suite)
}

// InstallSA adds an SA to a path of ESP: an inbound one beside those that are there
// (at most 8), an outbound one in place of the one before. Not to lose a packet, a
// rekey installs inbound first, then tells the peer, then installs outbound, and removes
// the old inbound one last.
func (p *Path) InstallSA(ctx context.Context, sa SA) error {
	install := &pluginpb.InstallSa{Transport: p.id, Sa: sa.message()}
	return p.session.stream.order(ctx, &pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_InstallSa{InstallSa: install}})
}

// RemoveSA removes an inbound SA, which may be gone already.
func (p *Path) RemoveSA(ctx context.Context, spi uint32) error {
	remove := &pluginpb.RemoveSa{Transport: p.id, Spi: spi}
	return p.session.stream.order(ctx, &pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_RemoveSa{RemoveSa: remove}})
}

// validate says what no host takes; nil is no ESP.
func (e *ESP) validate(t *Transport, f framing.Spec) error {
	if e == nil {
		return nil
	}
	outbound := 0
	for _, sa := range e.SAs {
		if sa.Direction == Outbound {
			outbound++
		}
	}
	switch {
	case t.kind != kindUDP && t.kind != kindTCP && t.kind != kindRaw:
		return diag.Newf(diag.Invalid, "ESP goes over a udp, tcp or raw transport, not over %s", t.kind)
	case (e.Transport.Local == 0) != (e.Transport.Remote == 0):
		return diag.Newf(diag.Invalid, "ESP in transport mode with one port of two")
	case (e.Transport.Local == 0) != (f.L2TP == nil):
		return diag.Newf(diag.Invalid, "ESP in transport mode carries L2TP, and nothing else does")
	case len(f.Header) > 0:
		return diag.Newf(diag.Invalid, "frames of ESP are IP packets, without a header")
	case outbound != 1 || len(e.SAs) < 2:
		return diag.Newf(diag.Invalid, "ESP begins with one outbound SA and at least one inbound, not with %d and %d", outbound, len(e.SAs)-outbound)
	}
	return nil
}

func (e *ESP) message() *pluginpb.Esp {
	if e == nil {
		return nil
	}
	m := &pluginpb.Esp{NatKeepaliveMs: rule(e.NATKeepalive), Ecn: e.ECN, Fragment: e.Fragment}
	if e.Transport.Local != 0 {
		m.Transport = &pluginpb.UdpPorts{Local: uint32(e.Transport.Local), Remote: uint32(e.Transport.Remote)}
	}
	for _, sa := range e.SAs {
		m.Sas = append(m.Sas, sa.message())
	}
	return m
}

func (sa SA) message() *pluginpb.Sa {
	return &pluginpb.Sa{
		Direction: pluginpb.Sa_Direction(sa.Direction), Spi: sa.SPI, Suite: sa.Suite,
		Key: sa.Key, AuthKey: sa.AuthKey, Esn: sa.ESN,
		SoftBytes: sa.Bytes.Soft, HardBytes: sa.Bytes.Hard, SoftPackets: sa.Packets.Soft, HardPackets: sa.Packets.Hard,
		First: sa.First,
	}
}
