package l2tp

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"
)

// peer is a network server for tests, which shares the codec with the machine and nothing
// else: its numbers and its patience are its own.
type peer struct {
	t      *testing.T
	secret string
	m      *Machine
	now    time.Time

	ns, nr  uint16
	sent    []Message // not acknowledged
	out     [][]byte  // on the way to the machine
	heard   []Kind
	effects []Effect // of the machine, but for Send and Trace
	theirs  uint16   // numbers of the machine
	session uint16
	proof   []byte // the machine's
}

const (
	peerTunnel  = 0x1111
	peerSession = 0x2222
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newPeer(t *testing.T, c Config, secret string) *peer {
	c.Random = bytes.NewReader([]byte("\x33\x33\x44\x44a challenge, 16 b"))
	return &peer{t: t, secret: secret, m: New(c), now: epoch}
}

// say sends a message, and again until it is acknowledged.
func (p *peer) say(k Kind, session uint16, all ...AVP) {
	m := Message{Tunnel: p.theirs, Session: session, Ns: p.ns, AVPs: append([]AVP{number16(MessageType, uint16(k))}, all...)}
	p.ns++
	p.sent = append(p.sent, m)
	p.put(m)
}

func (p *peer) put(m Message) {
	m.Nr = p.nr
	p.out = append(p.out, m.Append(nil))
}

// take carries out what the machine wants, and answers.
func (p *peer) take(effects []Effect) {
	for _, e := range effects {
		switch e := e.(type) {
		case Send:
			p.receive(e.Message)
		case Trace:
		default:
			p.effects = append(p.effects, e)
		}
	}
}

func (p *peer) receive(b []byte) {
	p.t.Helper()
	m, err := Parse(b)
	if err != nil {
		p.t.Fatalf("the machine sent %x: %v", b, err)
	}
	for len(p.sent) > 0 && int16(m.Nr-p.sent[0].Ns) > 0 {
		p.sent = p.sent[1:]
	}
	if len(m.AVPs) == 0 {
		return
	}
	if m.Ns != p.nr {
		p.put(Message{Tunnel: p.theirs, Ns: p.ns})
		return
	}
	p.nr++
	p.heard = append(p.heard, m.Kind())
	p.answer(m)
	p.put(Message{Tunnel: p.theirs, Ns: p.ns})
}

func (p *peer) answer(m Message) {
	all, _ := m.clear(nil)
	switch m.Kind() {
	case StartRequest:
		p.theirs = all.number(AssignedTunnel)
		answer := []AVP{
			{Mandatory: true, Type: ProtocolVersion, Value: []byte{1, 0}}, number32(FramingCapabilities, 3), text(HostName, "peer"),
			number16(AssignedTunnel, peerTunnel), number16(ReceiveWindow, 1),
		}
		if p.secret != "" {
			answer = append(answer, AVP{Mandatory: true, Type: Challenge, Value: []byte("another challenge")})
			if c := all[Challenge]; c != nil {
				sum := md5.Sum([]byte("\x02" + p.secret + string(c)))
				answer = append(answer, AVP{Mandatory: true, Type: ChallengeResponse, Value: sum[:]})
			}
		}
		p.say(StartReply, 0, answer...)
	case StartConnected:
		p.proof = all[ChallengeResponse]
	case InRequest:
		p.session = all.number(AssignedSession)
		p.say(InReply, p.session, number16(AssignedSession, peerSession))
	}
}

// run passes datagrams on, of which some are lost, doubled or out of order, and time until
// done.
func (p *peer) run(lose int, limit time.Duration, done func() bool) {
	p.t.Helper()
	random := rand.New(rand.NewPCG(1, uint64(lose)))
	for end := p.now.Add(limit); !done(); {
		if p.now.After(end) {
			p.t.Fatalf("nothing comes of it; the peer heard %v", p.heard)
		}
		if len(p.out) == 0 {
			p.now = p.now.Add(500 * time.Millisecond)
			for _, m := range p.sent {
				p.put(m)
			}
			p.take(p.m.Tick(p.now))
			continue
		}
		i := 0
		if lose > 0 {
			i = random.IntN(len(p.out))
		}
		b := p.out[i]
		p.out = append(p.out[:i:i], p.out[i+1:]...)
		if random.IntN(100) < lose {
			continue
		}
		before := p.effects
		effects := p.m.Receive(p.now, b)
		p.effects = before
		for _, e := range effects {
			if s, is := e.(Send); is && random.IntN(100) < lose {
				_ = s
				continue
			}
			p.take([]Effect{e})
		}
	}
}

func (p *peer) ended() (error, bool) {
	for _, e := range p.effects {
		if e, is := e.(Ended); is {
			return e.Err, true
		}
	}
	return nil, false
}

func (p *peer) isUp() bool {
	for _, e := range p.effects {
		if _, is := e.(Up); is {
			return true
		}
	}
	return false
}

// up makes a call.
func (p *peer) up(lose int) {
	p.t.Helper()
	p.take(p.m.Begin(p.now))
	p.run(lose, 2*time.Minute, func() bool { return p.isUp() && len(p.heard) == 4 })
}

// gets hands the machine a message from nowhere.
func (p *peer) gets(k Kind, session uint16, all ...AVP) {
	p.say(k, session, all...)
	p.run(0, time.Minute, func() bool { return len(p.out) == 0 })
}

// hide is the other end of unhide.
func hide(t Type, value, secret, vector []byte) AVP {
	text := append(binary.BigEndian.AppendUint16(nil, uint16(len(value))), value...)
	text = append(text, "padding"...)
	block := md5.Sum(append(append(binary.BigEndian.AppendUint16(nil, uint16(t)), secret...), vector...))
	for at := 0; at < len(text); at += 16 {
		end := min(at+16, len(text))
		for i := at; i < end; i++ {
			text[i] ^= block[i-at]
		}
		block = md5.Sum(append(append([]byte(nil), secret...), text[at:end]...))
	}
	return AVP{Mandatory: true, Hidden: true, Type: t, Value: text}
}
