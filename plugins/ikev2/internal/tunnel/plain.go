package tunnel

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/penstock-vpn/penstock/sdk/framing"
)

// ESP without UDP around it, where there is no NAT. Firewalls that let UDP through often
// do not know it: so the path has to prove itself by an answer from within the tunnel,
// before packets of anybody else go over it, and otherwise ESP goes in UDP.

// Times of the question that proves a path. It is asked again after a day of silence.
const (
	proofRetry = time.Second
	proofDead  = 5 * time.Second
	proofAfter = 24 * time.Hour
)

// openPlain opens ESP alone, with rules that prove the path.
func (p *peer) openPlain() (Conn, framing.Rules, error) {
	var rules framing.Rules
	if p.s.o.Encap == UnlessPlain {
		probe, found := p.s.proof()
		if !found {
			return nil, rules, errors.New("the gateway names no DNS server within the tunnel to prove it by")
		}
		rules.Probe = probe
		rules.Dpd.After, rules.Dpd.Retry, rules.Dpd.Dead = proofAfter, proofRetry, proofDead
	}
	conn, err := p.s.host.OpenESP(p.s.ctx, p.address)
	return conn, rules, err
}

// encapsulate has ESP go in UDP from now on.
func (p *peer) encapsulate() error {
	s := p.s
	s.o.Encap = AlwaysUDP
	if s.o.Encapsulated != nil {
		s.o.Encapsulated()
	}
	p.plain = false
	return p.do(p.m.Encapsulate(time.Now(), p.info.Local, p.info.Remote))
}

// proof is a question to a DNS server in the tunnel, and what its answer is known by.
func (s *session) proof() (framing.Probe, bool) {
	for _, server := range s.settings.DNS {
		for _, own := range s.settings.Addresses {
			inside := slices.ContainsFunc(s.settings.Routes, func(r netip.Prefix) bool { return r.Contains(server) })
			if inside && own.Addr().Is4() == server.Is4() {
				return question(own.Addr(), server), true
			}
		}
	}
	return framing.Probe{}, false
}

const (
	portDNS   = 53
	udpHeader = 8
	protoUDP  = 17
	hops      = 64
)

// rootServers asks which servers the root has. Whatever comes back will do.
var rootServers = []byte{0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1}

// question is a packet with a question of DNS.
func question(from, to netip.Addr) framing.Probe {
	var random [4]byte
	_, _ = rand.Read(random[:]) // it does not fail
	port := 0xc000 | binary.BigEndian.Uint16(random[:])
	message := append([]byte(nil), rootServers...)
	copy(message, random[2:])
	udp := binary.BigEndian.AppendUint16(nil, port)
	udp = binary.BigEndian.AppendUint16(udp, portDNS)
	udp = binary.BigEndian.AppendUint16(udp, uint16(udpHeader+len(message)))
	udp = append(append(udp, 0, 0), message...)
	pseudo := slices.Concat(from.AsSlice(), to.AsSlice(), []byte{0, protoUDP}, udp[4:6])
	binary.BigEndian.PutUint16(udp[6:], checksum(pseudo, udp))

	ports := binary.BigEndian.AppendUint16([]byte{0, portDNS}, port)
	if from.Is4() {
		ip := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, hops, protoUDP, 0, 0}
		binary.BigEndian.PutUint16(ip[2:], uint16(20+len(udp)))
		ip = append(append(ip, from.AsSlice()...), to.AsSlice()...)
		binary.BigEndian.PutUint16(ip[10:], checksum(ip))
		return framing.Probe{Packet: append(ip, udp...), Answer: []framing.Match{
			{Offset: 9, Value: []byte{protoUDP}}, {Offset: 12, Value: to.AsSlice()}, {Offset: 20, Value: ports}}}
	}
	ip := []byte{0x60, 0, 0, 0, 0, 0, protoUDP, hops}
	binary.BigEndian.PutUint16(ip[4:], uint16(len(udp)))
	ip = append(append(ip, from.AsSlice()...), to.AsSlice()...)
	return framing.Probe{Packet: append(ip, udp...), Answer: []framing.Match{
		{Offset: 6, Value: []byte{protoUDP}}, {Offset: 8, Value: to.AsSlice()}, {Offset: 40, Value: ports}}}
}

// checksum is that of the internet (RFC 1071) over parts of even length, but for the last.
func checksum(parts ...[]byte) uint16 {
	sum := uint32(0)
	for _, b := range parts {
		for ; len(b) > 1; b = b[2:] {
			sum += uint32(binary.BigEndian.Uint16(b))
		}
		if len(b) > 0 {
			sum += uint32(b[0]) << 8
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
