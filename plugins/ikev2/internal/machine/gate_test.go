package machine

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike/keys"
)

// gate is a responder with a pre-shared key for what strongSwan 5.9 cannot do. It
// computes what the machine computes too in its own way, from the bytes on the wire.
type gate struct {
	t          *testing.T
	wants      ike.Proposal // what it chooses; the number is the offer's
	fragments  bool
	key        string
	init, auth []ike.Payload // to be added to its answers

	ours, peer    ike.SPI
	suite         keys.Suite
	schedule      keys.Schedule
	protection    *keys.Protection
	first, answer []byte // messages that AUTH covers
	ni, nr        []byte
	left          []*keys.Group
	covered       [2][]byte
	parts         assembly
	child         [2][]byte // keys of ESP: from the client, to it
	heard         []*ike.Message
	login         []ike.Payload // the client's message of IKE_AUTH
	derive        []byte        // SK_d of the session that the ticket is about
	resumed       bool
	renewal       renewed // the new SA that is being made
}

func newGate(t *testing.T, wants ...ike.Transform) *gate {
	return &gate{t: t, key: "key", ours: ike.SPI{0x52}, nr: bytes.Repeat([]byte{7}, 32), wants: ike.Proposal{Protocol: ike.ProtocolIKE, Transforms: wants}}
}

// receive takes a datagram and returns the answers.
func (g *gate) receive(b []byte) [][]byte {
	m, err := ike.Parse(b)
	if err != nil {
		g.t.Fatal(err)
	}
	g.heard = append(g.heard, m)
	h := ike.Header{Initiator: m.Initiator, Responder: g.ours, Exchange: m.Exchange, Response: true, MessageID: m.MessageID}
	if m.Sealed == nil {
		g.first, g.peer = b, m.Initiator
		if m.Exchange == ike.SessionResume {
			g.answer = ike.Append(nil, h, g.resume(m.Payloads))
		} else {
			g.answer = ike.Append(nil, h, g.begin(m.Payloads))
		}
		return [][]byte{g.answer}
	}
	plain, err := g.protection.Open(b, m)
	if err != nil {
		g.t.Fatalf("%v: %v", m.Exchange, err)
	}
	inner := m.Sealed.Inner
	if m.Sealed.Fragment() {
		whole := false
		if inner, plain, whole = g.parts.add(m, plain); !whole {
			return nil
		}
	}
	payloads, err := ike.ParsePayloads(inner, plain)
	if err != nil {
		g.t.Fatal(err)
	}
	return g.respond(m, h, inner, plain, payloads)
}

func (g *gate) respond(m *ike.Message, h ike.Header, inner ike.PayloadType, plain []byte, payloads []ike.Payload) [][]byte {
	protection := g.protection // of this exchange, whatever it changes
	var answer []ike.Payload
	switch m.Exchange {
	case ike.Intermediate:
		answer = g.strengthen(m.Header, h, inner, plain, payloads)
	case ike.Auth:
		g.login = payloads
		answer = g.grant(m.MessageID, payloads)
	case ike.CreateChildSA:
		answer = g.create(payloads)
	case ike.FollowupKE:
		answer = g.followUp(payloads)
	}
	if !g.fragments {
		one, err := protection.Seal(h, answer)
		if err != nil {
			g.t.Fatal(err)
		}
		return [][]byte{one}
	}
	all, err := protection.SealFragments(h, answer, 600)
	if err != nil {
		g.t.Fatal(err)
	}
	return all
}

