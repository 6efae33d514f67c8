package machine

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"crypto/x509"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike1"
	"github.com/penstock-vpn/penstock/sdk"
)

// transcripts are conversations with strongSwan 5.9.8: lines of > and <, and datagrams;
// s is a signature of the user's key, and c at the beginning the user's certificate.
var transcripts = map[string]func(*Config){
	"main.txt":       func(c *Config) { c.Auth = SharedKey{[]byte("peerlab-psk")} },
	"aggressive.txt": func(c *Config) { c.Auth, c.Aggressive, c.Identity = SharedKey{[]byte("peerlab-psk")}, true, group() },
	"cert.txt":       func(*Config) {},
	"hybrid.txt":     func(c *Config) { c.Auth, c.Identity = Hybrid{}, group() },
}

func group() *ike.ID { return &ike.ID{Kind: ike.IDKey, Data: []byte("group")} }

func transcript(t testing.TB, name string) (lines []string) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// recorded is the machine that a transcript was made with, and the transcript. Its randomness
// makes it say the same again.
func recorded(t testing.TB, name string) (*Machine, []string) {
	t.Helper()
	lines := transcript(t, name)
	c := Config{Gateway: "vpn.test", XAuth: true, Settings: true, GatewayPFS: true, Random: rand.NewChaCha8([32]byte{1}),
		Local: netip.MustParseAddrPort("10.77.0.2:500"), Remote: netip.MustParseAddrPort("10.77.0.1:500")}
	transcripts[name](&c)
	if der, has := strings.CutPrefix(lines[0], "c "); has {
		chain := [][]byte{unhex(t, der)}
		cert, err := x509.ParseCertificate(chain[0])
		if err != nil {
			t.Fatal(err)
		}
		c.Auth, c.Identity = Certificate{chain}, &ike.ID{Kind: ike.IDDN, Data: cert.RawSubject}
		lines = lines[1:]
	}
	return New(c), lines
}

// replay plays strongSwan's side of a transcript and wants ours to be the same.
func replay(t testing.TB, m *Machine, lines []string) (up *Up, ended *Ended) {
	t.Helper()
	effects := m.Begin(start)
	for i, line := range lines {
		datagram := unhex(t, line[2:])
		switch line[0] {
		case '<':
			effects = append(effects, m.Receive(start, datagram)...)
			continue
		case 's':
			effects = append(effects, m.Signed(start, datagram, nil)...)
			continue
		}
		for {
			if len(effects) == 0 {
				t.Fatalf("line %d: nothing is sent any more", i+1)
			}
			e := effects[0]
			effects = effects[1:]
			if sent, isSend := e.(Send); isSend {
				if !bytes.Equal(sent.Datagram, datagram) {
					t.Fatalf("line %d: sent %x, want %x", i+1, sent.Datagram, datagram)
				}
				break
			}
			switch e := e.(type) {
			case Verify:
				effects = slices.Concat(m.Verified(start, nil), effects)
			case Ask:
				effects = slices.Concat(m.Answered(start, map[uint16]string{ike1.XAuthUser: "alice", ike1.XAuthPassword: "secret1"}, nil), effects)
			case Up:
				up = &e
				effects = append(effects, m.Stop(start)...)
			}
		}
	}
	for _, e := range effects {
		if e, isEnded := e.(Ended); isEnded {
			ended = &e
		}
	}
	return up, ended
}

