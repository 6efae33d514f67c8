package ppp

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/md4" //lint:ignore SA1019 MSCHAPv2 is made of it

	"github.com/penstock-vpn/penstock/sdk/diag"
)

func md4Sum(b []byte) []byte {
	h := md4.New()
	h.Write(b)
	return h.Sum(nil)
}

func TestEveryLogin(t *testing.T) {
	for _, method := range []Method{MSCHAPv2, EAP, CHAPMD5, PAP, NoLogin} {
		t.Run(string(method), func(t *testing.T) {
			l := newLine(t, 1, config(append([]Method{method}, everything...)...), &gate{login: method, password: testPassword}).begin()
			n := l.mustBeUp()
			if n.Address != clientAddress || n.Peer != serverAddress || len(n.DNS) != 1 || n.DNS[0] != serverDNS || len(n.NBNS) != 0 || n.MRU != DefaultMRU {
				t.Errorf("%+v", n)
			}
			in := of[Authenticated](l, theClient)
			if len(in) != 1 || in[0].Method != method || (len(in[0].Key) == 32) != (method == MSCHAPv2) {
				t.Errorf("%+v", in)
			}
		})
	}
}

func TestEveryRefusal(t *testing.T) {
	for _, method := range []Method{MSCHAPv2, EAP, CHAPMD5, PAP} {
		t.Run(string(method), func(t *testing.T) {
			l := newLine(t, 1, config(everything...), &gate{login: method, password: "another"}).begin()
			var d *diag.Diagnostic
			if err := l.why(); !errors.As(err, &d) || d.Code != diag.AuthRefused || strings.Contains(d.Error(), testPassword) {
				t.Errorf("%v", err)
			}
		})
	}
}

// A gateway that asks for EAP is asked for what we like better, and gets EAP if it insists.
func TestEAPIsPutOff(t *testing.T) {
	for want, stubborn := range map[Method]bool{MSCHAPv2: false, EAP: true} {
		l := newLine(t, 1, config(everything...), &gate{login: EAP, password: testPassword})
		if stubborn {
			server := l.ends[theServer].link
			server.layer = &deaf{server.layer.(*serverLCP)}
		}
		l.begin().mustBeUp()
		if in := of[Authenticated](l, theClient); in[0].Method != want {
			t.Errorf("%s: %+v", want, in)
		}
	}
}

// A better way to log in is proposed; there is no link by one that is not allowed.
func TestWeakLoginsAreRefused(t *testing.T) {
	l := newLine(t, 1, config(MSCHAPv2), &gate{login: PAP, password: testPassword}).begin()
	l.mustBeUp()
	if in := of[Authenticated](l, theClient); in[0].Method != MSCHAPv2 {
		t.Errorf("%+v", in)
	}
	stubborn := newLine(t, 1, config(MSCHAPv2, EAP), &gate{login: PAP})
	server := stubborn.ends[theServer].link
	server.layer = &deaf{server.layer.(*serverLCP)}
	var d *diag.Diagnostic
	if err := stubborn.begin().why(); !errors.As(err, &d) || d.Option != "auth-methods" || !strings.Contains(d.Error(), "PAP") {
		t.Errorf("%v", err)
	}
	for _, e := range of[Send](stubborn, theClient) {
		if e.Protocol == ProtocolPAP {
			t.Error("the password was told")
		}
	}
}

// deaf asks for the same again, whatever it is told.
type deaf struct{ *serverLCP }

func (*deaf) naked([]option) {}

func TestPasswordIsChanged(t *testing.T) {
	g := &gate{login: MSCHAPv2, password: testPassword, expired: true}
	l := newLine(t, 1, config(MSCHAPv2), g)
	l.answer = func(e Effect) []Effect {
		if _, asks := e.(AskPassword); asks {
			return l.ends[theClient].NewPassword(l.now, "Osmium-0815 é", nil)
		}
		return nil
	}
	l.begin().mustBeUp()
	if g.password != "Osmium-0815 é" {
		t.Errorf("the gateway has %q", g.password)
	}
}

func TestBadLine(t *testing.T) {
	for seed := range uint64(200) {
		g := &gate{login: everything[seed%4], password: testPassword, ipv6: seed%2 == 0}
		c := config(everything...)
		c.IPv6 = seed%3 != 0
		l := newLine(t, seed, c, g)
		l.loss, l.twice, l.jitter = 0.15, 0.1, 200*time.Millisecond
		if seed%7 == 0 {
			l.jitter = time.Second
		}
		l.begin()
		if !l.run(5*time.Minute, l.up) {
			t.Errorf("seed %d, %s: no network; client %v %+v, server %v", seed, g.login, l.states(0), of[Ended](l, theClient), l.states(1))
		}
	}
}

