package machine

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike1"
	"github.com/penstock-vpn/penstock/plugins/internal/ike1/gate"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

func TestWays(t *testing.T) {
	for name, change := range map[string]func(*Config, *gate.Gate){
		"aggressive mode":                   func(*Config, *gate.Gate) {},
		"main mode":                         func(c *Config, _ *gate.Gate) { c.Aggressive, c.Identity = false, nil },
		"without a login":                   func(c *Config, g *gate.Gate) { c.XAuth, g.Rounds = false, nil },
		"settings unasked":                  func(_ *Config, g *gate.Gate) { g.Push = true },
		"settings unasked, without a login": func(c *Config, g *gate.Gate) { c.XAuth, g.Rounds, g.Push = false, nil, true },
		"an old gateway":                    func(_ *Config, g *gate.Gate) { g.Vendors = gate.Old },
		"an old gateway in main mode":       func(c *Config, g *gate.Gate) { c.Aggressive, g.Vendors = false, gate.Old },
		"a key exchange for the tunnel":     func(c *Config, _ *gate.Gate) { c.PFS = c.withDefaults().IKE[0].Group },
		"one that the gateway wishes": func(c *Config, g *gate.Gate) {
			c.GatewayPFS, g.Settings = true, append(g.Settings, ike1.Basic(ike1.UnityPFS, 1))
		},
		"messages in pieces": func(c *Config, g *gate.Gate) { c.Fragment, g.PieceSize, c.Aggressive = 300, 300, false },
		"port 4500 alone":    func(c *Config, _ *gate.Gate) { c.Begin4500 = true },
		"hybrid": func(c *Config, g *gate.Gate) {
			c.Auth, g.Key, g.Certificate, g.Signer = Hybrid{}, nil, certificate(), rsaKey()
		},
		"certificates": func(c *Config, g *gate.Gate) {
			c.Auth, g.Key, g.Certificate, g.Signer = Certificate{[][]byte{certificate()}}, nil, certificate(), rsaKey()
		},
		"certificates in main mode": func(c *Config, g *gate.Gate) {
			c.Aggressive, c.Auth, g.Key, g.Certificate, g.Signer = false, Certificate{[][]byte{certificate()}}, nil, certificate(), rsaKey()
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, g := able()
			change(&c, g)
			l := connect(t, c, g).up()
			s := l.ups[0].Settings
			if s.Addresses[0] != netip.MustParsePrefix("10.1.0.5/32") || s.DNS[0] != netip.MustParseAddr("10.1.0.1") || s.Banner != "Hello" ||
				!slices.Equal(s.Routes, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}) {
				t.Errorf("settings %+v", s)
			}
			if l.ports[500] == c.Begin4500 || !l.ports[4500] {
				t.Errorf("sent to %v", l.ports)
			}
			if g.Key == nil && (len(l.verify) != 1 || l.verify[0].Name != "vpn.test" || len(l.verify[0].Chain) != 1) {
				t.Errorf("verified %v", l.verify)
			}
			l.do(l.m.Stop(l.now))
			if l.ended == nil || l.ended.Err != nil || len(g.Deleted) != 2 {
				t.Errorf("ended with %v, and deleted %v", l.ended, g.Deleted)
			}
		})
	}
}

// Transport mode has no settings: the traffic is a protocol and ports of both addresses.
func TestTransport(t *testing.T) {
	c, g := able()
	c.XAuth, c.Settings, c.Aggressive, c.Identity, g.Rounds = false, false, false, nil, nil
	c.Transport = &Selector{Protocol: 17, Local: 1701, Remote: 1701}
	l := connect(t, c, g).up()
	if len(l.ups[0].Settings.Addresses) != 0 {
		t.Errorf("settings %+v", l.ups[0].Settings)
	}
	traffic := connectTraffic(t, l)
	if traffic[0].Port != 1701 || traffic[0].Protocol != 17 || traffic[0].String() != "10.0.0.2" || traffic[1].String() != "192.0.2.1" {
		t.Errorf("traffic %v", traffic)
	}
}

// What is weak is known as such, and keys of 3DES live for a while of bytes alone.
func TestWeakESP(t *testing.T) {
	for name, want := range map[string]string{"3des-sha1": "3des", "aes128-md5": "md5", "3des-md5": "3des", "aes128-sha1": "", "aes256gcm16": ""} {
		all, err := ParseESP([]string{name})
		if err != nil || all[0].Weak() != want {
			t.Fatalf("%s: %+v, %v", name, all, err)
		}
		c, _ := able()
		m, sa := New(c), &isakmp{suite: DefaultIKE(true)[0]}
		for _, sa := range m.pair(sa, &child{in: 1000, out: 1001}, all[0], nil, nil, nil) {
			if short := sa.Bytes.Soft > 0 && sa.Bytes.Hard > sa.Bytes.Soft; short != strings.HasPrefix(name, "3des") {
				t.Errorf("%v may carry %+v", sa, sa.Bytes)
			}
		}
	}
	c, _ := able()
	if weak, option := c.withDefaults().Weak(); weak != "" {
		t.Errorf("%s of %s is offered unasked", weak, option)
	}
}

