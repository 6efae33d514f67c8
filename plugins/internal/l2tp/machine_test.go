package l2tp

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// A call comes about over any line, and the peer hears each message once, in order.
func TestCall(t *testing.T) {
	for _, lose := range []int{0, 5, 20, 40} {
		for _, secret := range []string{"", "a secret"} {
			p := newPeer(t, Config{Secret: []byte(secret), Host: "here"}, secret)
			p.up(lose)
			if want := []Kind{StartRequest, StartConnected, InRequest, InConnected}; !slices.Equal(p.heard, want) {
				t.Errorf("%d%% lost: the peer heard %v", lose, p.heard)
			}
			if want := (Up{peerTunnel, peerSession, 0x3333, 0x4444}); !slices.Contains(p.effects, Effect(want)) {
				t.Errorf("%d%% lost: %v, want %v", lose, p.effects, want)
			}
			if secret != "" && string(p.proof) != string(prove(StartConnected, []byte(secret), []byte("another challenge"))) {
				t.Errorf("proved by %x", p.proof)
			}
		}
	}
}

func code(t *testing.T, err error) diag.Code {
	t.Helper()
	var d *diag.Diagnostic
	if !errors.As(err, &d) {
		t.Fatalf("%v is no diagnostic", err)
	}
	return d.Code
}

func TestSecrets(t *testing.T) {
	for name, test := range map[string]struct{ ours, theirs string }{
		"another": {"this", "that"}, "we have none": {"", "that"}, "the peer has none": {"this", ""},
	} {
		p := newPeer(t, Config{Secret: []byte(test.ours), SecretOption: "l2tp-secret"}, test.theirs)
		p.take(p.m.Begin(p.now))
		p.run(0, time.Minute, func() bool { _, over := p.ended(); return over })
		err, _ := p.ended()
		var d *diag.Diagnostic
		if !errors.As(err, &d) || d.Code != diag.AuthRefused || d.Option != "l2tp-secret" {
			t.Errorf("%s: %v", name, err)
		}
		if !slices.Contains(p.heard, StopConnection) {
			t.Errorf("%s: the peer heard %v", name, p.heard)
		}
	}
}

func TestNobodyAnswers(t *testing.T) {
	p := newPeer(t, Config{}, "")
	var times []time.Duration
	for _, e := range p.m.Begin(epoch) {
		if _, is := e.(Send); is {
			times = append(times, 0)
		}
	}
	for {
		now := p.m.Deadline()
		effects := p.m.Tick(now)
		if e, over := effects[len(effects)-1].(Ended); over {
			if code(t, e.Err) != diag.Unreachable {
				t.Error(e.Err)
			}
			break
		}
		times = append(times, now.Sub(epoch))
	}
	if want := []time.Duration{0, 1e9, 3e9, 7e9, 15e9, 23e9}; !slices.Equal(times, want) {
		t.Errorf("sent at %v, want %v", times, want)
	}
	if !p.m.Deadline().IsZero() || p.m.Tick(epoch) != nil || p.m.Stop(epoch) != nil {
		t.Error("it lives on")
	}
}

// A peer that acknowledges, and answers nothing, is given up.
func TestNoCall(t *testing.T) {
	p := newPeer(t, Config{}, "")
	p.take(p.m.Begin(p.now))
	p.m.Receive(p.now, Message{Tunnel: 0x3333, Nr: 1}.Append(nil))
	effects := p.m.Tick(p.m.Deadline())
	if e, over := effects[len(effects)-1].(Ended); !over || code(t, e.Err) != diag.Unreachable {
		t.Errorf("%v", effects)
	}
}