func TestNoAddressIsTheEnd(t *testing.T) {
	l := newLine(t, 1, config(CHAPMD5), &gate{login: CHAPMD5, password: testPassword, none: true}).begin()
	if err := l.why(); err == nil || !strings.Contains(err.Error(), "no address") {
		t.Errorf("%v", err)
	}
}

func TestRenegotiationInMidSession(t *testing.T) {
	for name, anew := range map[string]func(m *Machine){
		"LCP": func(m *Machine) {
			m.link.happens(down)
			m.lcp.begin()
			m.link.happens(up)
		},
		"IPCP": func(m *Machine) {
			m.nets[0].happens(down)
			m.nets[0].happens(up)
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t, 1, config(MSCHAPv2), &gate{login: MSCHAPv2, password: testPassword}).begin()
			l.mustBeUp()
			logins := len(of[Authenticated](l, theClient))
			server := l.ends[theServer]
			l.took(theServer, server.step(l.now, func() { anew(server) }))
			if server.nets[0].state == opened {
				t.Fatal("nothing was negotiated")
			}
			l.mustBeUp()
			if got := len(of[Authenticated](l, theClient)) - logins; (got == 1) != (name == "LCP") {
				t.Errorf("%d logins", got)
			}
		})
	}
}

// A challenge in mid-session is answered, and nothing else happens.
func TestChallengeInMidSession(t *testing.T) {
	for _, method := range []Method{MSCHAPv2, CHAPMD5} {
		l := newLine(t, 1, config(method), &gate{login: method, password: testPassword}).begin()
		l.mustBeUp()
		server := l.ends[theServer]
		w := server.auth.way.(*chapServer)
		w.heard = nil
		before := len(of[Authenticated](l, theClient))
		l.took(theServer, server.step(l.now, func() { w.send(packet{chapChallenge, 77, append([]byte{16}, w.challenge...)}) }))
		if !l.run(time.Minute, func() bool { return w.heard != nil }) || w.answer.code != chapSuccess {
			t.Errorf("%s: answered %v", method, w.answer)
		}
		if l.ends[theClient].ended || len(of[Authenticated](l, theClient)) != before {
			t.Errorf("%s: the session changed", method)
		}
	}
}

func TestStopIsHeard(t *testing.T) {
	l := newLine(t, 1, config(CHAPMD5), &gate{login: CHAPMD5, password: testPassword}).begin()
	l.mustBeUp()
	l.took(theClient, l.ends[theClient].Stop(l.now))
	if err := l.why(); err != nil {
		t.Error(err)
	}
	if l.ends[theServer].link.state == opened {
		t.Error("the server knows nothing")
	}
	silent := newLine(t, 1, config(CHAPMD5), &gate{login: CHAPMD5, password: testPassword}).begin()
	silent.mustBeUp()
	silent.loss = 1
	silent.took(theClient, silent.ends[theClient].Stop(silent.now))
	if err := silent.why(); err != nil {
		t.Error(err)
	}
}

func TestNobodyAnswers(t *testing.T) {
	l := newLine(t, 1, config(CHAPMD5), &gate{login: CHAPMD5})
	l.loss = 1
	var d *diag.Diagnostic
	if err := l.begin().why(); !errors.As(err, &d) || d.Code != diag.Unreachable {
		t.Errorf("%v", err)
	}
}

// exchange gives a machine that is up one frame, and returns what it sends.
func exchange(t *testing.T, protocol uint16, p packet) []string {
	t.Helper()
	l := newLine(t, 1, config(CHAPMD5), &gate{login: CHAPMD5, password: testPassword}).begin()
	l.mustBeUp()
	var sent []string
	for _, e := range l.ends[theClient].Frame(l.now, protocol, p.append(nil)) {
		if s, isFrame := e.(Send); isFrame {
			sent = append(sent, fmt.Sprintf("%04x %x", s.Protocol, s.Payload))
		}
	}
	return sent
}