func TestTranscripts(t *testing.T) {
	for name := range transcripts {
		t.Run(name, func(t *testing.T) {
			m, lines := recorded(t, name)
			up, ended := replay(t, m, lines)
			if up == nil || ended == nil || ended.Err != nil {
				t.Fatalf("up %v, ended %v", up, ended)
			}
			s := up.Settings
			if s.Addresses[0] != netip.MustParsePrefix("10.89.0.10/32") || s.DNS[0] != netip.MustParseAddr("10.99.0.1") || s.NBNS[0] != netip.MustParseAddr("10.99.0.9") ||
				s.Banner != "Welcome to PeerLab charon" || s.Search[0] != "vpn.test" || s.SplitDNS[0] != "corp.test" ||
				!slices.Equal(s.Routes, []netip.Prefix{netip.MustParsePrefix("10.99.0.1/32"), netip.MustParsePrefix("10.99.1.0/24")}) {
				t.Errorf("settings %+v", s)
			}
			if len(up.SAs) != 2 || len(up.SAs[0].Key) != 36 || bytes.Equal(up.SAs[0].Key, up.SAs[1].Key) {
				t.Errorf("SAs %v", up.SAs)
			}
		})
	}
}

// Nothing comes of a message behind the keys of which one bit is another; but in the padding,
// which strongSwan has a block of and no hash covers.
func TestChangedMessages(t *testing.T) {
	_, lines := recorded(t, "main.txt")
	for i, line := range lines {
		if line[0] != '<' || i < 6 {
			continue
		}
		b := unhex(t, line[2:])
		for at := ike1.HeaderSize; at < len(b)-aesBlock; at += 7 {
			m, _ := recorded(t, "main.txt")
			replay(t, m, lines[:i])
			changed := bytes.Clone(b)
			changed[at] ^= 0x10
			for _, e := range m.Receive(start, changed) {
				if _, isTrace := e.(Trace); !isTrace {
					t.Fatalf("line %d: byte %d changed brings about %T", i+1, at, e)
				}
			}
		}
	}
}

const aesBlock = 16

// stages are machines that wait for something of the gateway, and what takes it.
var stages = []func(testing.TB) (*Machine, func([]ike1.Payload) error){
	func(t testing.TB) (*Machine, func([]ike1.Payload) error) { // the choice in main mode
		m := waiting(t, "main.txt", 1)
		return m, m.sas[0].exchanges[0].take
	},
	func(t testing.TB) (*Machine, func([]ike1.Payload) error) { // its public value
		m := waiting(t, "main.txt", 3)
		return m, m.sas[0].exchanges[0].take
	},
	func(t testing.TB) (*Machine, func([]ike1.Payload) error) { // its proof
		m := waiting(t, "main.txt", 5)
		return m, m.sas[0].exchanges[0].take
	},
	func(t testing.TB) (*Machine, func([]ike1.Payload) error) { // all of that in aggressive mode
		m := waiting(t, "aggressive.txt", 1)
		return m, m.sas[0].exchanges[0].take
	},
	beyond(ike1.Transaction), beyond(ike1.Informational), beyond(ike1.Quick),
	func(t testing.TB) (*Machine, func([]ike1.Payload) error) { // settings
		m := tunnel(t)
		m.up, m.sas[0].login.set = false, false
		return m, func(p []ike1.Payload) error { return m.replied(m.sas[0], p) }
	},
	func(t testing.TB) (*Machine, func([]ike1.Payload) error) { // the choice in quick mode
		m := tunnel(t)
		m.step(start, m.renewChild)
		return m, func(p []ike1.Payload) error { return m.quickAnswered(m.quick, p) }
	},
}

// waiting is a machine after so many lines of a transcript.
func waiting(t testing.TB, name string, lines int) *Machine {
	m, all := recorded(t, name)
	replay(t, m, all[:lines])
	return m
}

// tunnel is a machine with a tunnel.
func tunnel(t testing.TB) *Machine {
	m, lines := recorded(t, "main.txt")
	for i, line := range lines {
		if line[0] == '>' && i > 0 && i == len(lines)-2 {
			break
		}
		if line[0] == '<' {
			for _, e := range m.Receive(start, unhex(t, line[2:])) {
				if _, asks := e.(Ask); asks {
					m.Answered(start, map[uint16]string{ike1.XAuthUser: "alice", ike1.XAuthPassword: "secret1"}, nil)
				}
			}
		} else if i == 0 {
			m.Begin(start)
		}
	}
	if !m.up {
		t.Fatal("there is no tunnel")
	}
	return m
}

