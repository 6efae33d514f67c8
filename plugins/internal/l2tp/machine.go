package l2tp

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Config is what a machine is made of.
type Config struct {
	Host   string // our name, for the peer's log
	Secret []byte // of the tunnel: both sides prove that they know it; empty: neither does
	// SecretOption names the option that Secret is of.
	SecretOption string
	// Hello is how long the peer may be silent before it is asked for a sign of life; 0: the
	// default.
	Hello  time.Duration
	Random io.Reader // nil: crypto/rand
	Trace  bool
}

const (
	defaultHello  = 60 * time.Second
	ourWindow     = 4
	defaultWindow = 4 // of a peer that does not say
	maxWindow     = 64
	challengeSize = 16
	// establishTime is how long the peer may take to answer what it has acknowledged.
	establishTime = 30 * time.Second
)

type state uint8

const (
	idle       state = iota
	waitReply        // for SCCRP
	waitCall         // for ICRP
	inCall           // Up was said
	waitFinish       // for the last acknowledgement
	over
)

// Machine is one tunnel with one call in it. One goroutine uses it at a time.
type Machine struct {
	c     Config
	state state
	now   time.Time
	out   []Effect
	line  line

	tunnel, session       uint16 // the peer's numbers; 0: not known yet
	ownTunnel, ownSession uint16
	challenge             []byte    // ours
	heard                 time.Time // when the peer last said something
	patience              time.Time // when a call that does not come about is given up
}

// New makes a machine, which does nothing before Begin.
func New(c Config) *Machine {
	if c.Random == nil {
		c.Random = rand.Reader
	}
	c.Hello = cmp.Or(c.Hello, defaultHello)
	return &Machine{c: c, line: line{window: defaultWindow}}
}

// step does f at the time now and returns what comes of it, acknowledgements included.
func (m *Machine) step(now time.Time, f func()) []Effect {
	if m.state == over {
		return nil
	}
	m.now = now
	f()
	if m.state != over {
		m.flush()
	}
	out := m.out
	m.out = nil
	return out
}

func (m *Machine) flush() {
	m.transmit(m.line.next(m.now))
	if m.line.mustAck {
		m.transmit([]outward{{Message: Message{Tunnel: m.tunnel, Ns: m.line.ns}}})
	}
	if m.state == waitFinish && len(m.line.queue) == 0 {
		m.end(nil)
	}
}

// transmit sends messages, each with what is acknowledged now.
func (m *Machine) transmit(all []outward) {
	for _, o := range all {
		o.Nr = m.line.nr
		m.line.mustAck = false
		m.trace("sent", o.kind, o.Message)
		m.out = append(m.out, Send{o.Append(nil)})
	}
}

// say queues a message, to the call if it is of one.
func (m *Machine) say(k Kind, session uint16, all ...AVP) {
	all = append([]AVP{number16(MessageType, uint16(k))}, all...)
	m.line.put(Message{Tunnel: m.tunnel, Session: session, AVPs: all})
}

func (m *Machine) end(err error) {
	m.out = append(m.out, Ended{err})
	m.state = over
}

// Begin asks for a tunnel.
func (m *Machine) Begin(now time.Time) []Effect {
	return m.step(now, func() {
		random := make([]byte, 4+challengeSize)
		if _, err := io.ReadFull(m.c.Random, random); err != nil {
			m.end(err)
			return
		}
		m.ownTunnel = max(binary.BigEndian.Uint16(random), 1)
		m.ownSession = max(binary.BigEndian.Uint16(random[2:]), 1)
		m.state, m.heard, m.patience = waitReply, now, now.Add(establishTime)
		all := []AVP{
			{Mandatory: true, Type: ProtocolVersion, Value: []byte{1, 0}},
			number32(FramingCapabilities, 3), // synchronous and asynchronous
			number32(BearerCapabilities, 0),
			text(HostName, cmp.Or(m.c.Host, "anonymous")),
			number16(AssignedTunnel, m.ownTunnel),
			number16(ReceiveWindow, ourWindow),
		}
		if len(m.c.Secret) > 0 {
			m.challenge = random[4:]
			all = append(all, AVP{Mandatory: true, Type: Challenge, Value: m.challenge})
		}
		m.say(StartRequest, 0, all...)
	})
}

