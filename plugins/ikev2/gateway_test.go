package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike/keys"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
)

const secretKey = "Iridium-4711"

var marker = []byte{0, 0, 0, 0}

// gateway is a responder of IKEv2 with a pre-shared key, which grants one tunnel; what
// it cannot do it answers with nothing.
type gateway struct {
	t *testing.T

	mu         sync.Mutex
	ours, peer ike.SPI
	suite      keys.Suite
	schedule   keys.Schedule
	protection *keys.Protection
	request    []byte // IKE_SA_INIT as it came
	response   []byte
	ni, nr     []byte
	esp        *plugintest.ESP

	honest  bool          // about where it is, and where it sees the client: there is no NAT
	conn    net.Conn      // over which the client spoke last, and IKE has a marker
	deleted chan struct{} // closed when the client has said goodbye
}

func newGateway(t *testing.T) *gateway {
	return &gateway{t: t, ours: ike.SPI{0x52}, nr: bytes.Repeat([]byte{7}, 32), deleted: make(chan struct{})}
}

// serve speaks with a client on either port.
func (g *gateway) serve(c net.Conn) {
	b := make([]byte, 65536)
	for {
		n, err := c.Read(b)
		if err != nil {
			return
		}
		datagram, marked := bytes.CutPrefix(bytes.Clone(b[:n]), marker)
		g.mu.Lock()
		answer := g.handle(datagram, marked)
		if marked {
			g.conn = c
		}
		g.mu.Unlock()
		if answer == nil {
			continue
		}
		if marked {
			answer = append(bytes.Clone(marker), answer...)
		}
		_, _ = c.Write(answer)
	}
}

func (g *gateway) handle(b []byte, marked bool) []byte {
	m, err := ike.Parse(b)
	if err != nil {
		if packet, err := g.esp.Open(b); err == nil && !marked {
			return g.esp.Seal(packet) // an echo
		}
		return nil
	}
	h := ike.Header{Initiator: m.Initiator, Responder: g.ours, Exchange: m.Exchange, Response: true, MessageID: m.MessageID}
	if m.Exchange == ike.SAInit {
		g.response = ike.Append(nil, h, g.begin(b, m))
		return g.response
	}
	plain, err := g.protection.Open(b, m)
	if err != nil {
		g.t.Errorf("the gateway cannot read %v: %v", m.Exchange, err)
		return nil
	}
	payloads, err := ike.ParsePayloads(m.Sealed.Inner, plain)
	if err != nil {
		g.t.Error(err)
		return nil
	}
	answer := []ike.Payload{}
	switch m.Exchange {
	case ike.Auth:
		answer = g.grant(payloads)
	case ike.Informational:
		if len(payloads) > 0 && payloads[0].Type() == ike.TypeDelete {
			close(g.deleted)
		}
	}
	out, err := g.protection.Seal(h, answer)
	if err != nil {
		g.t.Error(err)
	}
	return out
}

// begin answers IKE_SA_INIT.
func (g *gateway) begin(b []byte, m *ike.Message) []ike.Payload {
	g.peer, g.request = m.Initiator, b
	choice := ike.Proposal{Number: 2, Protocol: ike.ProtocolIKE, Transforms: []ike.Transform{
		{Type: ike.Encryption, ID: 20, KeyBits: 256}, {Type: ike.PRF, ID: 5}, {Type: ike.KeyExchange, ID: 31}}}
	var err error
	if g.suite, err = keys.ChosenSuite(choice); err != nil {
		g.t.Error(err)
	}
	x, err := g.suite.Group.Begin(rand.Reader)
	if err != nil {
		g.t.Error(err)
	}
	for _, p := range m.Payloads {
		switch p := p.(type) {
		case *ike.KE:
			secret, err := x.Secret(p.Data)
			if err != nil {
				g.t.Error(err)
			}
			defer func() {
				g.schedule = g.suite.NewSchedule(secret, g.ni, g.nr, g.peer, g.ours)
				if g.protection, err = g.suite.Protect(g.schedule, false, rand.Reader); err != nil {
					g.t.Error(err)
				}
			}()
		case ike.Nonce:
			g.ni = p
		}
	}
	return []ike.Payload{&ike.SA{Proposals: []ike.Proposal{choice}}, &ike.KE{Group: 31, Data: x.Public()}, ike.Nonce(g.nr),
		&ike.Notify{Kind: ike.NATDetectionSource, Data: g.hashOf("192.0.2.2:443")}, &ike.Notify{Kind: ike.NATDetectionDestination, Data: g.hashOf("192.0.2.1:40000")}}
}