// connectTraffic are the identities of a quick mode of l's.
func connectTraffic(t *testing.T, l *line) (all []ike1.ID) {
	for _, p := range l.m.traffic(l.m.sas[0]) {
		if p.Type == ike1.TypeID {
			id, err := ike1.ParseID(p.Body)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, id)
		}
	}
	return all
}

// A password, a code that goes with a message, and a new PIN.
func TestRounds(t *testing.T) {
	c, g := able()
	g.Rounds = append(g.Rounds,
		gate.Round{Ask: []ike1.Attribute{{Type: ike1.XAuthMessage, Value: []byte("Enter the next code")}, {Type: ike1.XAuthPasscode}}, Right: map[uint16]string{ike1.XAuthPasscode: "123456"}},
		gate.Round{Ask: []ike1.Attribute{{Type: ike1.XAuthMessage, Value: []byte("New PIN")}, {Type: ike1.XAuthNextPIN}}, Right: map[uint16]string{ike1.XAuthNextPIN: "9876"}})
	l := connect(t, c, g)
	l.answers[ike1.XAuthPasscode], l.answers[ike1.XAuthNextPIN] = "123456", "9876"
	l.up()
	if len(l.asks) != 3 || l.asks[1].Message != "Enter the next code" || l.asks[1].Again || !slices.Equal(l.asks[2].Fields, []uint16{ike1.XAuthNextPIN}) {
		t.Errorf("asked %+v", l.asks)
	}
}

// A gateway that asks again for a password did not like it; in the end it says so.
func TestWrongPassword(t *testing.T) {
	c, g := able()
	l := connect(t, c, g)
	l.answers[ike1.XAuthPassword] = "wrong"
	l.begin()
	if f := l.failure(); f.Diagnostics[0].Code != diag.AuthRefused || len(l.asks) != 3 || !l.asks[1].Again || l.asks[0].Again {
		t.Errorf("%+v after %+v", f, l.asks)
	}
}

// New keys of the tunnel, at our wish and at the gateway's, and new logins: at every
// moment both sides can read one another, and in the end there is one tunnel.
func TestRenewals(t *testing.T) {
	c, g := able()
	c.ChildLife, c.IKELife = 10*time.Minute, time.Hour
	l := connect(t, c, g).up()
	for range 20 {
		l.pass(10 * time.Minute)
		l.agrees()
		l.do(l.arrive(g.Renew()))
		l.agrees()
		if l.ended != nil {
			t.Fatalf("ended with %v", l.ended.Err)
		}
	}
	l.pass(time.Minute)
	if len(l.have) != 1 || g.Logins < 3 || g.Children < 38 {
		t.Errorf("%d inbound SAs, %d logins, %d tunnels", len(l.have), g.Logins, g.Children)
	}
}

// A gateway that has other lifetimes in mind is believed.
func TestGatewaysLifetime(t *testing.T) {
	c, g := able()
	g.Life = 120
	l := connect(t, c, g).up().pass(10 * time.Minute)
	if g.Children < 5 {
		t.Errorf("%d tunnels in ten minutes", g.Children)
	}
	l.agrees()
}

// A gateway that answers signs of life stays; one that does not is given up.
func TestSilence(t *testing.T) {
	c, g := able()
	c.IKELife = 100 * time.Hour
	l := connect(t, c, g).up().pass(30 * time.Minute)
	asked := 0
	for _, n := range g.Heard {
		if n.Kind == ike1.DPDRequest {
			asked++
		}
	}
	if asked < 20 || l.ended != nil {
		t.Fatalf("asked %d times, ended %v", asked, l.ended)
	}
	l.lose = func() bool { return true }
	l.pass(3 * time.Minute)
	if f := l.failure(); f.Retry != sdk.Backoff || f.Diagnostics[0].Code != diag.Unreachable {
		t.Errorf("%+v", f)
	}
}

func TestSignOfLife(t *testing.T) {
	c, g := able()
	l := connect(t, c, g).up()
	l.do(l.arrive(g.AreYouThere()))
	if n := g.Heard[len(g.Heard)-1]; n.Kind != ike1.DPDAnswer || n.Data[3] != 1 {
		t.Errorf("answered %v", n)
	}
}

// What a gateway ends.
func TestEnds(t *testing.T) {
	c, g := able()
	l := connect(t, c, g).up()
	l.do(l.arrive(g.Drop()))
	if g.Children != 2 || l.ended != nil {
		t.Errorf("%d tunnels, ended %v", g.Children, l.ended)
	}
	l.agrees()
	l.do(l.arrive(g.Leave()))
	if f := l.failure(); f.Retry != sdk.Backoff || f.Diagnostics[0].Code != diag.SessionEnded {
		t.Errorf("%+v", f)
	}
}