// Receive takes a control message of the peer's. One that is none is lost.
func (m *Machine) Receive(now time.Time, b []byte) []Effect {
	return m.step(now, func() {
		message, err := Parse(b)
		if err != nil || m.state == idle || message.Tunnel != m.ownTunnel {
			return
		}
		m.heard = now
		m.trace("received", message.Kind(), message)
		if m.tunnel == 0 && len(message.AVPs) > 0 && message.Kind() != StartReply && message.Kind() != StopConnection {
			return // nothing else can come before the peer has told its number
		}
		if m.line.take(message) {
			m.handle(message)
		}
	})
}

func (m *Machine) handle(message Message) {
	all, foreign := message.clear(m.c.Secret)
	kind := message.Kind()
	switch {
	case kind == StopConnection:
		m.stopped(all)
	case foreign != nil:
		m.abandon(diag.Newf(diag.Protocol, "the gateway demands what is unknown here, in %v: attribute %d of vendor %d", kind, foreign.Type, foreign.Vendor), unknownMandatory)
	case kind == StartReply && m.state == waitReply:
		m.startReply(all)
	case kind == InReply && m.state == waitCall && message.Session == m.ownSession:
		m.inReply(all)
	case kind == Disconnect && (message.Session == m.ownSession || message.Session == 0 && all.number(AssignedSession) == m.session):
		m.session = 0
		m.abandon(disconnected(all[ResultCode]), requested)
	case kind == InRequest || kind == OutRequest:
		m.say(Disconnect, all.number(AssignedSession), result(administrative), number16(AssignedSession, m.ownSession+1))
	case kindNames[kind] == "" && message.AVPs[0].Mandatory:
		m.abandon(diag.Newf(diag.Protocol, "the gateway sends %v, which is unknown here, and wants it understood", kind), unknownMandatory)
	}
}

// stopped is the peer's goodbye, which may be its first word.
func (m *Machine) stopped(all attributes) {
	if m.tunnel == 0 {
		m.tunnel = all.number(AssignedTunnel)
	}
	err := stopped(all[ResultCode], m.c.SecretOption)
	if m.state == waitFinish {
		err = nil
	}
	m.line.queue, m.line.flying = nil, 0
	m.state = inCall // not to end by the flush
	m.flush()
	m.end(err)
}

// startReply is the tunnel: who the peer is is proved now, if there is a secret.
func (m *Machine) startReply(all attributes) {
	m.tunnel = all.number(AssignedTunnel)
	if n := all.number(ReceiveWindow); n > 0 {
		m.line.window = min(int(n), maxWindow)
	}
	refused := func(what, why string) {
		d := diag.New(diag.AuthRefused, what, why)
		if m.c.SecretOption != "" {
			d = d.With(m.c.SecretOption)
		}
		m.abandon(d, notAuthorized)
	}
	challenge := all[Challenge]
	switch {
	case m.tunnel == 0:
		m.end(diag.New(diag.Protocol, "the gateway gives the tunnel no number", "It does not speak L2TP of version 2."))
		return
	case m.challenge != nil && !hmac.Equal(all[ChallengeResponse], prove(StartReply, m.c.Secret, m.challenge)):
		refused("the gateway does not know the secret of the tunnel", "It did not answer the challenge, or with another secret.")
		return
	case challenge != nil && len(m.c.Secret) == 0:
		refused("the gateway wants a secret of the tunnel", "None is set.")
		return
	}
	if challenge != nil {
		m.say(StartConnected, 0, AVP{Mandatory: true, Type: ChallengeResponse, Value: prove(StartConnected, m.c.Secret, challenge)})
	} else {
		m.say(StartConnected, 0)
	}
	m.say(InRequest, 0, number16(AssignedSession, m.ownSession), number32(CallSerialNumber, 1))
	m.state, m.patience = waitCall, m.now.Add(establishTime)
}

