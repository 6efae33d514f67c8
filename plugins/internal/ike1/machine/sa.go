package machine

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike/keys"
	"github.com/penstock-vpn/penstock/plugins/internal/ike1"
	v1 "github.com/penstock-vpn/penstock/plugins/internal/ike1/keys"
)

// isakmp is an ISAKMP SA with its exchanges. It is always we who began it.
type isakmp struct {
	ours, peer ike1.Cookie
	suite      v1.Suite
	keys       v1.Schedule
	strange    int    // notifications under other keys, so far
	done       bool   // phase 1 is: both sides have proved themselves
	lastIV     []byte // of phase 1, from which those of later exchanges come
	exchanges  map[uint32]*exchange

	offer          ike1.Payload // what hashes know as SAi_b
	id             ike1.Payload // ours
	dh             keys.Exchange
	public, theirs []byte
	ni, nr         []byte
	life           time.Duration

	nat    *natWay // nil: the gateway knows none
	dpd    bool    // the gateway answers signs of life
	pieces bool    // it takes messages in pieces
	sent   uint16  // messages in pieces, so far
	came   ike.Pieces
	login  login
	parked [][]byte // came while the gateway's certificate is being looked at
}

// maxParked bounds what may wait for that.
const maxParked = 8

// exchange is a conversation with a message id: ours, or one that the gateway began.
type exchange struct {
	kind ike1.Exchange
	id   uint32
	iv   []byte   // nil: in the clear
	lead [][]byte // what the hash of the next message covers before its payloads
	// take is what the next message means; nil: none is expected.
	take func([]ike1.Payload) error
	// silent is what no answer means; nil: that the gateway is gone.
	silent func() error

	heard [sha256.Size]byte // the last message that was taken; when it comes again, so does out
	out   [][]byte          // our last message
	tries int
	pause time.Duration
	due   time.Time // when out is sent again; zero: it is not waited for
}

// begin makes an exchange of ours under the SA's keys.
func (m *Machine) begin(sa *isakmp, kind ike1.Exchange) (*exchange, error) {
	for {
		b, err := m.random(4)
		if err != nil {
			return nil, err
		}
		id := binary.BigEndian.Uint32(b)
		if _, taken := sa.exchanges[id]; taken || id == 0 {
			continue
		}
		x := sa.newExchange(kind, id)
		m.keep(sa, x)
		return x, nil
	}
}

func (sa *isakmp) newExchange(kind ike1.Exchange, id uint32) *exchange {
	name := binary.BigEndian.AppendUint32(nil, id)
	return &exchange{kind: kind, id: id, lead: [][]byte{name}, iv: sa.suite.IV(sa.keys, sa.lastIV, name)}
}

// keptFor is how long an exchange is remembered, so that what comes twice is seen to.
const keptFor = 2 * time.Minute

func (m *Machine) keep(sa *isakmp, x *exchange) {
	sa.exchanges[x.id] = x
	m.after(keptFor, func() error { return m.forget(sa, x) })
}

// forget waits for who waits still: the user may take their time.
func (m *Machine) forget(sa *isakmp, x *exchange) error {
	if x.take != nil || sa.login.x == x {
		m.after(keptFor, func() error { return m.forget(sa, x) })
		return nil
	}
	delete(sa.exchanges, x.id)
	return nil
}

// say sends payloads in an exchange; with wait again and again, until an answer comes.
func (m *Machine) say(sa *isakmp, x *exchange, payloads []ike1.Payload, wait bool) {
	h := ike1.Header{Initiator: sa.ours, Responder: sa.peer, Exchange: x.kind, MessageID: x.id, Encrypted: x.iv != nil}
	m.trace(false, h, payloads)
	msg := ike1.Message{Header: h, First: ike1.First(payloads), Body: ike1.AppendPayloads(nil, payloads)}
	if x.iv != nil {
		msg.Body, x.iv = sa.keys.Seal(x.iv, msg.Body)
	}
	x.out = [][]byte{msg.Append(nil)}
	if sa.pieces {
		sa.sent++
		x.out = ike1.InPieces(h, sa.sent, x.out[0], m.c.Fragment)
	}
	x.tries, x.pause, x.due = 0, m.c.FirstTimeout, time.Time{}
	m.transmit(x)
	if wait {
		m.postpone(x)
	}
}

// sayHashed sends payloads behind their hash, which covers lead before them.
func (m *Machine) sayHashed(sa *isakmp, x *exchange, lead [][]byte, payloads []ike1.Payload, wait bool) {
	hash := sa.suite.MessageHash(sa.keys, append(append([][]byte(nil), lead...), ike1.AppendPayloads(nil, payloads))...)
	m.say(sa, x, append([]ike1.Payload{{Type: ike1.TypeHash, Body: hash}}, payloads...), wait)
}

func (m *Machine) transmit(x *exchange) {
	m.send(x)
	x.tries++
}

func (m *Machine) send(x *exchange) {
	port := uint16(portIKE)
	if m.floated || m.c.Begin4500 {
		port = portNATT
	}
	for _, d := range x.out {
		m.emit(Send{port, d})
	}
}

const (
	portIKE  = 500
	portNATT = 4500
)

func (m *Machine) postpone(x *exchange) {
	x.due = m.now.Add(x.pause)
	x.pause += x.pause * 4 / 5
}

// retransmit sends a message again, or gives the gateway up.
func (m *Machine) retransmit(sa *isakmp, x *exchange) error {
	if x.tries < m.c.Tries {
		m.transmit(x)
		m.postpone(x)
		return nil
	}
	x.due = time.Time{}
	if x.silent != nil {
		return x.silent()
	}
	return m.gone()
}

