package machine

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
)

// ticketOf logs in at a gate that gives a ticket away, which is kept as a plugin keeps it.
func ticketOf(t *testing.T, g *gate) *Ticket {
	t.Helper()
	g.auth = []ike.Payload{&ike.Notify{Kind: ike.TicketLifetime, Data: append([]byte{0, 0, 0x0e, 0x10}, ticket...)}}
	c := atGate()
	c.Tickets = true
	m := New(c)
	keep := effectOf[Keep](talk(m, g, m.Begin(start)))
	if keep == nil || keep.Ticket == nil || notification(g.login, ike.TicketRequest) == nil {
		t.Fatal("there is no ticket")
	}
	text, err := json.Marshal(keep.Ticket)
	if err != nil {
		t.Fatal(err)
	}
	var kept Ticket
	if err := json.Unmarshal(text, &kept); err != nil {
		t.Fatal(err)
	}
	return &kept
}

// A session goes on from a ticket by two exchanges, without a login, and gives the next one.
func TestResumption(t *testing.T) {
	g := newGate(t, gcm, prf256, x25519, mlkem)
	c := atGate()
	c.Tickets, c.Ticket = true, ticketOf(t, g)
	c.Auth = []Auth{SharedKey{Key: []byte("forgotten")}}
	g.heard = nil
	m := New(c)
	effects := talk(m, g, m.Begin(start.Add(time.Minute)))
	up, keep := effectOf[Up](effects), effectOf[Keep](effects)
	if up == nil || keep == nil || bytes.Equal(keep.Ticket.Derive, c.Ticket.Derive) {
		t.Fatalf("up %v, keep %+v", up, keep)
	}
	if !bytes.Equal(up.SAs[0].Key, g.child[1]) || len(g.heard) != 2 || g.heard[0].Exchange != ike.SessionResume || g.heard[1].Exchange != ike.Auth {
		t.Errorf("%d messages, of %v first", len(g.heard), g.heard[0].Exchange)
	}
}

// A ticket that is no good costs a login, not the session.
func TestResumptionThatFails(t *testing.T) {
	for name, test := range map[string]struct {
		spoil  func(*gate, *Config)
		resume bool // it is tried
	}{
		"the gateway has forgotten": {func(g *gate, _ *Config) { g.derive = nil }, true},
		"another SK_d":              {func(_ *gate, c *Config) { c.Ticket.Derive = bytes.Repeat([]byte{1}, 32) }, true},
		"a refusal":                 {func(g *gate, _ *Config) { g.init = []ike.Payload{&ike.Notify{Kind: ike.InvalidSyntax}} }, true},
		"expired":                   {func(_ *gate, c *Config) { c.Ticket.Expires = start }, false},
		"of another gateway":        {func(_ *gate, c *Config) { c.Ticket.Gateway = "elsewhere.test" }, false},
		"of no suite":               {func(_ *gate, c *Config) { c.Ticket.Suite = ike.Proposal{} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate(t, gcm, prf256, x25519)
			c := atGate()
			c.Ticket = ticketOf(t, g)
			test.spoil(g, &c)
			g.heard = nil
			m := New(c)
			tried := false
			effects := m.Begin(start)
			for len(effects) > 0 && effectOf[Up](effects) == nil {
				var more []Effect
				for _, e := range effects {
					sent, isSend := e.(Send)
					if !isSend {
						continue
					}
					msg, err := ike.Parse(sent.Datagram)
					if err != nil {
						t.Fatal(err)
					}
					if tried = tried || msg.Exchange == ike.SessionResume; msg.Exchange == ike.SAInit {
						g.resumed, g.init = false, nil
					}
					more = append(more, m.answerOf(g, sent.Datagram)...)
				}
				effects = more
			}
			if effectOf[Up](effects) == nil || tried != test.resume {
				t.Errorf("up %v, tried %v", effects, tried)
			}
		})
	}
}

// answerOf is what comes of a datagram at a gate; who cannot read it says so by silence, and
// time passes.
func (m *Machine) answerOf(g *gate, datagram []byte) (all []Effect) {
	if msg, err := ike.Parse(datagram); err == nil && msg.Sealed != nil {
		if _, err := g.protection.Open(datagram, msg); err != nil {
			return m.Tick(m.Deadline())
		}
	}
	for _, answer := range g.receive(datagram) {
		all = append(all, m.Receive(m.now, answer)...)
	}
	return all
}

// A gateway that does not know what is in the ticket is nobody.
func TestResumptionByAStranger(t *testing.T) {
	g := newGate(t, gcm, prf256, x25519)
	c := atGate()
	c.Ticket = ticketOf(t, g)
	m := New(c)
	sent := effectOf[Send](m.Begin(start))
	effects := m.Receive(start, g.receive(sent.Datagram)[0])
	m.c.Ticket.Responder.Data = []byte("somebody else")
	ended := effectOf[Ended](talk(m, g, effects))
	if ended == nil || ended.Err == nil {
		t.Error("it was let in")
	}
}