func TestEnds(t *testing.T) {
	long := append([]byte{0, 2, 0, 6}, "out of \x1bpaper"...)
	for name, test := range map[string]struct {
		kind    Kind
		session uint16
		avps    []AVP
		code    diag.Code
		words   string
	}{
		"tunnel":         {StopConnection, 0, []AVP{number16(AssignedTunnel, peerTunnel), number16(ResultCode, 6)}, diag.SessionEnded, "shutting down"},
		"not authorized": {StopConnection, 0, []AVP{number16(AssignedTunnel, peerTunnel), number16(ResultCode, 4)}, diag.AuthRefused, "secret"},
		"words":          {StopConnection, 0, []AVP{{Type: ResultCode, Value: long}}, diag.SessionEnded, "out of  paper"},
		"no reason":      {StopConnection, 0, nil, diag.SessionEnded, "no reason"},
		"call":           {Disconnect, 0x4444, []AVP{number16(AssignedSession, peerSession), number16(ResultCode, 3)}, diag.SessionEnded, "ended the call"},
		"unknown avp":    {Hello, 0, []AVP{{Mandatory: true, Type: 77}}, diag.Protocol, "attribute 77"},
		"vendor's":       {SetLinkInfo, 0x4444, []AVP{{Mandatory: true, Vendor: 9, Type: 1}}, diag.Protocol, "vendor 9"},
		"unknown kind":   {99, 0, nil, diag.Protocol, "message 99"},
	} {
		p := newPeer(t, Config{SecretOption: "l2tp-secret"}, "")
		p.up(0)
		p.gets(test.kind, test.session, test.avps...)
		err, over := p.ended()
		if !over {
			t.Errorf("%s: it goes on", name)
			continue
		}
		d := diag.Of(err)
		if d.Code != test.code || !strings.Contains(d.Summary+" "+d.Detail, test.words) {
			t.Errorf("%s: %v %s", name, d, d.Detail)
		}
		if len(p.sent) > 0 {
			t.Errorf("%s: the peer's last message was not acknowledged", name)
		}
	}
}

// What is not understood, and need not be, changes nothing.
func TestWhatIsTolerated(t *testing.T) {
	p := newPeer(t, Config{}, "")
	p.up(0)
	p.gets(Hello, 0, AVP{Type: 77, Value: []byte("x")}, AVP{Vendor: 9, Type: 1})
	p.gets(WANError, 0x4444, AVP{Mandatory: true, Type: 34, Value: make([]byte, 26)})
	p.gets(SetLinkInfo, 0x4444, AVP{Mandatory: true, Type: 35, Value: make([]byte, 10)})
	p.gets(Disconnect, 0x4445, number16(AssignedSession, 0x7777), number16(ResultCode, 3)) // another call
	p.gets(InRequest, 0, number16(AssignedSession, 0x5555), number32(CallSerialNumber, 2))
	m := Message{Tunnel: p.theirs, Ns: p.ns, Nr: p.nr, AVPs: []AVP{{Type: MessageType, Value: []byte{0, 99}}}} // not mandatory
	p.ns++
	p.take(p.m.Receive(p.now, m.Append(nil)))
	p.take(p.m.Receive(p.now, []byte("\xc8\x02 what is none")))
	p.take(p.m.Receive(p.now, Message{Tunnel: 0x1234, Ns: p.ns, AVPs: []AVP{number16(MessageType, uint16(StopConnection))}}.Append(nil)))
	if err, over := p.ended(); over {
		t.Errorf("it ended: %v", err)
	}
	if len(p.sent) > 0 || p.heard[len(p.heard)-1] != Disconnect {
		t.Errorf("%d not acknowledged; the peer heard %v", len(p.sent), p.heard)
	}
}

func TestHello(t *testing.T) {
	p := newPeer(t, Config{Hello: 10 * time.Second}, "")
	p.up(0)
	p.run(0, time.Minute, func() bool { return slices.Contains(p.heard, Hello) })
	if wait := p.now.Sub(epoch); wait < 10*time.Second || wait > 12*time.Second {
		t.Errorf("a hello after %v", wait)
	}
	p.run(0, time.Minute, func() bool { return len(p.heard) == 6 }) // it goes on
	for range 20 {
		p.now = p.m.Deadline()
		p.effects = append(p.effects, p.m.Tick(p.now)...) // nobody answers any more
		if err, over := p.ended(); over {
			if code(t, err) != diag.Unreachable {
				t.Error(err)
			}
			return
		}
	}
	t.Error("a silent peer is not noticed")
}