func TestFramesInMidSession(t *testing.T) {
	for name, test := range map[string]struct {
		protocol uint16
		p        packet
		want     string
	}{
		"callback":         {ProtocolCBCP, packet{1, 4, []byte{1, 2, 2, 3, 0}}, "[c029 020400060102]"},
		"callback agreed":  {ProtocolCBCP, packet{3, 4, []byte{1, 2}}, "[]"},
		"unknown protocol": {0x80fd, packet{configureRequest, 1, nil}, "[c021 08"},
		"unknown code":     {ProtocolLCP, packet{99, 4, []byte("hello")}, "[c021 07"},
		"identification":   {ProtocolLCP, packet{identification, 4, []byte("....hello")}, "[]"},
		"time remaining":   {ProtocolLCP, packet{timeRemaining, 4, []byte("........")}, "[]"},
		"discard":          {ProtocolLCP, packet{discardRequest, 4, []byte("....")}, "[]"},
		"another ack":      {ProtocolLCP, packet{configureAck, 1, nil}, "[]"},
		"code in IPCP":     {ProtocolIPCP, packet{9, 4, nil}, "[8021 07"},
		"terminate":        {ProtocolLCP, packet{terminateRequest, 4, nil}, "[c021 06040004]"},
	} {
		if got := fmt.Sprint(exchange(t, test.protocol, test.p)); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestEchoHasOurMagic(t *testing.T) {
	l := newLine(t, 1, config(CHAPMD5), &gate{login: CHAPMD5, password: testPassword}).begin()
	l.mustBeUp()
	m := l.ends[theClient]
	sent := m.Frame(l.now, ProtocolLCP, packet{echoRequest, 4, []byte("\x01\x02\x03\x04hello")}.append(nil))
	want := fmt.Sprintf("0a04000d%08x%x", m.Magic(), "hello")
	if len(sent) != 1 || fmt.Sprintf("%x", sent[0].(Send).Payload) != want {
		t.Errorf("%+v, want %s", sent, want)
	}
}

// What the peer asks of the link: one option after the other.
func TestPeersOptions(t *testing.T) {
	for name, test := range map[string]struct {
		asked []option
		want  code
	}{
		"all that is known": {[]option{{optMRU, []byte{5, 0}}, {optACCM, make([]byte, 4)}, {optMagic, []byte{1, 2, 3, 4}}, {optPFC, nil}, {optACFC, nil}}, configureAck},
		"small MRU":         {[]option{{optMRU, []byte{0, 100}}}, configureNak},
		"multilink":         {[]option{{0x11, []byte{5, 0xdc}}, {0x13, []byte{1}}}, configureReject},
		"callback":          {[]option{{0x0d, []byte{6}}}, configureReject},
		"quality":           {[]option{{4, []byte{0xc0, 0x25, 0, 0, 0, 0}}}, configureReject},
		"MRU of one byte":   {[]option{{optMRU, []byte{5}}}, configureReject},
		"weak login":        {[]option{{optAuth, []byte{0xc0, 0x23}}}, configureNak},
	} {
		m := New(config(MSCHAPv2))
		m.Begin(time.Unix(1, 0))
		got := m.Frame(time.Unix(2, 0), ProtocolLCP, packet{configureRequest, 8, appendOptions(nil, test.asked)}.append(nil))
		if len(got) == 0 || code(got[0].(Send).Payload[0]) != test.want {
			t.Errorf("%s: %+v, want %s", name, got, test.want)
		}
	}
}

// A machine that takes over from another one answers as that did.
func TestResume(t *testing.T) {
	for _, method := range []Method{MSCHAPv2, CHAPMD5, PAP} {
		c := config(method)
		c.IPv6 = true
		l := newLine(t, 1, c, &gate{login: method, password: testPassword, ipv6: true}).begin()
		if l.ends[theClient].Saved() != nil {
			t.Error("there is nothing to save yet")
		}
		before := l.mustBeUp()
		c.Random = seeded(9)
		l.ends[theClient] = Resume(l.now, c, *l.ends[theClient].Saved())
		l.seen[theClient] = l.seen[theClient][:0]
		if m := l.ends[theClient]; !m.Deadline().IsZero() || m.Saved().Network.Address != before.Address {
			t.Errorf("%s: %+v until %v", method, m.Saved(), m.Deadline())
		}
		server := l.ends[theServer]
		l.took(theServer, server.step(l.now, func() {
			server.link.happens(down)
			server.lcp.begin()
			server.link.happens(up)
		}))
		if !l.run(time.Minute, func() bool {
			return server.let && server.nets[0].state == opened && l.ends[theClient].nets[0].state == opened
		}) {
			t.Errorf("%s: no network after negotiating anew: %v, %v", method, l.states(theClient), l.states(theServer))
		}
		if changed := of[Up](l, theClient); len(changed) != 0 {
			t.Errorf("%s: changed to %+v", method, changed)
		}
	}
}
