package machine

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike/keys"
	"github.com/penstock-vpn/penstock/sdk"
)

// end is one of two machines that are up with one another, and what its datapath does.
type end struct {
	*Machine
	peer    *end
	inbound map[uint32]sdk.SA
	sends   sdk.SA
	ended   *Ended
	changes int
}

// line is what lies between two ends: datagrams under way, by the time they arrive.
type line struct {
	t      *testing.T
	random *rand.Rand
	bad    bool // loses, doubles and reorders
	moved  bool // one end is at a new address: what is under way to the old one is lost
	now    time.Time
	ends   [2]*end
	flying []flight
	sent   map[ike.Exchange]int // datagrams
}

type flight struct {
	at       time.Time
	to       *end
	datagram []byte
}

// newLine makes two ends by the keys of one secret; more are of their IKE SA.
func newLine(t *testing.T, seed uint64, change func(*Config), more ...ike.Transform) *line {
	t.Helper()
	l := &line{t: t, random: rand.New(rand.NewPCG(seed, 0)), now: start, sent: map[ike.Exchange]int{}}
	suite, err := keys.ChosenSuite(ike.Proposal{Transforms: append([]ike.Transform{gcm, prf256, x25519}, more...)})
	if err != nil {
		t.Fatal(err)
	}
	schedule := suite.NewSchedule([]byte("secret"), []byte("ni"), []byte("nr"), ike.SPI{1}, ike.SPI{2})
	for i := range l.ends {
		c := Config{Random: rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(i)}), Tries: 12}
		if change != nil {
			change(&c)
		}
		m := New(c)
		sa := &ikeSA{initiator: i == 0, ours: ike.SPI{byte(i + 1)}, peer: ike.SPI{byte(2 - i)}, suite: suite, schedule: schedule}
		if sa.protection, err = suite.Protect(schedule, i == 0, m.c.Random); err != nil {
			t.Fatal(err)
		}
		choice := ike.Proposal{SPI: spiBytes(uint32(0x1002 - i)), Transforms: []ike.Transform{{Type: ike.Encryption, ID: 20, KeyBits: 128}}}
		kid, err := m.makeChild(choice, uint32(0x1001+i), childKeys{sa, nil, nil, []byte("ni"), []byte("nr"), i == 0})
		if err != nil {
			t.Fatal(err)
		}
		kid.tsi, kid.tsr, kid.sending = ike.Everything(), ike.Everything(), true
		m.sas, m.kids, m.up, m.heard, m.mobike = []*ikeSA{sa}, []*child{kid}, true, start, true
		l.ends[i] = &end{Machine: m, inbound: map[uint32]sdk.SA{kid.in: kid.inbound}, sends: kid.outbound}
	}
	l.ends[0].peer, l.ends[1].peer = l.ends[1], l.ends[0]
	for _, e := range l.ends {
		l.do(e, e.step(l.now, e.live))
	}
	return l
}

// do carries out effects, and then looks at the datapaths.
func (l *line) do(from *end, effects []Effect) {
	for _, e := range effects {
		switch e := e.(type) {
		case Send:
			l.send(from.peer, e.Datagram)
		case Install:
			for _, sa := range e.SAs {
				from.install(sa)
			}
		case Moved:
			from.inbound = map[uint32]sdk.SA{}
			for _, sa := range e.SAs {
				from.install(sa)
			}
		case Remove:
			delete(from.inbound, e.SPI)
		case Ended:
			from.ended = &e
		}
	}
	if !l.moved && !l.ends[0].Machine.ended && !l.ends[1].Machine.ended {
		l.check()
	}
}

func (e *end) install(sa sdk.SA) {
	if sa.Direction == sdk.Outbound {
		e.sends = sa
		e.changes++
	} else {
		e.inbound[sa.SPI] = sa
	}
}

// check wants each end to be able to read what the other sends, at every moment.
func (l *line) check() {
	l.t.Helper()
	for i, e := range l.ends {
		in, known := e.peer.inbound[e.sends.SPI]
		if !known || !bytes.Equal(in.Key, e.sends.Key) || in.Suite != e.sends.Suite {
			l.t.Fatalf("at %s end %d sends with %v, the other receives with %v", l.now.Sub(start), i, e.sends, e.peer.inbound)
		}
	}
}

func (l *line) send(to *end, datagram []byte) {
	l.sent[ike.Exchange(datagram[18])]++
	copies := 1
	if l.bad {
		copies = []int{0, 1, 1, 1, 2}[l.random.IntN(5)]
	}
	for range copies {
		delay := 20 * time.Millisecond
		if l.bad {
			delay = time.Duration(l.random.IntN(300)) * time.Millisecond
		}
		l.flying = append(l.flying, flight{l.now.Add(delay), to, datagram})
	}
}

// run lets time pass.
func (l *line) run(d time.Duration) {
	l.t.Helper()
	for until := l.now.Add(d); ; {
		next := until
		for _, e := range l.ends {
			if d := e.Deadline(); !d.IsZero() && d.Before(next) {
				next = d
			}
		}
		slices.SortStableFunc(l.flying, func(a, b flight) int { return a.at.Compare(b.at) })
		if len(l.flying) > 0 && !l.flying[0].at.After(next) {
			f := l.flying[0]
			l.flying = l.flying[1:]
			l.now = f.at
			l.do(f.to, f.to.Receive(l.now, f.datagram))
			continue
		}
		l.now = next
		if !next.Before(until) {
			return
		}
		for _, e := range l.ends {
			if d := e.Deadline(); !d.IsZero() && !d.After(l.now) {
				l.do(e, e.Tick(l.now))
			}
		}
	}
}