// begin answers IKE_SA_INIT.
func (g *gate) begin(payloads []ike.Payload) []ike.Payload {
	for _, p := range first[*ike.SA](payloads).Proposals {
		fits := true
		for _, x := range g.wants.Transforms {
			fits = fits && p.Has(x)
		}
		if fits {
			g.wants.Number = p.Number
		}
	}
	var err error
	if g.suite, err = keys.ChosenSuite(g.wants); err != nil || g.wants.Number == 0 {
		g.t.Fatalf("proposal %d, %v", g.wants.Number, err)
	}
	ke := first[*ike.KE](payloads)
	public, secret, err := g.suite.Group.Answer(rand.Reader, ke.Data)
	if err != nil {
		g.t.Fatal(err)
	}
	g.ni, g.left, g.covered = bytes.Clone(first[ike.Nonce](payloads)), g.suite.Additional, [2][]byte{}
	g.keys(g.suite.NewSchedule(secret, g.ni, g.nr, g.peer, g.ours))
	all := []ike.Payload{&ike.SA{Proposals: []ike.Proposal{g.wants}}, &ike.KE{Group: ke.Group, Data: public}, ike.Nonce(g.nr),
		&ike.Notify{Kind: ike.NATDetectionDestination, Data: make([]byte, 20)}}
	if len(g.left) > 0 {
		all = append(all, &ike.Notify{Kind: ike.IntermediateSupported})
	}
	if g.fragments {
		all = append(all, &ike.Notify{Kind: ike.FragmentationSupported})
	}
	return append(all, g.init...)
}

func (g *gate) keys(k keys.Schedule) {
	var err error
	g.schedule = k
	if g.protection, err = g.suite.Protect(k, false, rand.Reader); err != nil {
		g.t.Fatal(err)
	}
}

const ticket = "the gateway's notes"

// resume answers IKE_SESSION_RESUME.
func (g *gate) resume(payloads []ike.Payload) []ike.Payload {
	n := notification(payloads, ike.TicketOpaque)
	if n == nil || string(n.Data) != ticket || g.derive == nil {
		return []ike.Payload{&ike.Notify{Kind: ike.TicketNack}}
	}
	g.ni, g.resumed, g.covered = bytes.Clone(first[ike.Nonce](payloads)), true, [2][]byte{}
	g.nr = bytes.Repeat([]byte{8}, 32)
	seed := g.suite.PRF.Sum(g.derive, append([]byte("Resumption"), append(bytes.Clone(g.ni), g.nr...)...))
	want := g.suite.PRF.Expand(seed, len(g.derive), g.ni, g.nr, g.peer[:], g.ours[:])
	g.keys(g.suite.Resumed(g.derive, g.ni, g.nr, g.peer, g.ours))
	if !bytes.Equal(g.schedule.Derive, want) {
		g.t.Errorf("SK_d is %x, want %x", g.schedule.Derive, want)
	}
	return append([]ike.Payload{ike.Nonce(g.nr), &ike.Notify{Kind: ike.NATDetectionDestination, Data: make([]byte, 20)}}, g.init...)
}

// strengthen answers IKE_INTERMEDIATE.
func (g *gate) strengthen(request, response ike.Header, inner ike.PayloadType, plain []byte, payloads []ike.Payload) []ike.Payload {
	ke := first[*ike.KE](payloads)
	if len(g.left) == 0 || ke == nil || ke.Group != g.left[0].ID {
		g.t.Fatalf("a key exchange of %+v, left are %d", ke, len(g.left))
	}
	public, secret, err := g.left[0].Answer(rand.Reader, ke.Data)
	if err != nil {
		g.t.Fatal(err)
	}
	g.left = g.left[1:]
	answer := []ike.Payload{&ike.KE{Group: ke.Group, Data: public}}
	g.cover(0, g.schedule.PI, request, inner, plain)
	g.cover(1, g.schedule.PR, response, ike.TypeKE, ike.AppendPayloads(nil, answer))
	seed := g.suite.PRF.Sum(g.schedule.Derive, secret, g.ni, g.nr) // RFC 9370 section 2.2.2
	want := g.suite.PRF.Expand(seed, len(g.schedule.Derive), g.ni, g.nr, g.peer[:], g.ours[:])
	g.keys(g.suite.Strengthened(g.schedule, secret, g.ni, g.nr, g.peer, g.ours))
	if !bytes.Equal(g.schedule.Derive, want) {
		g.t.Errorf("SK_d is %x, want %x", g.schedule.Derive, want)
	}
	return answer
}

