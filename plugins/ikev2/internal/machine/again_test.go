package machine

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/eap"
	"github.com/penstock-vpn/penstock/plugins/internal/ike"
)

// tell has the other end of a line send a notification.
func (l *line) tell(n *ike.Notify) (heard []Effect) {
	l.t.Helper()
	from := l.ends[1]
	effects := from.step(l.now, func() error {
		from.request(from.sa(), &exchange{kind: ike.Informational,
			build:  func() []ike.Payload { return []ike.Payload{n} },
			answer: func(*ikeSA, []ike.Payload) error { return nil }})
		return nil
	})
	sent := effectOf[Send](effects)
	return l.ends[0].Receive(l.now, sent.Datagram)
}

// A gateway that sends us elsewhere is answered, and the tunnel stays until there is
// another.
func TestRedirectedLater(t *testing.T) {
	for data, want := range map[string]string{"\x03\x09vpn2.test": "vpn2.test", "\x01\x04\x0a\x00\x00\x07": "10.0.0.7"} {
		effects := newLine(t, 1, nil).tell(&ike.Notify{Kind: ike.Redirect, Data: []byte(data)})
		r := effectOf[Redirected](effects)
		if r == nil || *r != (Redirected{want, true}) || effectOf[Ended](effects) != nil || effectOf[Send](effects) == nil {
			t.Errorf("%q: %v", data, effects)
		}
	}
	if effects := newLine(t, 1, nil).tell(&ike.Notify{Kind: ike.Redirect, Data: []byte("\x03\x09a b; rm -")}); effectOf[Redirected](effects) != nil {
		t.Errorf("redirected by %v", effects)
	}
}

// In IKE_AUTH only a gateway that has proved itself may redirect, and before EAP too.
func TestRedirectedAtLogin(t *testing.T) {
	redirect := []ike.Payload{&ike.Notify{Kind: ike.Redirect, Data: []byte("\x03\x09vpn2.test")}}
	for _, proved := range []bool{true, false} {
		for name, auth := range map[string]Auth{"shared key": SharedKey{Key: []byte("key")},
			"EAP": EAP{Peer: func() *eap.Peer { return eap.NewPeer("alice", eap.GTC("secret")) }}} {
			m := upMachine(Config{Auth: []Auth{auth}})
			m.login.proved, m.up = proved, false
			effects := m.step(start, func() error { return m.authAnswer(m.sa(), redirect) })
			r, ended := effectOf[Redirected](effects), effectOf[Ended](effects)
			if (r != nil) != proved || r != nil && !r.Proved || ended == nil || (ended.Err == nil) != proved {
				t.Errorf("%s, proved %v: redirected %v, ended %v", name, proved, r, ended)
			}
		}
	}
}

// A limit to the session asks for a new login in time; without one it is the end. The last
// limit counts.
func TestLimit(t *testing.T) {
	l := newLine(t, 1, nil)
	a := l.ends[0]
	l.tell(&ike.Notify{Kind: ike.AuthLifetime, Data: []byte{0, 0, 0, 60}})
	l.ends[1].sa().outstanding = nil
	l.ends[1].sa().nextID++
	l.now = l.now.Add(10 * time.Second)
	l.tell(&ike.Notify{Kind: ike.AuthLifetime, Data: []byte{0, 0, 2, 88}}) // 600 s
	var again, over time.Duration
	for began := l.now; over == 0; {
		l.now = a.Deadline()
		effects := a.Tick(l.now)
		if effectOf[Reauthenticate](effects) != nil && again == 0 {
			again = l.now.Sub(began)
		}
		if e := effectOf[Ended](effects); e != nil {
			if over = l.now.Sub(began); e.Err == nil || !strings.Contains(e.Err.Error(), "new login") {
				t.Errorf("ended with %v", e.Err)
			}
		}
	}
	if again != 450*time.Second || over != 600*time.Second {
		t.Errorf("a new login is wanted after %s, and the end is after %s", again, over)
	}
}

func TestSameAddresses(t *testing.T) {
	c := sameAddresses(wantedConfig(true, false), []netip.Addr{netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("fd00::7")})
	for _, a := range c.Attributes {
		want := 0
		switch a.Kind {
		case ike.InternalIP4Address:
			want = 4
		case ike.InternalIP6Address:
			want = 17
		}
		if len(a.Value) != want {
			t.Errorf("%v of %x", a.Kind, a.Value)
		}
	}
}
