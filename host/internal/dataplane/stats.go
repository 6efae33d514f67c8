package dataplane

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"
)

// Counts are packets inside the tunnel and their bytes.
type Counts struct {
	RxBytes, TxBytes, RxPackets, TxPackets uint64
	// RxDropped are packets from the gateway that were no IP packets, frames that
	// were not of the protocol, packets that met congestion and do not understand its
	// mark, and those that the device did not take; TxDropped those that did not fit the
	// path, or were lost with it.
	RxDropped, TxDropped uint64
}

// Stats is a moment of the plane.
type Stats struct {
	Counts
	MTU            int    // of the device, bytes
	ControlDropped uint64 // control frames that nobody took, or that had no room to leave
	Paths          []PathStats
}

// PathStats is a moment of one path.
type PathStats struct {
	Counts
	ID         uint32
	Kind       string
	Preference int
	Active     bool          // packets leave on it
	Replaced   bool          // it only receives, until it falls silent
	Silent     time.Duration // since the last frame from the gateway
}

// counters are added to once a batch.
type counters struct {
	rxBytes, txBytes, rxPackets, txPackets, rxDropped, txDropped atomic.Uint64
}

func (c *counters) counts() Counts {
	return Counts{
		RxBytes: c.rxBytes.Load(), TxBytes: c.txBytes.Load(),
		RxPackets: c.rxPackets.Load(), TxPackets: c.txPackets.Load(),
		RxDropped: c.rxDropped.Load(), TxDropped: c.txDropped.Load(),
	}
}

func (x *path) countRx(packets, bytes, dropped int) {
	for _, c := range [...]*counters{&x.count, &x.plane.total} {
		c.rxPackets.Add(uint64(packets))
		c.rxBytes.Add(uint64(bytes))
		c.rxDropped.Add(uint64(dropped))
	}
}

func (x *path) countTx(packets, bytes, dropped int) {
	for _, c := range [...]*counters{&x.count, &x.plane.total} {
		c.txPackets.Add(uint64(packets))
		c.txBytes.Add(uint64(bytes))
		c.txDropped.Add(uint64(dropped))
	}
}

// Stats returns the counts since New, of paths that have ended too, and the paths
// that there are, sorted by number.
func (p *Plane) Stats() Stats {
	s := Stats{Counts: p.total.counts(), MTU: p.MTU(), ControlDropped: p.events.dropped.Load()}
	active, now := p.out.Load(), p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, x := range p.paths {
		s.Paths = append(s.Paths, PathStats{
			Counts: x.count.counts(), ID: x.id, Kind: x.kind, Preference: x.preference,
			Active: x == active, Replaced: x.replaced, Silent: now - x.received(),
		})
	}
	slices.SortFunc(s.Paths, func(a, b PathStats) int { return cmp.Compare(a.ID, b.ID) })
	return s
}