// find returns the SA that a message belongs to; nil: none.
func (m *Machine) find(h ike1.Header) *isakmp {
	for _, sa := range m.all() {
		if sa.ours == h.Initiator && (sa.peer == h.Responder || sa.peer == ike1.Cookie{}) {
			return sa
		}
	}
	return nil
}

func (m *Machine) drop(why string) error {
	m.emit(Trace{"dropped: " + why})
	return nil
}

// receive takes a message apart and hands it on.
func (m *Machine) receive(b []byte) error {
	msg, err := ike1.Parse(b)
	if err != nil {
		return m.drop(err.Error())
	}
	sa := m.find(msg.Header)
	if sa == nil {
		return m.drop("a message of another ISAKMP SA")
	}
	if msg.First == ike1.TypePiece && !msg.Encrypted {
		b = sa.join(msg)
		if b == nil {
			return nil
		}
		h := msg.Header
		if msg, err = ike1.Parse(b); err != nil {
			return m.drop(err.Error())
		}
		if msg.Initiator != h.Initiator || msg.Responder != h.Responder {
			return m.drop("pieces of a message of another ISAKMP SA")
		}
	}
	x, digest := sa.exchanges[msg.MessageID], sha256.Sum256(b)
	switch {
	case x != nil && x.heard == digest:
		m.send(x)
		return nil
	case msg.Exchange == ike1.Informational && !sa.done:
		return m.early(sa, msg)
	case msg.Exchange == ike1.Main || msg.Exchange == ike1.Aggressive:
		return m.inPhase1(sa, x, msg, digest)
	case !sa.done && m.wait != nil && msg.Encrypted && len(sa.parked) < maxParked:
		sa.parked = append(sa.parked, b)
		return nil
	case !sa.done || !msg.Encrypted || msg.MessageID == 0:
		return m.drop("a message that is not expected yet")
	case x != nil && x.kind != msg.Exchange:
		return m.drop("a message of another exchange")
	}
	return m.inPhase2(sa, x, msg, digest)
}

// join returns a message that came in pieces once it is whole; nil: not yet.
func (sa *isakmp) join(msg *ike1.Message) []byte {
	payloads, _, err := ike1.ParsePayloads(msg.First, msg.Body)
	if err != nil || len(payloads) == 0 {
		return nil
	}
	p, err := ike1.ParsePiece(payloads[0].Body)
	if err != nil {
		return nil
	}
	of := ike.Header{Initiator: ike.SPI(msg.Initiator), Responder: ike.SPI(msg.Responder)}
	return sa.came.Add(of, p)
}

// inPhase1 handles the messages of main and aggressive mode.
func (m *Machine) inPhase1(sa *isakmp, x *exchange, msg *ike1.Message, digest [sha256.Size]byte) error {
	if x == nil || x.take == nil || msg.Exchange != x.kind || msg.Encrypted != (x.iv != nil) {
		return m.drop("a message of phase 1 that is not expected")
	}
	body, next := msg.Body, []byte(nil)
	if x.iv != nil {
		var err error
		if body, next, err = sa.keys.Open(x.iv, msg.Body); err != nil {
			return m.drop(err.Error())
		}
	}
	payloads, _, err := ike1.ParsePayloads(msg.First, body)
	if err != nil {
		return m.drop(err.Error())
	}
	if sa.peer == (ike1.Cookie{}) {
		sa.peer = msg.Responder
	}
	return m.taken(x, msg, digest, next, payloads)
}

// taken hands payloads to the exchange that waits for them.
func (m *Machine) taken(x *exchange, msg *ike1.Message, digest [sha256.Size]byte, iv []byte, payloads []ike1.Payload) error {
	m.trace(true, msg.Header, payloads)
	take := x.take
	x.iv, x.heard, x.take, x.due = iv, digest, nil, time.Time{}
	m.heard = m.now
	return take(payloads)
}

// inPhase2 handles what is behind the keys: nothing counts before its hash is right.
func (m *Machine) inPhase2(sa *isakmp, x *exchange, msg *ike1.Message, digest [sha256.Size]byte) error {
	fresh := x == nil
	if fresh {
		x = sa.newExchange(msg.Exchange, msg.MessageID)
		x.take = m.incoming(sa, x)
	}
	if x.take == nil {
		return m.drop("a message that is not expected")
	}
	plain, next, err := sa.keys.Open(x.iv, msg.Body)
	if err != nil {
		return m.drop(err.Error())
	}
	payloads, rest, err := ike1.ParsePayloads(msg.First, plain)
	if err != nil || len(payloads) == 0 || payloads[0].Type != ike1.TypeHash {
		return m.drop("a message that is not authentic")
	}
	covered := plain[ike1.GenericSize+len(payloads[0].Body) : len(plain)-len(rest)]
	want := sa.suite.MessageHash(sa.keys, append(append([][]byte(nil), x.lead...), covered)...)
	if !hmac.Equal(want, payloads[0].Body) {
		return m.drop("a message that is not authentic")
	}
	if fresh {
		m.keep(sa, x)
	}
	return m.taken(x, msg, digest, next, payloads[1:])
}

// incoming is what a message means that begins an exchange; nil: nothing.
func (m *Machine) incoming(sa *isakmp, x *exchange) func([]ike1.Payload) error {
	switch x.kind {
	case ike1.Informational:
		return func(p []ike1.Payload) error { return m.informed(sa, p) }
	case ike1.Transaction:
		return func(p []ike1.Payload) error { return m.transaction(sa, x, p) }
	case ike1.Quick:
		return func(p []ike1.Payload) error { return m.quickAsked(sa, x, p) }
	}
	return nil
}
