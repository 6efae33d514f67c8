package machine

import (
	"bytes"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike/keys"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// ikeSA is an IKE SA with its exchanges: one of ours at a time, and one of the gateway's.
type ikeSA struct {
	initiator  bool // it was we who began it
	ours, peer ike.SPI
	suite      keys.Suite
	schedule   keys.Schedule
	protection *keys.Protection // nil: during IKE_SA_INIT
	fragments  bool             // both sides do RFC 7383

	outstanding *request
	queue       []*exchange
	nextID      uint32 // of our next request

	expected uint32   // id of the gateway's next request
	answered [][]byte // our last response, as long as it may be asked for again

	requests, responses assembly // what came in part

	firstOut, firstIn []byte // the messages of IKE_SA_INIT that count
	ni, nr            []byte
	covered           [2][]byte // what IKE_INTERMEDIATE comes to, of the initiator and of the responder
	replaced          bool      // by a newer one; only its deletion is to come
}

// exchange is a request of ours and what its answer means.
type exchange struct {
	kind ike.Exchange
	// build makes the request when its turn has come; nil from it: no need any more.
	build func() []ike.Payload
	// answer takes the response and the SA that it came by, which may be a newer one than
	// the exchange was asked of.
	answer func(*ikeSA, []ike.Payload) error
	// stays: it is about the IKE SA that it was asked by, and ends with that.
	stays bool
	// unanswered is what silence means; nil: that the gateway is gone.
	unanswered func() error
}

// request is one that waits for its answer.
type request struct {
	x         *exchange
	datagrams [][]byte
	tries     int
	pause     time.Duration
	due       time.Time
}

func (sa *ikeSA) header(kind ike.Exchange, id uint32, response bool) ike.Header {
	h := ike.Header{Initiator: sa.ours, Responder: sa.peer, Exchange: kind, FromInitiator: sa.initiator, Response: response, MessageID: id}
	if !sa.initiator {
		h.Initiator, h.Responder = sa.peer, sa.ours
	}
	return h
}

// request begins an exchange, now or when those before it are done.
func (m *Machine) request(sa *ikeSA, x *exchange) {
	sa.queue = append(sa.queue, x)
	m.advance(sa)
}

// advance begins the next exchange if it can.
func (m *Machine) advance(sa *ikeSA) {
	for sa.outstanding == nil && len(sa.queue) > 0 && !m.ended {
		x := sa.queue[0]
		sa.queue = sa.queue[1:]
		payloads := x.build()
		if payloads == nil {
			continue
		}
		datagrams, err := m.write(sa, sa.header(x.kind, sa.nextID, false), payloads)
		if err != nil {
			m.end(err)
			return
		}
		if sa.protection == nil {
			sa.firstOut = datagrams[0]
		}
		sa.outstanding = &request{x: x, datagrams: datagrams, pause: m.c.FirstTimeout}
		m.transmit(sa.outstanding)
	}
}

// write makes the datagrams of a message.
func (m *Machine) write(sa *ikeSA, h ike.Header, payloads []ike.Payload) ([][]byte, error) {
	m.trace(false, h, payloads)
	if sa.protection == nil {
		return [][]byte{ike.Append(nil, h, payloads)}, nil
	}
	sa.cover(h, ike.First(payloads), ike.AppendPayloads(nil, payloads))
	if sa.fragments {
		return sa.protection.SealFragments(h, payloads, m.c.Fragment)
	}
	one, err := sa.protection.Seal(h, payloads)
	if m.inPieces && err == nil {
		return ike.InPieces(h, one, m.c.Fragment), nil
	}
	return [][]byte{one}, err
}

func (m *Machine) transmit(r *request) {
	for _, d := range r.datagrams {
		m.send(d)
	}
	r.tries++
	r.due = m.now.Add(r.pause)
	r.pause += r.pause * 4 / 5
}

const (
	portIKE  = 500
	portNATT = 4500
)

func (m *Machine) send(datagram []byte) {
	port := uint16(portIKE)
	if m.floated || m.c.Begin4500 {
		port = portNATT
	}
	m.emit(Send{port, datagram})
}

// retransmit sends a request again, or gives the gateway up.
func (m *Machine) retransmit(sa *ikeSA) error {
	r, tries := sa.outstanding, m.c.Tries
	if sa.protection == nil && m.c.FirstTries > 0 {
		tries = m.c.FirstTries
	}
	if r.tries < tries {
		m.transmit(r)
		return nil
	}
	sa.outstanding = nil
	switch {
	case m.leaving:
		return errStopped
	case r.x.unanswered != nil:
		return r.x.unanswered()
	case !m.up:
		detail := "Check the option gateway, and that no firewall stands in the way of UDP at the ports 500 and 4500."
		return sdk.Fail(sdk.Backoff, diag.New(diag.Unreachable, "the gateway does not answer", detail).With("gateway"))
	}
	return sdk.Fail(sdk.Backoff, diag.New(diag.Unreachable, "the gateway does not answer any more", "Trying again after a pause."))
}

// find returns the SA that a message belongs to; nil: none.
func (m *Machine) find(h ike.Header) *ikeSA {
	for _, sa := range m.sas {
		ours, peer := h.Responder, h.Initiator
		if sa.initiator {
			ours, peer = h.Initiator, h.Responder
		}
		if sa.ours == ours && (sa.peer == peer || sa.protection == nil) && h.FromInitiator != sa.initiator {
			return sa
		}
	}
	return nil
}

// receive takes a message apart and hands it on.
func (m *Machine) receive(b []byte) error {
	msg, err := ike.Parse(b)
	if err != nil {
		m.emit(Trace{"dropped: " + err.Error()})
		return nil
	}
	if whole := m.joined(msg); whole != nil {
		if msg, err = ike.Parse(whole); err != nil {
			m.emit(Trace{"dropped: " + err.Error()})
			return nil
		}
		b = whole
	}
	sa := m.find(msg.Header)
	switch {
	case sa == nil:
		m.emit(Trace{"dropped: a message of another IKE SA"})
		return nil
	case msg.Response:
		return m.response(sa, msg, b)
	case sa.protection != nil:
		return m.incoming(sa, msg, b)
	}
	return nil
}

// response handles what may be the answer to the request that waits for one.
func (m *Machine) response(sa *ikeSA, msg *ike.Message, b []byte) error {
	o := sa.outstanding
	if o == nil || msg.MessageID != sa.nextID || msg.Exchange != o.x.kind {
		return nil
	}
	payloads, whole, err := m.open(sa, msg, b, &sa.responses)
	if err != nil || !whole {
		return err
	}
	m.trace(true, msg.Header, payloads)
	if sa.protection == nil {
		sa.firstIn, sa.peer = bytes.Clone(b), msg.Responder
	}
	sa.outstanding = nil
	sa.nextID++
	if err := o.x.answer(sa, payloads); err != nil {
		return err
	}
	m.advance(sa)
	return nil
}

// open returns the payloads of a message once all of it has come and is authentic. What
// is authentic and malformed ends the machine.
func (m *Machine) open(sa *ikeSA, msg *ike.Message, b []byte, parts *assembly) (payloads []ike.Payload, whole bool, err error) {
	if sa.protection == nil {
		return msg.Payloads, msg.Sealed == nil, nil
	}
	plain, err := sa.protection.Open(b, msg)
	if err != nil {
		m.emit(Trace{"dropped: " + err.Error()})
		return nil, false, nil
	}
	m.heard = m.now
	inner := msg.Sealed.Inner
	if msg.Sealed.Fragment() {
		if inner, plain, whole = parts.add(msg, plain); !whole {
			return nil, false, nil
		}
	}
	sa.cover(msg.Header, inner, plain)
	payloads, err = ike.ParsePayloads(inner, plain)
	if err == nil {
		err = critical(payloads)
	}
	if err != nil {
		return nil, false, sdk.Fail(sdk.Backoff, diag.New(diag.Protocol, "the gateway sent a message that makes no sense", err.Error()))
	}
	return payloads, true, nil
}
