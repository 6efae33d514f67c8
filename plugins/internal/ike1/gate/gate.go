// Package gate is a responder of IKEv1 for tests: main and aggressive mode with a pre-shared
// key or a certificate of its own, XAUTH in as many rounds as wanted, mode config, quick mode
// in either mode, and what a gateway may begin by itself. It does no I/O and keeps no
// time: what comes twice is answered twice, and Waiting is what it would send again.
package gate

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike1"
	"github.com/penstock-vpn/penstock/plugins/internal/ike1/keys"
	"github.com/penstock-vpn/penstock/sdk"
)

// Gate is a gateway and what it wants.
type Gate struct {
	Key         []byte          // the pre-shared key; nil: it proves itself by Certificate
	Certificate []byte          // DER
	Signer      *rsa.PrivateKey // of Certificate
	Rounds      []Round         // of XAUTH; none: there is no XAUTH
	Settings    []ike1.Attribute
	Push        bool           // settings are sent unasked
	Vendors     []*ike1.Vendor // nil: Able
	PieceSize   int            // the largest message; 0: any
	RefuseQuick ike1.NotifyType
	Life        uint32 // that it tells of in quick mode, in seconds; 0: none
	Random      io.Reader

	SAs      []sdk.SA      // of the newest tunnel, inbound first
	Children int           // tunnels so far
	Logins   int           // ISAKMP SAs so far
	Deleted  []ike1.Delete // what the client has deleted
	Heard    []ike1.Notify // what it has told of
	Answers  []ike1.Config // what it has said to XAUTH

	sas     []*sa
	seen    map[[sha256.Size]byte][][]byte
	came    ike.Pieces
	waiting [][]byte
	chosen  ike1.Proposal
	traffic []ike1.Payload
}

// Round is one question of XAUTH and the answer that is right. Another asks again, up to
// three times.
type Round struct {
	Ask   []ike1.Attribute
	Right map[uint16]string
}

// Able are the vendor IDs of a gateway that can do everything.
var Able = []*ike1.Vendor{ike1.VendorXAuth, ike1.VendorDPD, ike1.VendorUnity, ike1.VendorPieces, ike1.VendorNAT}

// Old are those of a gateway from before RFC 3947.
var Old = []*ike1.Vendor{ike1.VendorXAuth, ike1.VendorDPD, ike1.VendorUnity, ike1.VendorNATDraft2}

// sa is an ISAKMP SA, from the responder's side.
type sa struct {
	ours, peer ike1.Cookie
	kind       ike1.Exchange
	suite      keys.Suite
	schedule   keys.Schedule
	public     []byte
	theirs     []byte
	ni, nr     []byte
	offer, idi []byte
	iv, lastIV []byte
	stage      int
	done       bool
	round      int
	tries      int
	exchanges  map[uint32]*exchange
}

type exchange struct {
	iv   []byte
	lead [][]byte
	then func([]ike1.Payload) [][]byte
}

// Receive takes a datagram and returns what is answered.
func (g *Gate) Receive(b []byte) [][]byte {
	msg, err := ike1.Parse(b)
	if err != nil {
		return nil
	}
	if msg.First == ike1.TypePiece && !msg.Encrypted {
		payloads, _, err := ike1.ParsePayloads(msg.First, msg.Body)
		if err != nil {
			return nil
		}
		p, err := ike1.ParsePiece(payloads[0].Body)
		if err != nil {
			return nil
		}
		if b = g.came.Add(ike.Header{Initiator: ike.SPI(msg.Initiator)}, p); b == nil {
			return nil
		}
		return g.Receive(b)
	}
	digest := sha256.Sum256(b)
	if g.seen == nil {
		g.seen = map[[sha256.Size]byte][][]byte{}
	}
	if out, twice := g.seen[digest]; twice {
		return out
	}
	out, taken := g.handle(msg)
	if taken {
		g.seen[digest] = out
	}
	return out
}

// Waiting is what was sent last by the gate's own wish and is not answered; nil: nothing.
func (g *Gate) Waiting() [][]byte { return g.waiting }

func (g *Gate) find(msg *ike1.Message) *sa {
	for _, s := range g.sas {
		if s.peer == msg.Initiator {
			return s
		}
	}
	return nil
}

func (g *Gate) current() *sa { return g.sas[len(g.sas)-1] }

