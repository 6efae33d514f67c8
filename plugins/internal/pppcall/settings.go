package pppcall

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/penstock-vpn/penstock/plugins/internal/ppp"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// leastIPv6 is the smallest MTU of IPv6 (RFC 8200 section 5).
const leastIPv6 = 1280

func (c *Call) settings(n ppp.Network) sdk.NetConfig {
	s := sdk.NetConfig{MTU: min(n.MRU, c.o.PPP.MRU), DNS: n.DNS, NBNS: n.NBNS}
	if c.encrypted {
		s.MTU -= ppp.EncryptionSize
	}
	if c.o.MTU > 0 {
		s.MTU = min(s.MTU, c.o.MTU)
	}
	if s.MTU < leastIPv6 {
		n.IPv6 = netip.Addr{}
		s.DNS = slices.DeleteFunc(slices.Clone(s.DNS), netip.Addr.Is6)
	}
	if n.IPv6.IsValid() {
		s.Addresses = append(s.Addresses, netip.PrefixFrom(n.IPv6, 128))
		s.Routes = append(s.Routes, netip.PrefixFrom(netip.IPv6Unspecified(), 0))
	}
	if n.Address.IsValid() {
		s.Addresses = append(s.Addresses, netip.PrefixFrom(n.Address, 32))
		s.Routes = append(s.Routes, netip.PrefixFrom(netip.IPv4Unspecified(), 0))
	}
	return s
}

// Echoes of LCP (RFC 1661 section 5.8): code, identifier, length, magic number.
const (
	lcp         = framing.InPPP | uint32(ppp.ProtocolLCP)
	lcpEcho     = 9
	lcpReply    = 10
	echoSize    = 8
	magicOffset = 4
)

// EchoReply has the host answer echoes of LCP by itself.
func (c *Call) EchoReply() framing.Reply { return echoReply(c.magic()) }

// Echoes has the host do that, and ask with an echo after DPD of silence.
func (c *Call) Echoes() framing.Rules {
	return framing.Rules{
		Replies: []framing.Reply{c.EchoReply()},
		Dpd: framing.Dpd{
			After: c.o.DPD, Retry: c.o.DPD / 4, Dead: c.o.DPD,
			Type: lcp, Payload: append([]byte{lcpEcho, 1, 0, echoSize}, c.magic()...),
		},
	}
}

func (c *Call) magic() []byte { return binary.BigEndian.AppendUint32(nil, c.machine.Magic()) }

func echoReply(magic []byte) framing.Reply {
	return framing.Reply{Match: lcp, With: lcp, Prefix: []byte{lcpEcho}, Patch: []framing.Match{
		{Value: []byte{lcpReply}}, {Offset: magicOffset, Value: magic},
	}}
}
