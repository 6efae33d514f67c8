package ppp

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// IPv6 has no address from IPv6CP but that of the link: routers advertise the rest. They
// are asked before anybody else may send packets on the link.

const (
	protocolIPv4 = 0x0021
	protocolIPv6 = 0x0057

	icmpv6       = 58
	hops         = 255 // of a packet that no router has passed on
	headerIPv6   = 40
	headerAdvert = 16

	routerSolicitation  = 133
	routerAdvertisement = 134

	optionPrefix  = 3  // RFC 4861 section 4.6.2
	optionServers = 25 // RFC 8106 section 5.1
	autonomous    = 0x40

	identifierBits = 64
	maxServers     = 4

	// Most gateways agree on IPv6 and have none, so that they are not asked for long.
	solicitTime = 400 * time.Millisecond
	maxSolicit  = 3
)

var allRouters = netip.MustParseAddr("ff02::2")

// advert is what a router says that is of use here.
type advert struct {
	prefix netip.Prefix // that addresses are made from
	dns    []netip.Addr
}

// solicitation asks routers for one (RFC 4861 section 4.1).
func solicitation(from netip.Addr) []byte {
	body := []byte{routerSolicitation, 0, 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint16(body[2:], ^sumICMP(from, allRouters, body))
	p := []byte{0x60, 0, 0, 0, 0, byte(len(body)), icmpv6, hops}
	p = append(append(p, from.AsSlice()...), allRouters.AsSlice()...)
	return append(p, body...)
}

// sumICMP is the sum of RFC 4443 section 2.3: all ones for a message whose checksum is right.
func sumICMP(from, to netip.Addr, body []byte) uint16 {
	b := append(from.AsSlice(), to.AsSlice()...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	b = append(append(b, 0, 0, 0, icmpv6), body...)
	if len(b)%2 == 1 {
		b = append(b, 0)
	}
	var sum uint32
	for ; len(b) > 0; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}

// parseAdvert reads a packet of IPv6; ok is false for what is no advertisement that gives an
// address and a way out.
func parseAdvert(p []byte) (a advert, ok bool) {
	if len(p) < headerIPv6+headerAdvert || p[0]>>4 != 6 || p[6] != icmpv6 || p[7] != hops {
		return a, false
	}
	from, to := netip.AddrFrom16([16]byte(p[8:])), netip.AddrFrom16([16]byte(p[24:]))
	n := int(binary.BigEndian.Uint16(p[4:]))
	if n < headerAdvert || n > len(p)-headerIPv6 || !from.IsLinkLocalUnicast() {
		return a, false
	}
	body := p[headerIPv6 : headerIPv6+n]
	lifetime := binary.BigEndian.Uint16(body[6:])
	if body[0] != routerAdvertisement || body[1] != 0 || lifetime == 0 || sumICMP(from, to, body) != 0xffff {
		return a, false
	}
	for b := body[headerAdvert:]; len(b) > 0; {
		const unit = 8
		if len(b) < unit || b[1] == 0 || int(b[1])*unit > len(b) {
			return a, false
		}
		size := int(b[1]) * unit
		a.take(b[0], b[:size])
		b = b[size:]
	}
	return a, a.prefix.IsValid()
}

// take notes an option, of whole units of eight octets.
func (a *advert) take(kind byte, b []byte) {
	switch {
	case kind == optionPrefix && len(b) == 32:
		prefix := netip.PrefixFrom(netip.AddrFrom16([16]byte(b[16:])), int(b[2])).Masked()
		lives := binary.BigEndian.Uint32(b[4:]) > 0
		if address := prefix.Addr(); !a.prefix.IsValid() && lives && b[2] == identifierBits && b[3]&autonomous != 0 &&
			!address.Is4In6() && address.IsGlobalUnicast() {
			a.prefix = prefix
		}
	case kind == optionServers && len(b) >= 24 && binary.BigEndian.Uint32(b[4:]) > 0:
		for b = b[8:]; len(b) >= 16 && len(a.dns) < maxServers; b = b[16:] {
			if server := netip.AddrFrom16([16]byte(b)); server.IsGlobalUnicast() && !server.Is4In6() {
				a.dns = append(a.dns, server)
			}
		}
	}
}

// solicit asks routers, or gives up: when nobody answers, or when packets flow, of which an
// answer would be one.
func (l *ipv6cp) solicit() {
	if l.asked++; l.asked > maxSolicit || l.m.shown != nil {
		l.due = time.Time{}
		n := l.m.network(ProtocolIPv6CP)
		n.happens(shut)
		l.finished()
		return
	}
	l.due = l.m.now.Add(solicitTime)
	l.m.emit(Send{protocolIPv6, solicitation(l.linkLocal())})
}

// tick is called when it is time to ask again.
func (l *ipv6cp) tick() {
	if !l.due.IsZero() && !l.due.After(l.m.now) {
		l.solicit()
	}
}

// advertised takes a packet while an advertisement is waited for.
func (l *ipv6cp) advertised(packet []byte) {
	if l.due.IsZero() {
		return
	}
	if a, ok := parseAdvert(packet); ok {
		l.due, l.heard = time.Time{}, a
		l.netLayer.up()
	}
}