// speed is what we say of the line: it stands for nothing here.
const speed = 100_000_000

// inReply is the call.
func (m *Machine) inReply(all attributes) {
	if m.session = all.number(AssignedSession); m.session == 0 {
		m.abandon(diag.New(diag.Protocol, "the gateway gives the call no number", ""), generalError)
		return
	}
	m.say(InConnected, m.session, number32(ConnectSpeed, speed), number32(FramingType, 1)) // synchronous
	m.state, m.patience = inCall, time.Time{}
	m.out = append(m.out, Up{m.tunnel, m.session, m.ownTunnel, m.ownSession})
}

// Tick does what is due.
func (m *Machine) Tick(now time.Time) []Effect {
	return m.step(now, func() {
		again, dead := m.line.again(now)
		switch {
		case dead && m.state == waitFinish:
			m.end(nil)
		case dead && m.state == waitReply:
			m.end(diag.New(diag.Unreachable, "the gateway does not answer L2TP", "IPsec is there. Check that its server of L2TP runs, and takes calls from here."))
		case dead:
			m.end(diag.New(diag.Unreachable, "the gateway does not answer any more", "The last message of L2TP was sent several times."))
		case !m.patience.IsZero() && !now.Before(m.patience):
			m.abandon(diag.New(diag.Unreachable, "the gateway does not take the call", "It acknowledged that it was asked, and nothing else."), requested)
		default:
			m.transmit(again)
			m.greet()
		}
	})
}

// greet asks a silent peer for a sign of life, unless something is on the way to it.
func (m *Machine) greet() {
	if m.state == inCall && len(m.line.queue) == 0 && !m.now.Before(m.heard.Add(m.c.Hello)) {
		m.say(Hello, 0)
	}
}

// Heard says that the peer has sent data: it lives.
func (m *Machine) Heard(now time.Time) { m.heard = now }

// Deadline is when Tick is due next; zero: nothing waits for a time.
func (m *Machine) Deadline() time.Time {
	if m.state == over || m.state == idle {
		return time.Time{}
	}
	first := m.line.due
	sooner := func(t time.Time) {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	sooner(m.patience)
	if m.state == inCall && len(m.line.queue) == 0 {
		sooner(m.heard.Add(m.c.Hello))
	}
	return first
}

// Stop says goodbye; Ended comes when the peer has heard of it, or does not answer.
func (m *Machine) Stop(now time.Time) []Effect {
	return m.step(now, func() {
		if m.tunnel == 0 {
			m.end(nil)
			return
		}
		m.leave(result(requested))
		m.state, m.patience = waitFinish, time.Time{}
	})
}

// leave queues goodbyes.
func (m *Machine) leave(why AVP) {
	if m.session != 0 {
		m.say(Disconnect, m.session, result(administrative), number16(AssignedSession, m.ownSession))
	}
	m.say(StopConnection, 0, number16(AssignedTunnel, m.ownTunnel), why)
}

// abandon ends the tunnel for a reason. The peer is told, once: what becomes of that is not
// waited for.
func (m *Machine) abandon(err error, code uint16) {
	m.leave(result(code))
	m.flush()
	m.end(err)
}

func (m *Machine) trace(did string, k Kind, message Message) {
	if !m.c.Trace {
		return
	}
	m.out = append(m.out, Trace{fmt.Sprintf("%s %v, Ns %d, Nr %d, tunnel %d, session %d, %d attributes",
		did, k, message.Ns, message.Nr, message.Tunnel, message.Session, max(len(message.AVPs)-1, 0))})
}
