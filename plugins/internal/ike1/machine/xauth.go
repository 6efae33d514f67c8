package machine

import (
	"slices"
	"strings"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ike1"
)

// login is what XAUTH and mode config have come to on an ISAKMP SA.
type login struct {
	asked   bool
	over    bool        // it succeeded, or there is none
	x       *exchange   // of the request that waits for the user; nil: none does
	request ike1.Config // that request
	before  []uint16    // what the last request wanted that was answered
	set     bool        // the settings are known
	wanted  *exchange   // our request for settings
}

// loginTime is the most that a gateway takes to ask.
const loginTime = 30 * time.Second

// fieldKinds are the attributes that a person fills in.
var fieldKinds = []uint16{ike1.XAuthUser, ike1.XAuthPassword, ike1.XAuthPasscode, ike1.XAuthDomain, ike1.XAuthNextPIN, ike1.XAuthAnswer}

// transaction handles what the gateway begins: a question, a verdict, or settings.
func (m *Machine) transaction(sa *isakmp, x *exchange, p []ike1.Payload) error {
	c, err := ike1.ParseConfig(ike1.Find(p, ike1.TypeConfig))
	if err != nil {
		return m.drop(err.Error())
	}
	status, isVerdict := c.Get(ike1.XAuthStatus)
	switch {
	case c.Kind == ike1.ConfigRequest && isXAuth(c) && m.c.XAuth:
		return m.question(sa, x, c)
	case c.Kind == ike1.ConfigRequest:
		m.configure(sa, x, ike1.Config{Kind: ike1.ConfigReply, ID: c.ID})
		return nil
	case c.Kind == ike1.ConfigSet && isVerdict:
		m.configure(sa, x, ike1.Config{Kind: ike1.ConfigAck, ID: c.ID, Attributes: []ike1.Attribute{{Type: ike1.XAuthStatus, Value: status.Value, Short: status.Short}}})
		return m.verdict(sa, c, status)
	case c.Kind == ike1.ConfigSet:
		return m.pushed(sa, x, c)
	}
	return nil
}

func isXAuth(c ike1.Config) bool {
	return slices.ContainsFunc(c.Attributes, func(a ike1.Attribute) bool { return a.Type >= ike1.XAuthType && a.Type <= ike1.XAuthAnswer })
}

// configure sends a message of XAUTH or mode config that nobody answers.
func (m *Machine) configure(sa *isakmp, x *exchange, c ike1.Config) {
	m.sayHashed(sa, x, x.lead[:1], []ike1.Payload{c.Payload()}, false)
}

// question has the user answer. A gateway that asks again before that, gets the answer
// to its last question.
func (m *Machine) question(sa *isakmp, x *exchange, c ike1.Config) error {
	l := &sa.login
	waiting := l.x != nil
	l.asked, l.x, l.request = true, x, c
	if kind, has := c.Get(ike1.XAuthType); has {
		if n, _ := kind.Number(); n != 0 {
			return otherXAuth(n)
		}
	}
	if waiting {
		return nil
	}
	var fields []uint16
	for _, a := range c.Attributes {
		if slices.Contains(fieldKinds, a.Type) {
			fields = append(fields, a.Type)
		}
	}
	again := slices.Contains(l.before, ike1.XAuthPassword) && slices.Contains(fields, ike1.XAuthPassword) ||
		slices.Contains(l.before, ike1.XAuthPasscode) && slices.Contains(fields, ike1.XAuthPasscode)
	l.before = fields
	m.wait = func(values any) error {
		m.answer(sa, values.(map[uint16]string))
		return nil
	}
	m.emit(Ask{Message: messageOf(c), Fields: fields, Again: again})
	return nil
}

// answer sends what the user gave.
func (m *Machine) answer(sa *isakmp, values map[uint16]string) {
	l := &sa.login
	reply := ike1.Config{Kind: ike1.ConfigReply, ID: l.request.ID}
	for _, a := range l.request.Attributes {
		switch {
		case a.Type == ike1.XAuthType:
			reply.Attributes = append(reply.Attributes, ike1.Basic(ike1.XAuthType, 0))
		case slices.Contains(fieldKinds, a.Type):
			reply.Attributes = append(reply.Attributes, ike1.Attribute{Type: a.Type, Value: []byte(values[a.Type])})
		}
	}
	x := l.x
	l.x = nil
	m.configure(sa, x, reply)
}

// maxMessage bounds what a gateway says to the user.
const maxMessage = 2048

func messageOf(c ike1.Config) string {
	var lines []string
	for _, kind := range []uint16{ike1.XAuthMessage, ike1.XAuthChallenge} {
		if a, has := c.Get(kind); has && len(a.Value) > 0 && !a.Short {
			lines = append(lines, strings.ToValidUTF8(string(a.Value[:min(len(a.Value), maxMessage)]), "?"))
		}
	}
	return strings.Join(lines, "\n")
}

// verdict is what the login came to.
func (m *Machine) verdict(sa *isakmp, c ike1.Config, status ike1.Attribute) error {
	if n, _ := status.Number(); n != 1 {
		return wrongPassword(messageOf(c))
	}
	if sa.login.over {
		return nil
	}
	return m.loggedIn(sa)
}

// loggedIn asks for settings, where there are any, or goes on.
func (m *Machine) loggedIn(sa *isakmp) error {
	sa.login.over = true
	if !m.c.Settings || sa.login.set {
		return m.ready(sa)
	}
	x, err := m.begin(sa, ike1.Transaction)
	if err != nil {
		return err
	}
	id, err := m.random(2)
	if err != nil {
		return err
	}
	c := m.granted.request(uint16(id[0])<<8 | uint16(id[1]))
	x.take = func(p []ike1.Payload) error { return m.replied(sa, p) }
	sa.login.wanted = x
	m.sayHashed(sa, x, x.lead, []ike1.Payload{c.Payload()}, true)
	return nil
}

// replied handles the settings that were asked for.
func (m *Machine) replied(sa *isakmp, p []ike1.Payload) error {
	c, err := ike1.ParseConfig(ike1.Find(p, ike1.TypeConfig))
	if err != nil || c.Kind != ike1.ConfigReply {
		return senseless("the gateway's settings cannot be read")
	}
	if sa.login.set {
		return nil
	}
	return m.settle(sa, c)
}

// pushed handles settings that the gateway sends unasked. It may do so before our request.
func (m *Machine) pushed(sa *isakmp, x *exchange, c ike1.Config) error {
	ack := ike1.Config{Kind: ike1.ConfigAck, ID: c.ID}
	for _, a := range c.Attributes {
		ack.Attributes = append(ack.Attributes, ike1.Attribute{Type: a.Type})
	}
	m.configure(sa, x, ack)
	if !m.c.Settings || sa.login.set {
		return nil
	}
	if w := sa.login.wanted; w != nil {
		w.take, w.due = nil, time.Time{}
	}
	return m.settle(sa, c)
}

// settle takes settings, and goes on once the login is over.
func (m *Machine) settle(sa *isakmp, c ike1.Config) error {
	g, err := grantedOf(c)
	if err != nil {
		return senseless(err.Error())
	}
	if m.up && g.settings.Addresses[0] != m.granted.settings.Addresses[0] {
		return otherAddress()
	}
	m.granted, sa.login.set = g, true
	if !sa.login.over {
		return nil
	}
	return m.ready(sa)
}