// beyond is what the gateway begins when there is a tunnel.
func beyond(kind ike1.Exchange) func(testing.TB) (*Machine, func([]ike1.Payload) error) {
	return func(t testing.TB) (*Machine, func([]ike1.Payload) error) {
		m := tunnel(t)
		x := m.sas[0].newExchange(kind, 4711)
		return m, m.incoming(m.sas[0], x)
	}
}

// seeds is what strongSwan said, behind the keys too.
func seeds(f *testing.F) (all [][]byte) {
	for name := range transcripts {
		m, lines := recorded(f, name)
		add := func(p []ike1.Payload) {
			all = append(all, append([]byte{byte(ike1.First(p))}, ike1.AppendPayloads(nil, p)...))
		}
		m.Begin(start)
		for i, line := range lines {
			if line[0] == 's' {
				m.Signed(start, unhex(f, line[2:]), nil)
			}
			if line[0] != '<' || i > len(lines)-2 {
				continue
			}
			msg, err := ike1.Parse(unhex(f, line[2:]))
			if err != nil {
				f.Fatal(err)
			}
			if p, _, err := ike1.ParsePayloads(msg.First, msg.Body); err == nil && !msg.Encrypted {
				add(p)
			} else if sa := m.sas[0]; msg.Encrypted {
				x := sa.exchanges[msg.MessageID]
				if x == nil {
					x = sa.newExchange(msg.Exchange, msg.MessageID)
				}
				if plain, _, err := sa.keys.Open(x.iv, msg.Body); err == nil {
					if p, _, err := ike1.ParsePayloads(msg.First, plain); err == nil {
						add(p)
					}
				}
			}
			effects := m.Receive(start, unhex(f, line[2:]))
			for len(effects) > 0 {
				e := effects[0]
				effects = effects[1:]
				switch e.(type) {
				case Verify:
					effects = append(effects, m.Verified(start, nil)...)
				case Ask:
					effects = append(effects, m.Answered(start, map[uint16]string{ike1.XAuthUser: "alice", ike1.XAuthPassword: "secret1"}, nil)...)
				}
			}
		}
	}
	return all
}

// A gateway that has keys may still say anything, at any stage. Whatever is brought up then
// has addresses and keys.
func FuzzStages(f *testing.F) {
	for _, b := range seeds(f) {
		for stage := range stages {
			f.Add(uint8(stage), b)
		}
	}
	f.Fuzz(func(t *testing.T, stage uint8, b []byte) {
		if len(b) < 1 {
			return
		}
		payloads, _, err := ike1.ParsePayloads(ike1.PayloadType(b[0]), bytes.Clone(b[1:]))
		if err != nil {
			return
		}
		m, take := stages[int(stage)%len(stages)](t)
		for _, e := range m.step(start, func() error { return take(payloads) }) {
			switch e := e.(type) {
			case Up:
				if len(e.Settings.Addresses) == 0 || len(e.SAs) != 2 {
					t.Fatalf("up with %+v", e)
				}
			case Install:
				for _, sa := range e.SAs {
					if sa.SPI < leastSPI || len(sa.Key) == 0 && sa.Direction == sdk.Outbound {
						t.Fatalf("installed %v", sa)
					}
				}
			}
		}
	})
}

// Datagrams of strangers, in the place of the gateway's first.
func FuzzReceive(f *testing.F) {
	for name := range transcripts {
		for _, line := range transcript(f, name) {
			if line[0] == '<' {
				f.Add(unhex(f, line[2:]))
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, name := range []string{"main.txt", "aggressive.txt"} {
			m, _ := recorded(t, name)
			m.Begin(start)
			for _, e := range m.Receive(start, bytes.Clone(b)) {
				if _, isUp := e.(Up); isUp {
					t.Fatal("a tunnel out of one datagram")
				}
			}
		}
	})
}