func TestStop(t *testing.T) {
	for _, lose := range []int{0, 30} {
		p := newPeer(t, Config{}, "")
		p.up(lose)
		p.take(p.m.Stop(p.now))
		p.run(lose, 2*time.Minute, func() bool { _, over := p.ended(); return over })
		if err, _ := p.ended(); err != nil {
			t.Error(err)
		}
		if want := []Kind{Disconnect, StopConnection}; !slices.Equal(p.heard[4:], want) {
			t.Errorf("the peer heard %v", p.heard)
		}
	}
	m := New(Config{})
	m.Begin(epoch)
	if e := m.Stop(epoch); len(e) != 1 || e[0] != (Ended{}) {
		t.Errorf("stopped early: %v", e)
	}
}

// No more goes out at a time than the peer takes: it said 1.
func TestWindow(t *testing.T) {
	p := newPeer(t, Config{}, "")
	p.take(p.m.Begin(p.now))
	var reply []byte
	for _, b := range p.out {
		if m, _ := Parse(b); m.Kind() == StartReply {
			reply = b
		}
	}
	var sent []Kind
	for _, e := range p.m.Receive(p.now, reply) {
		if s, is := e.(Send); is {
			m, _ := Parse(s.Message)
			sent = append(sent, m.Kind())
		}
	}
	if !slices.Equal(sent, []Kind{StartConnected}) {
		t.Errorf("sent %v at once", sent)
	}
}

// Numbers begin anew after 65535.
func TestNumbersWrap(t *testing.T) {
	l := line{ns: 0xfffe, nr: 0xffff, window: 4}
	for range 4 {
		l.put(Message{AVPs: []AVP{number16(MessageType, uint16(Hello))}})
	}
	if n := len(l.next(epoch)); n != 4 {
		t.Errorf("%d sent", n)
	}
	l.acknowledged(0x0001)
	if l.flying != 1 || l.queue[0].Ns != 1 {
		t.Errorf("left: %d, %+v", l.flying, l.queue)
	}
	l.acknowledged(0xfff0) // long ago
	l.acknowledged(0x7000) // what was never sent
	hello := Message{Ns: 0xffff, Nr: 1, AVPs: []AVP{number16(MessageType, uint16(Hello))}}
	if !l.take(hello) || l.nr != 0 || l.take(hello) || !l.mustAck {
		t.Errorf("%+v", l)
	}
	l.mustAck = false
	if hello.Ns = 5; l.take(hello) || l.mustAck {
		t.Error("one that comes too early is taken, or acknowledged")
	}
}

func TestHiddenAttributes(t *testing.T) {
	secret, vector := []byte("a secret"), []byte("random")
	long := strings.Repeat("0123456789", 5)
	m := Message{AVPs: []AVP{
		number16(MessageType, uint16(StartReply)), {Mandatory: true, Type: RandomVector, Value: vector},
		hide(HostName, []byte(long), secret, vector), hide(AssignedTunnel, []byte{1, 2}, secret, vector),
	}}
	all, foreign := m.clear(secret)
	if string(all[HostName]) != long || all.number(AssignedTunnel) != 0x0102 || foreign != nil {
		t.Errorf("%v, %v", all, foreign)
	}
	for _, wrong := range [][]byte{nil, []byte("another")} {
		if all, foreign := m.clear(wrong); string(all[HostName]) == long || foreign != nil {
			t.Errorf("with %q: %v, %v", wrong, all, foreign)
		}
	}
	m.AVPs = m.AVPs[2:] // without a vector
	if all, _ := m.clear(secret); len(all) != 0 {
		t.Errorf("%v", all)
	}
}

// A trace says what goes on, and nothing that is secret.
func TestTrace(t *testing.T) {
	m := New(Config{Trace: true, Secret: []byte("a secret"), Host: "here"})
	var text string
	for _, e := range m.Begin(epoch) {
		if e, is := e.(Trace); is {
			text += e.Text
		}
	}
	if !strings.Contains(text, "sent SCCRQ") || strings.Contains(text, "secret") {
		t.Error(text)
	}
}