// calm wants everything to have come to rest: one IKE SA and one child, the same on both
// sides, and no inbound SA left over.
func (l *line) calm() {
	l.t.Helper()
	l.bad = false
	l.run(time.Hour)
	a, b := l.ends[0], l.ends[1]
	for i, e := range l.ends {
		if e.ended != nil {
			l.t.Fatalf("end %d ended: %v", i, e.ended.Err)
		}
		if len(e.sas) != 1 || len(e.kids) != 1 || len(e.inbound) != 1 || e.renewing != nil {
			l.t.Fatalf("end %d is left with %d IKE SAs, %d children, %d inbound SAs, renewing %v", i, len(e.sas), len(e.kids), len(e.inbound), e.renewing)
		}
	}
	if a.sa().ours != b.sa().peer || a.sa().peer != b.sa().ours || a.child().in != b.child().out || a.child().out != b.child().in {
		l.t.Fatal("the ends do not have the same SAs")
	}
}

// Whatever both sides begin at the same time, on a line that loses, doubles and
// reorders: the datapath never has a gap, and in the end there is one of each.
func TestRenewals(t *testing.T) {
	child := func(m *Machine) error { return m.renewChild(m.child()) }
	ikeSA := (*Machine).renewIKE
	for name, begin := range map[string][2][]func(*Machine) error{
		"a child":                {{child}, nil},
		"an IKE SA":              {{ikeSA}, nil},
		"the responder's child":  {nil, {child}},
		"the responder's IKE SA": {nil, {ikeSA}},
		"a child by both":        {{child}, {child}},
		"an IKE SA by both":      {{ikeSA}, {ikeSA}},
		"a child, and an IKE SA": {{child}, {ikeSA}},
		"all by both":            {{child, ikeSA}, {ikeSA, child}},
	} {
		for kind, more := range map[string][]ike.Transform{"": nil, ", by two key exchanges": {mlkem}, ", by three": {mlkem, ecp384}} {
			renewals(t, name+kind, begin, more)
		}
	}
}

func renewals(t *testing.T, name string, begin [2][]func(*Machine) error, more []ike.Transform) {
	t.Run(name, func(t *testing.T) {
		for seed := range uint64(25) {
			l := newLine(t, seed, func(c *Config) {
				if len(more) > 1 {
					c.IKE, _ = ParseIKE([]string{"aes256gcm16-prfsha256-curve25519-ke1_mlkem768-ke2_ecp384"})
				}
			}, more...)
			l.bad = seed > 0
			for i, all := range begin {
				for _, f := range all {
					l.do(l.ends[i], l.ends[i].step(l.now, func() error { return f(l.ends[i].Machine) }))
				}
			}
			l.run(time.Minute)
			func() {
				defer func() {
					if t.Failed() {
						t.Logf("seed %d", seed)
					}
				}()
				l.calm()
			}()
			if l.ends[0].changes == 0 && strings.HasPrefix(name, "a child") {
				t.Error("no new child")
			}
			if n := l.sent[ike.FollowupKE]; seed == 0 && (n < 2*len(more) || len(more) == 0 && n > 0) || len(l.ends[0].sa().suite.Additional) != len(more) {
				t.Errorf("%d messages of further key exchanges; the IKE SA has %v", n, l.ends[0].sa().suite)
			}
		}
	})
}

// Lifetimes on both sides, for hours.
func TestLifetimes(t *testing.T) {
	l := newLine(t, 7, func(c *Config) {
		c.ChildLife, c.IKELife, c.DPD, c.ESP = 10*time.Minute, 35*time.Minute, time.Minute, nil
	})
	first := l.ends[0].sa().ours
	l.run(3 * time.Hour)
	if a, b := l.ends[0], l.ends[1]; a.ended != nil || b.ended != nil || a.changes < 15 || a.sa().ours == first {
		t.Errorf("ended %v and %v, %d children", a.ended, b.ended, a.changes)
	}
}

func TestDeadPeer(t *testing.T) {
	l := newLine(t, 1, func(c *Config) { c.DPD, c.Tries = 10*time.Second, 5 })
	l.ends[1].Machine.ended = true // hears nothing any more
	l.run(2 * time.Minute)
	if e := l.ends[0].ended; e == nil || fmt.Sprint(e.Err) == "" {
		t.Error("nobody noticed")
	}
}

func TestMove(t *testing.T) {
	for seed := range uint64(30) {
		l := newLine(t, seed, nil)
		l.bad, l.moved = seed > 0, true
		a := l.ends[0]
		l.do(a, a.Move(l.now, netip.AddrPort{}, netip.AddrPort{}))
		l.run(time.Minute)
		l.calm()
		if a.changes == 0 || a.moving {
			t.Fatal("no new child at the new address")
		}
	}
}

func TestStop(t *testing.T) {
	l := newLine(t, 1, nil)
	l.do(l.ends[0], l.ends[0].Stop(l.now))
	l.run(time.Second)
	if a, b := l.ends[0].ended, l.ends[1].ended; a == nil || a.Err != nil || b == nil || b.Err == nil {
		t.Errorf("ended with %v and %v", a, b)
	}
}
