package esp

import "math"

// Limit is a pair of limits: at Soft a new SA is to be negotiated, at Hard this one
// is over. 0 is none.
type Limit struct{ Soft, Hard uint64 }

// Limits end an SA by use. Time is key management's. Bytes are of payload. The
// sequence numbers limit the packets too, always.
type Limits struct{ Bytes, Packets Limit }

// Age is how far the life of an SA has come.
type Age uint8

// The ages of an SA.
const (
	Young Age = iota
	Soft      // to be replaced
	Hard      // over: it seals and opens nothing any more
)

// String is the age in words.
func (a Age) String() string { return [...]string{"young", "soft limit", "hard limit"}[a] }

// life counts what an SA carried.
type life struct {
	limits         Limits
	bytes, packets uint64
	told           Age // by news
}

// life begins an SA's, which ends with its sequence numbers at the latest: the
// first is 1. Unless told otherwise it is to be replaced at seven eighths.
func (sa SA) life() life {
	last := uint64(math.MaxUint32)
	if sa.ESN {
		last = math.MaxUint64
	}
	limits := sa.Limits
	p := &limits.Packets
	if p.Hard == 0 || p.Hard > last {
		p.Hard = last
	}
	if p.Soft == 0 {
		p.Soft = p.Hard - p.Hard/8
	}
	return life{limits: limits, packets: uint64(max(sa.First, 1) - 1)}
}

func (l *life) over() bool {
	return l.packets >= l.limits.Packets.Hard || reached(l.bytes, l.limits.Bytes.Hard)
}

func (l *life) spend(size int) {
	l.packets++
	l.bytes += uint64(size)
}

func (l *life) age() Age {
	switch {
	case l.over():
		return Hard
	case l.packets >= l.limits.Packets.Soft || reached(l.bytes, l.limits.Bytes.Soft):
		return Soft
	}
	return Young
}

// news is the age when it has changed since news said so.
func (l *life) news() (Age, bool) {
	age := l.age()
	changed := age != l.told
	l.told = age
	return age, changed
}

func reached(count, limit uint64) bool { return limit != 0 && count >= limit }
