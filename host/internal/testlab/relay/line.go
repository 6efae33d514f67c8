package relay

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// farthest is how many datagrams overtake a late one at most.
const farthest = 40

// Counts are datagrams. Those that came are the sum of the first three.
type Counts struct {
	Passed  uint64 // in time, doubled ones too
	Lost    uint64
	Late    uint64
	Doubled uint64 // the second copies
}

func (c Counts) plus(d Counts) Counts {
	return Counts{c.Passed + d.Passed, c.Lost + d.Lost, c.Late + d.Late, c.Doubled + d.Doubled}
}

// line is one direction.
type line struct {
	mu     sync.Mutex // guards what follows
	faults Faults
	random *rand.Rand
	held   []held
	count  Counts
}

// held is a datagram that waits for others to overtake it.
type held struct {
	behind   int // how many still must
	datagram []byte
	out      func([]byte)
}

func newLine(f Faults, number uint64) *line {
	return &line{faults: f, random: rand.New(rand.NewPCG(f.Seed, number))}
}

func (l *line) worsen(f Faults) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = f
}

// take passes d out, or does something worse to it.
func (l *line) take(d []byte, out func([]byte)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.faults
	switch x := l.random.Float64(); {
	case x < f.Lose:
		l.count.Lost++
	case x < f.Lose+f.Late:
		l.count.Late++
		l.hold(d, out)
	case x < f.Lose+f.Late+f.Double:
		l.count.Passed++
		l.count.Doubled++
		out(d)
		l.hold(d, out)
	default:
		l.count.Passed++
		out(d)
	}
	l.overtaken()
}

// hold keeps a copy of d. The next datagram to be overtaken by is not this one.
func (l *line) hold(d []byte, out func([]byte)) {
	l.held = append(l.held, held{2 + l.random.IntN(farthest), bytes.Clone(d), out})
}

// overtaken lets those go that enough others have overtaken.
func (l *line) overtaken() {
	for i := range l.held {
		if l.held[i].behind--; l.held[i].behind == 0 {
			l.held[i].out(l.held[i].datagram)
		}
	}
	l.held = slices.DeleteFunc(l.held, func(h held) bool { return h.behind == 0 })
}

// rest lets all go.
func (l *line) rest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.held {
		h.out(h.datagram)
	}
	l.held = nil
}

// patience is until when to wait for a datagram; never is the zero time.
func (l *line) patience() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.held) == 0 {
		return time.Time{}
	}
	return time.Now().Add(idle)
}

func (l *line) counts() Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}