// hashOf is of an address as the tests' host has them, or of none.
func (g *gateway) hashOf(address string) []byte {
	a := netip.MustParseAddrPort(address)
	b := slices.Concat(g.peer[:], g.ours[:], a.Addr().AsSlice(), []byte{byte(a.Port() >> 8), byte(a.Port())})
	if sum := sha1.Sum(b); g.honest {
		return sum[:]
	}
	return make([]byte, sha1.Size)
}

// grant answers IKE_AUTH, if the client knows the key.
func (g *gateway) grant(payloads []ike.Payload) []ike.Payload {
	var id, auth, spi []byte
	for _, p := range payloads {
		switch p := p.(type) {
		case *ike.ID:
			if !p.Responder {
				id = p.Body()
			}
		case *ike.AuthData:
			auth = p.Data
		case *ike.SA:
			spi = p.Proposals[0].SPI
		}
	}
	octets := g.suite.PRF.SignedOctets(g.request, g.nr, g.schedule.PI, id, nil)
	if !bytes.Equal(auth, g.suite.PRF.SharedKeyAuth([]byte(secretKey), octets)) {
		return []ike.Payload{&ike.Notify{Kind: ike.AuthenticationFailed}}
	}
	us := &ike.ID{Responder: true, Kind: ike.IDFQDN, Data: []byte("vpn.example.com")}
	octets = g.suite.PRF.SignedOctets(g.response, g.ni, g.schedule.PR, us.Body(), nil)
	fromClient, fromUs := g.schedule.ChildKeys(g.suite.PRF, 20, nil, g.ni, g.nr)
	var err error
	g.esp, err = plugintest.NewESP(
		sdk.SA{Direction: sdk.Inbound, SPI: 0x1234, Suite: "aes128gcm16", Key: fromClient},
		sdk.SA{Direction: sdk.Outbound, SPI: uint32(spi[0])<<24 | uint32(spi[1])<<16 | uint32(spi[2])<<8 | uint32(spi[3]), Suite: "aes128gcm16", Key: fromUs})
	if err != nil {
		g.t.Error(err)
	}
	all := ike.Everything()
	return []ike.Payload{us, &ike.AuthData{Method: ike.AuthSharedKey, Data: g.suite.PRF.SharedKeyAuth([]byte(secretKey), octets)},
		&ike.Config{Kind: ike.ConfigReply, Attributes: []ike.Attribute{
			{Kind: ike.InternalIP4Address, Value: []byte{10, 0, 0, 2}}, {Kind: ike.InternalIP4DNS, Value: []byte{10, 0, 0, 1}},
			{Kind: ike.InternalIP4Subnet, Value: []byte{10, 0, 0, 0, 255, 0, 0, 0}}, {Kind: ike.UnityBanner, Value: []byte("Hello")}}},
		&ike.SA{Proposals: []ike.Proposal{{Number: 1, Protocol: ike.ProtocolESP, SPI: []byte{0, 0, 0x12, 0x34}, Transforms: []ike.Transform{
			{Type: ike.Encryption, ID: 20, KeyBits: 128}, {Type: ike.SequenceSizes}}}}},
		&ike.TS{Selectors: all[:1]}, &ike.TS{Responder: true, Selectors: all[:1]}}
}

// leave ends the session from this side.
func (g *gateway) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	h := ike.Header{Initiator: g.peer, Responder: g.ours, Exchange: ike.Informational}
	b, err := g.protection.Seal(h, []ike.Payload{&ike.Delete{Protocol: ike.ProtocolIKE}})
	if err != nil {
		g.t.Error(err)
	}
	if _, err := g.conn.Write(append(bytes.Clone(marker), b...)); err != nil {
		g.t.Error(err)
	}
}
