// Package ikegate is a gateway of AnyConnect over IKEv2 for tests, made of the codecs of
// the client that it tests and of what is publicly known of Cisco's gateways; none of
// those was at hand to compare it with. It serves one client at a time.
//
//	gate       messages in, messages out
//	auth       IKE_SA_INIT and IKE_AUTH
//	dialogue   the documents in EAP
//	grant      addresses and the SAs of ESP
package ikegate

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike/keys"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
)

// Policy is what a gateway wants and gives.
type Policy struct {
	Name  string // who it is
	Chain []*x509.Certificate
	Key   crypto.Signer

	Groups   []string // the last is the one offered first; none: nobody chooses
	User     string   // "": no form is shown
	Password string
	Code     string         // asked for after the password; "": none
	Clients  *x509.CertPool // whose certificates it wants; nil: none
	Scan     bool           // it wants the host checked
	Refusal  string         // what it says to any login, in the end

	Pieces   bool // long messages go as in IKEv1
	ClientID bool // its signature covers the clients' identity, not its own
	SHA1     bool // it signs with SHA-1, whatever the PRF

	Address netip.Addr // the client's
	DNS     netip.Addr
	Routes  []netip.Prefix
	Banner  string
	Domain  string
}

// Gate is a gateway and its client.
type Gate struct {
	Policy

	mu         sync.Mutex
	ours, peer ike.SPI
	suite      keys.Suite
	schedule   keys.Schedule
	protection *keys.Protection
	firstIn    []byte
	firstOut   []byte
	ni, nr     []byte
	able       bool // the client announced the EAP method
	idi        *ike.ID
	wish       []ike.Payload // of the first IKE_AUTH
	dialogue   *dialogue
	over       bool // EAP is
	pieces     ike.Pieces
	inPieces   bool
	answered   uint32
	answer     [][]byte
	esp        *plugintest.ESP

	said  []string // the client's documents
	wrong []error
}

// New makes a gateway.
func New(p Policy) *Gate { return &Gate{Policy: p} }

// largest is the largest datagram of IKE.
const largest = 1280

// Handle answers a datagram of IKE, without the marker of port 4500.
func (g *Gate) Handle(b []byte) [][]byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	m, err := ike.Parse(b)
	if err != nil {
		g.fault(err)
		return nil
	}
	if len(m.Payloads) == 1 && m.Payloads[0].Type() == ike.TypePiece && g.inPieces {
		if b = g.pieces.Add(m.Header, m.Payloads[0].(*ike.Piece)); b == nil {
			return nil
		}
		if m, err = ike.Parse(b); err != nil {
			g.fault(err)
			return nil
		}
	}
	if m.Exchange != ike.SAInit && m.MessageID == g.answered {
		return g.answer
	}
	h := ike.Header{Initiator: m.Initiator, Exchange: m.Exchange, Response: true, MessageID: m.MessageID}
	if m.Exchange == ike.SAInit {
		return g.initiate(h, m, b)
	}
	if m.Response || g.protection == nil || m.Initiator != g.peer {
		return nil
	}
	h.Responder = g.ours
	return g.respond(h, m, b)
}

// fault notes what a client did wrong.
func (g *Gate) fault(err error) { g.wrong = append(g.wrong, err) }

// Faults are what clients did wrong so far.
func (g *Gate) Faults() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return errors.Join(g.wrong...)
}

// Said are the client's documents so far.
func (g *Gate) Said() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string(nil), g.said...)
}

// respond answers what came by the IKE SA.
func (g *Gate) respond(h ike.Header, m *ike.Message, b []byte) [][]byte {
	plain, err := g.protection.Open(b, m)
	if err != nil {
		g.fault(err)
		return nil
	}
	payloads, err := ike.ParsePayloads(m.Sealed.Inner, plain)
	if err != nil {
		g.fault(err)
		return nil
	}
	answer := []ike.Payload{}
	switch m.Exchange {
	case ike.Auth:
		if answer, err = g.authenticate(payloads); err != nil {
			g.fault(err)
			answer = []ike.Payload{&ike.Notify{Kind: ike.AuthenticationFailed}}
		}
	case ike.CreateChildSA:
		answer = append(answer, &ike.Notify{Kind: ike.NoAdditionalSAs})
	}
	whole, err := g.protection.Seal(h, answer)
	if err != nil {
		g.fault(err)
		return nil
	}
	g.answered, g.answer = m.MessageID, [][]byte{whole}
	if g.inPieces {
		g.answer = ike.InPieces(h, whole, largest)
	}
	return g.answer
}

// initiate answers IKE_SA_INIT, and forgets the client before.
func (g *Gate) initiate(h ike.Header, m *ike.Message, b []byte) [][]byte {
	if bytes.Equal(b, g.firstIn) {
		return [][]byte{g.firstOut}
	}
	g.reset(m.Initiator, b)
	_, _ = rand.Read(g.ours[:]) // never fails
	h.Responder = g.ours
	payloads, err := g.begin(m.Payloads)
	if err != nil {
		g.fault(err)
		return nil
	}
	g.firstOut = ike.Append(nil, h, payloads)
	return [][]byte{g.firstOut}
}

// Seal returns the datagram that carries a packet to the client; nil: there is no tunnel.
func (g *Gate) Seal(packet []byte) []byte {
	if e := g.tunnel(); e != nil {
		return e.Seal(packet)
	}
	return nil
}

// Open returns the packet in a datagram of ESP.
func (g *Gate) Open(datagram []byte) ([]byte, error) {
	if e := g.tunnel(); e != nil {
		return e.Open(datagram)
	}
	return nil, fmt.Errorf("a datagram of ESP without a tunnel")
}

func (g *Gate) tunnel() *plugintest.ESP {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.esp
}

// reset forgets the client before.
func (g *Gate) reset(peer ike.SPI, first []byte) {
	g.peer, g.firstIn, g.firstOut = peer, bytes.Clone(first), nil
	g.protection, g.dialogue, g.idi, g.wish, g.esp = nil, nil, nil, nil, nil
	g.able, g.over, g.inPieces, g.pieces = false, false, false, ike.Pieces{}
	g.answered, g.answer = 0, nil
}