// cover is RFC 9242 section 3.3.2's, from the bytes of a message in the clear.
func (g *gate) cover(way int, key []byte, h ike.Header, inner ike.PayloadType, plain []byte) {
	b := ike.Append(nil, h, nil)
	b[16] = byte(ike.TypeEncrypted)
	binary.BigEndian.PutUint32(b[24:], uint32(len(b)+4+len(plain)))
	b = append(b, byte(inner), 0, 0, 0)
	binary.BigEndian.PutUint16(b[len(b)-2:], uint16(4+len(plain)))
	g.covered[way] = g.suite.PRF.Sum(key, g.covered[way], b, plain)
}

// grant answers IKE_AUTH, if the client knows the key.
func (g *gate) grant(id uint32, payloads []ike.Payload) []ike.Payload {
	var covered []byte
	if g.covered[0] != nil {
		covered = binary.BigEndian.AppendUint32(bytes.Join(g.covered[:], nil), id)
	}
	prf := g.suite.PRF
	octets := prf.SignedOctets(g.first, g.nr, g.schedule.PI, first[*ike.ID](payloads).Body(), covered)
	if auth := first[*ike.AuthData](payloads); auth == nil || !bytes.Equal(auth.Data, g.proof(g.schedule.PI, octets)) {
		return refuse(ike.AuthenticationFailed)
	}
	g.derive = g.schedule.Derive
	us := &ike.ID{Responder: true, Kind: ike.IDFQDN, Data: []byte("vpn.test")}
	octets = prf.SignedOctets(g.answer, g.ni, g.schedule.PR, us.Body(), covered)
	g.child[0], g.child[1] = g.schedule.ChildKeys(prf, 20, nil, g.ni, g.nr)
	all := ike.Everything()[:1]
	var number uint8
	for _, p := range first[*ike.SA](payloads).Proposals {
		if p.Has(ike.Transform{Type: ike.Encryption, ID: 20, KeyBits: 128}) {
			number = p.Number
		}
	}
	return append([]ike.Payload{us, &ike.AuthData{Method: ike.AuthSharedKey, Data: g.proof(g.schedule.PR, octets)},
		&ike.Config{Kind: ike.ConfigReply, Attributes: []ike.Attribute{{Kind: ike.InternalIP4Address, Value: []byte{10, 0, 0, 2}}}},
		&ike.SA{Proposals: []ike.Proposal{{Number: number, Protocol: ike.ProtocolESP, SPI: []byte{0, 0, 0x12, 0x34}, Transforms: []ike.Transform{
			{Type: ike.Encryption, ID: 20, KeyBits: 128}, {Type: ike.SequenceSizes}}}}},
		&ike.TS{Selectors: all}, &ike.TS{Responder: true, Selectors: all}}, g.auth...)
}

// proof is by the pre-shared key, or by the keys that came of a ticket.
func (g *gate) proof(key, octets []byte) []byte {
	if g.resumed {
		return g.suite.PRF.Sum(key, octets)
	}
	return g.suite.PRF.SharedKeyAuth([]byte(g.key), octets)
}

// atGate is a configuration for a login at a gate.
func atGate() Config {
	return Config{Gateway: "vpn.test", Remote: netip.MustParseAddrPort("10.77.0.1:500"), SharedKey: []byte("key"), Auth: []Auth{SharedKey{Key: []byte("key")}},
		Identity: &ike.ID{Kind: ike.IDEmail, Data: []byte("alice@vpn.test")}}
}

// talk passes what is sent to the gate, and back, until there is nothing more.
func talk(m *Machine, g *gate, effects []Effect) (rest []Effect) {
	for len(effects) > 0 {
		e := effects[0]
		effects = effects[1:]
		sent, isSend := e.(Send)
		if !isSend {
			rest = append(rest, e)
			continue
		}
		for _, answer := range g.receive(sent.Datagram) {
			effects = append(effects, m.Receive(start, answer)...)
		}
	}
	return rest
}

// effectOf is the first effect of that type; nil: there is none.
func effectOf[T Effect](effects []Effect) *T {
	for _, e := range effects {
		if x, is := e.(T); is {
			return &x
		}
	}
	return nil
}