// What a gateway refuses is told in words that name an option.
func TestRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Config, *gate.Gate)
		option string
		words  string
	}{
		"another key":               {func(_ *Config, g *gate.Gate) { g.Key = []byte("another") }, "psk", "pre-shared key"},
		"another key in main mode":  {func(c *Config, g *gate.Gate) { c.Aggressive, g.Key = false, []byte("another") }, "psk", "pre-shared key"},
		"weak ciphers":              {func(c *Config, _ *gate.Gate) { c.IKE, _ = ParseIKE([]string{"3des-md5-modp1024"}) }, "ike", "none of the offered ciphers"},
		"weak ciphers in main mode": {func(c *Config, _ *gate.Gate) { c.Aggressive = false; c.IKE, _ = ParseIKE([]string{"des-md5-modp1024"}) }, "ike", "none of the offered ciphers"},
		"ciphers of ESP":            {func(c *Config, _ *gate.Gate) { c.ESP, _ = ParseESP([]string{"aes256-sha1"}) }, "esp", "for ESP"},
		"no network":                {func(_ *Config, g *gate.Gate) { g.RefuseQuick = ike1.InvalidID }, "", "no network"},
		"another gateway":           {func(c *Config, _ *gate.Gate) { c.RemoteID = &ike.ID{Kind: ike.IDFQDN, Data: []byte("vpn.test")} }, "remote-id", "another one"},
		"no NAT traversal":          {func(_ *Config, g *gate.Gate) { g.Vendors = []*ike1.Vendor{ike1.VendorDPD} }, "gateway", "NAT traversal"},
		"another kind of login": {func(_ *Config, g *gate.Gate) {
			g.Rounds[0].Ask = []ike1.Attribute{ike1.Basic(ike1.XAuthType, 1), {Type: ike1.XAuthChallenge, Value: []byte("x")}}
		}, "", "not supported"},
		"a certificate of somebody": {func(c *Config, g *gate.Gate) {
			c.Auth, g.Key, g.Signer, g.Certificate = Hybrid{}, nil, rsaKey(), nil
		}, "", "cannot prove"},
	} {
		t.Run(name, func(t *testing.T) {
			c, g := able()
			g.Rounds = slices.Clone(g.Rounds)
			test.change(&c, g)
			f := connect(t, c, g).begin().pass(time.Minute).failure()
			if d := f.Diagnostics[0]; f.Retry != sdk.Never || d.Option != test.option || !strings.Contains(d.Error(), test.words) {
				t.Errorf("%v, try again %v, option %q", &d, f.Retry, d.Option)
			}
		})
	}
}

// The gateway's silence ends in words, after every message was sent as often as is due.
func TestNobodyThere(t *testing.T) {
	c, g := able()
	l := connect(t, c, g)
	l.lose = func() bool { return true }
	f := l.begin().pass(time.Minute).failure()
	if l.sent != defaultTries || !strings.Contains(f.Diagnostics[0].Error(), "does not answer") {
		t.Errorf("%d messages, then %+v", l.sent, f)
	}
}

// A line that loses every third datagram delays what happens, and no more.
func TestBadLine(t *testing.T) {
	for seed := range uint64(8) {
		c, g := able()
		c.Aggressive, c.Tries, c.ChildLife, c.IKELife = seed%2 == 0, 20, 5*time.Minute, 20*time.Minute
		random := rand.New(rand.NewPCG(seed, 1))
		l := connect(t, c, g)
		l.lose = func() bool { return random.IntN(3) == 0 }
		l.begin().pass(2 * time.Minute)
		if len(l.ups) != 1 {
			t.Fatalf("seed %d: %d tunnels, ended %v", seed, len(l.ups), l.ended)
		}
		l.pass(time.Hour)
		if l.ended != nil {
			t.Fatalf("seed %d: ended with %v", seed, l.ended.Err)
		}
		l.lose = nil
		l.pass(10 * time.Minute)
		l.agrees()
	}
}

// Notifications in the clear mean nothing once there are keys, and what is not authentic
// never.
func TestStrangers(t *testing.T) {
	c, g := able()
	l := connect(t, c, g).up()
	sa := l.m.sas[0]
	n := ike1.Notify{Protocol: ike1.ProtocolIKE, Kind: ike1.NoProposalChosen}.Payload()
	for _, encrypted := range []bool{false, true} {
		for _, kind := range []ike1.Exchange{ike1.Main, ike1.Aggressive, ike1.Informational, ike1.Transaction, ike1.Quick} {
			msg := ike1.Message{Header: ike1.Header{Initiator: sa.ours, Responder: sa.peer, Exchange: kind, MessageID: 77, Encrypted: encrypted},
				First: n.Type, Body: ike1.AppendPayloads(nil, []ike1.Payload{n})}
			msg.Body = append(msg.Body, make([]byte, -len(msg.Body)&15)...)
			for _, e := range l.m.Receive(l.now, msg.Append(nil)) {
				if _, isTrace := e.(Trace); !isTrace {
					t.Errorf("%v brings about %T", kind, e)
				}
			}
		}
	}
	if _, kept := sa.exchanges[77]; kept {
		t.Error("an exchange of a stranger is kept")
	}
}