func (g *Gate) handle(msg *ike1.Message) (out [][]byte, taken bool) {
	s := g.find(msg)
	if s == nil {
		if msg.Encrypted || msg.Exchange != ike1.Main && msg.Exchange != ike1.Aggressive {
			return nil, false
		}
		s = &sa{ours: ike1.Cookie(g.random(8)), peer: msg.Initiator, kind: msg.Exchange, exchanges: map[uint32]*exchange{}}
		g.sas = append(g.sas, s)
	}
	if msg.MessageID == 0 {
		return g.phase1(s, msg)
	}
	if !s.done || !msg.Encrypted {
		return nil, false
	}
	x, known := s.exchanges[msg.MessageID]
	if !known {
		x = s.begin(msg.MessageID)
		x.then = func(p []ike1.Payload) [][]byte { return g.asked(s, x, msg, p) }
	}
	payloads, next := s.open(x, msg)
	if payloads == nil || x.then == nil {
		return nil, false
	}
	s.exchanges[msg.MessageID], x.iv = x, next
	then := x.then
	x.then = nil
	return then(payloads), true
}

func (s *sa) begin(id uint32) *exchange {
	name := binary.BigEndian.AppendUint32(nil, id)
	return &exchange{iv: s.suite.IV(s.schedule, s.lastIV, name), lead: [][]byte{name}}
}

// open returns the payloads behind the hash; nil when that is wrong.
func (s *sa) open(x *exchange, msg *ike1.Message) ([]ike1.Payload, []byte) {
	plain, next, err := s.schedule.Open(x.iv, msg.Body)
	if err != nil {
		return nil, nil
	}
	payloads, rest, err := ike1.ParsePayloads(msg.First, plain)
	if err != nil || len(payloads) == 0 || payloads[0].Type != ike1.TypeHash {
		return nil, nil
	}
	covered := plain[ike1.GenericSize+len(payloads[0].Body) : len(plain)-len(rest)]
	want := s.suite.MessageHash(s.schedule, append(append([][]byte(nil), x.lead...), covered)...)
	if string(want) != string(payloads[0].Body) {
		return nil, nil
	}
	return payloads[1:], next
}

// say writes a message; a hash goes in front where lead is not nil.
func (g *Gate) say(s *sa, kind ike1.Exchange, id uint32, iv *[]byte, lead [][]byte, payloads ...ike1.Payload) [][]byte {
	if lead != nil {
		hash := s.suite.MessageHash(s.schedule, append(append([][]byte(nil), lead...), ike1.AppendPayloads(nil, payloads))...)
		payloads = append([]ike1.Payload{{Type: ike1.TypeHash, Body: hash}}, payloads...)
	}
	h := ike1.Header{Initiator: s.peer, Responder: s.ours, Exchange: kind, MessageID: id}
	msg := ike1.Message{Header: h, First: ike1.First(payloads), Body: ike1.AppendPayloads(nil, payloads)}
	if iv != nil && *iv != nil {
		msg.Body, *iv = s.schedule.Seal(*iv, msg.Body)
		msg.Encrypted = true
	}
	whole := msg.Append(nil)
	if g.PieceSize == 0 {
		return [][]byte{whole}
	}
	return ike1.InPieces(h, uint16(id), whole, g.PieceSize)
}

func (g *Gate) random(n int) []byte {
	b := make([]byte, n)
	source := g.Random
	if source == nil {
		source = rand.Reader
	}
	if _, err := io.ReadFull(source, b); err != nil {
		panic(err)
	}
	return b
}

func (g *Gate) vendors() (all []ike1.Payload) {
	list := g.Vendors
	if list == nil {
		list = Able
	}
	for _, v := range list {
		all = append(all, v.Payload())
	}
	return all
}

// proof is what proves the gate, over the identity id.
func (g *Gate) proof(s *sa, id []byte) []ike1.Payload {
	proof := s.suite.Proof(s.schedule.Seed, s.public, s.theirs, s.ours, s.peer, s.offer, id)
	if g.Key != nil {
		return []ike1.Payload{{Type: ike1.TypeHash, Body: proof}}
	}
	signature, err := rsa.SignPKCS1v15(rand.Reader, g.Signer, crypto.Hash(0), proof)
	if err != nil {
		panic(fmt.Sprint("the gate's key does not sign: ", err))
	}
	return []ike1.Payload{ike1.Cert(g.Certificate), {Type: ike1.TypeSig, Body: signature}}
}
