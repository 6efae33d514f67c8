package ppp

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/eap"
)

// line joins two machines, with a clock of its own.
type line struct {
	t      *testing.T
	now    time.Time
	random *rand.Rand
	ends   [2]*Machine
	seen   [2][]Effect
	flight []flight

	loss, twice float64       // of frames
	jitter      time.Duration // reorders them
	answer      func(Effect) []Effect
	router      router
}

// flight is a frame on its way.
type flight struct {
	at    time.Time
	to    int
	frame Send
}

const (
	theClient = 0
	theServer = 1
)

// noise is a source of randomness that a test can repeat.
type noise struct{ *rand.Rand }

func (n noise) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(n.Uint32())
	}
	return len(b), nil
}

func seeded(seed uint64) noise { return noise{rand.New(rand.NewPCG(seed, 7))} }

func newLine(t *testing.T, seed uint64, c Config, g *gate) *line {
	c.Random = seeded(seed)
	l := &line{t: t, now: time.Unix(1_000_000, 0), random: seeded(seed + 1).Rand}
	l.ends = [2]*Machine{New(c), newServer(g, Config{Random: seeded(seed + 2)})}
	return l
}

func (l *line) begin() *line {
	for i, m := range l.ends {
		l.took(i, m.Begin(l.now))
	}
	return l
}

// took puts what a machine sends on the line.
func (l *line) took(end int, effects []Effect) {
	l.seen[end] = append(l.seen[end], effects...)
	for _, e := range effects {
		if s, isFrame := e.(Send); isFrame {
			for range l.copies() {
				delay := 10 * time.Millisecond
				if l.jitter > 0 {
					delay += time.Duration(l.random.Int64N(int64(l.jitter)))
				}
				if to := (flight{l.now.Add(delay), 1 - end, s}); s.Protocol != protocolIPv6 {
					l.flight = append(l.flight, to)
				} else if l.router != nil {
					l.flight = append(l.flight, flight{to.at.Add(delay), end, Send{protocolIPv6, l.router()}})
				}
			}
		}
		if end == theClient && l.answer != nil {
			l.took(end, l.answer(e))
		}
	}
}

func (l *line) copies() int {
	switch {
	case l.random.Float64() < l.loss:
		return 0
	case l.random.Float64() < l.twice:
		return 2
	}
	return 1
}

// run lets time pass until until says so, or for that long.
func (l *line) run(limit time.Duration, until func() bool) bool {
	end := l.now.Add(limit)
	for !until() {
		next, arrives := time.Time{}, -1
		for i, f := range l.flight {
			if next.IsZero() || f.at.Before(next) {
				next, arrives = f.at, i
			}
		}
		for _, m := range l.ends {
			if d := m.Deadline(); !d.IsZero() && (next.IsZero() || d.Before(next)) {
				next, arrives = d, -1
			}
		}
		if next.IsZero() || next.After(end) {
			return until()
		}
		l.now = later(l.now, next)
		if arrives >= 0 {
			f := l.flight[arrives]
			l.flight = slices.Delete(l.flight, arrives, arrives+1)
			l.took(f.to, l.ends[f.to].Frame(l.now, f.frame.Protocol, f.frame.Payload))
			continue
		}
		for i, m := range l.ends {
			l.took(i, m.Tick(l.now))
		}
	}
	return true
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// of returns the effects of a kind that an end had.
func of[T Effect](l *line, end int) (all []T) {
	for _, e := range l.seen[end] {
		if t, isOne := e.(T); isOne {
			all = append(all, t)
		}
	}
	return all
}

// up says whether packets may flow at both ends.
func (l *line) up() bool {
	for _, m := range l.ends {
		if !m.let || m.nets[0].state != opened {
			return false
		}
	}
	return len(of[Up](l, theClient)) > 0
}

func (l *line) mustBeUp() Network {
	l.t.Helper()
	if !l.run(2*time.Minute, l.up) {
		l.t.Fatalf("no network; the client ended with %+v", of[Ended](l, theClient))
	}
	all := of[Up](l, theClient)
	return all[len(all)-1].Network
}

// why is how the client ended, which it must.
func (l *line) why() error {
	l.t.Helper()
	if !l.run(5*time.Minute, func() bool { return l.ends[theClient].ended }) {
		l.t.Fatal("the client goes on")
	}
	all := of[Ended](l, theClient)
	return all[len(all)-1].Err
}

// config is the client's.
func config(methods ...Method) Config {
	return Config{
		Username: testUser, Password: testPassword, Methods: methods, Allow: map[Method]string{PAP: "auth-methods", CHAPMD5: "auth-methods", mschapv1: ""},
		EAP: func() *eap.Peer { return eap.NewPeer(testUser, eap.MD5(testUser, testPassword)) },
	}
}

var everything = []Method{MSCHAPv2, EAP, CHAPMD5, PAP}

// states are those of an end's automatons.
func (l *line) states(end int) (all []state) {
	for _, a := range l.ends[end].automatons() {
		all = append(all, a.state)
	}
	return all
}
