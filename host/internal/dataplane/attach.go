package dataplane

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/frame"
	"github.com/penstock-vpn/penstock/host/internal/mtu"
	"github.com/penstock-vpn/penstock/host/internal/packet"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

const (
	maxPaths  = 16 // at a time: a plugin that attaches more has lost count
	queueSize = 256

	// flushTime bounds how long Remove and Close wait for the gateway to read what
	// was sent before.
	flushTime = 2 * time.Second
)

// Installed is a path that carries packets, or can.
type Installed struct {
	ID         uint32
	Kind       string
	Preference int
}

// AddStream makes w a path, which is up at once. id is not 0 and not in use;
// replaces is 0 or a path that stops sending now and ends when it falls silent
// (one that has ended meanwhile is none). kind is "tls" or "tcp"; overhead counts
// the bytes around a frame: IP, TCP and record. After an error w is still the
// caller's, and the error is a diag.Invalid.
func (p *Plane) AddStream(id uint32, w Stream, spec framing.Spec, preference int, replaces uint32, kind string, overhead int) error {
	x, err := p.newPath(id, streamWire{w}, spec, preference, kind, overhead)
	if err != nil {
		return err
	}
	cutter, err := frame.NewCutter(x.codec)
	if err != nil {
		return diag.New(diag.Invalid, err.Error(), "")
	}
	x.up, x.proved = true, true
	return p.attach(x, replaces, func() string { return x.readStream(w, cutter) })
}

// AddDatagram is AddStream for a wire of datagrams. kind is "dtls", whose
// handshake has proved the path, or "udp", which is up after the first frame; so is
// any with a probe.
func (p *Plane) AddDatagram(id uint32, w Datagram, spec framing.Spec, preference int, replaces uint32, kind string, overhead int) error {
	x, err := p.newPath(id, datagramWire{w}, spec, preference, kind, overhead)
	if err != nil {
		return err
	}
	x.marker, _ = w.(marker)
	x.marking = packet.Marking{PassDSCP: p.passDSCP} // nobody knows what the peer does with ECN
	x.proved = kind != "udp" && len(spec.Rules.Probe.Packet) == 0
	x.up = x.proved
	return p.attach(x, replaces, func() string { return x.readDatagrams(w) })
}

func (p *Plane) newPath(id uint32, w wire, spec framing.Spec, preference int, kind string, overhead int) (*path, error) {
	codec, err := frame.New(spec)
	if err == nil {
		err = checkRules(spec.Rules)
	}
	if err != nil {
		return nil, diag.New(diag.Invalid, err.Error(), "")
	}
	x := &path{
		plane: p, id: id, kind: kind, preference: preference,
		codec: codec, rules: spec.Rules, overhead: overhead + codec.HeaderLen(), wire: w,
		writer: newTurn(), queue: make(chan controlFrame, queueSize),
		drained: make(chan struct{}), drain: make(chan struct{}), stop: make(chan struct{}),
	}
	if len(spec.Rules.Probe.Answer) > 0 {
		x.rules.Ignore = append(slices.Clone(x.rules.Ignore), frame.AnswerType)
	}
	x.keeper = keeper{path: x, live: liveness{rules: spec.Rules}}
	x.rx.Store(int64(p.now()))
	x.tx.Store(int64(p.now()))
	if known := x.knownMTU(); known > 0 {
		x.inner = known.Inner(x.overhead)
	}
	return x, nil
}

// attach enters x and starts its goroutines; read returns why it ended.
func (p *Plane) attach(x *path, replaces uint32, read func() string) error {
	p.mu.Lock()
	if err := p.admit(x); err != nil {
		p.mu.Unlock()
		return err
	}
	var cut []Event
	if x.whole > 0 {
		cut = append(cut, x.cutNews())
	}
	p.order++
	x.order = p.order
	p.paths[x.id] = x
	old := p.paths[replaces]
	if old != nil {
		old.replaced = true
		old.barred.Store(true)
	}
	up := x.up
	if !up { // it must prove itself: ask at once
		x.rx.Store(int64(p.now() - x.rules.Dpd.After))
	}
	events := append(cut, p.reroute()...)
	p.loops.Go(x.controlLoop)
	p.loops.Go(func() {
		if up {
			p.events.emit(Event{Path: x.id, Kind: Up})
		}
		x.finish(read())
	})
	p.mu.Unlock()
	x.keeper.start()
	if old != nil {
		old.keeper.retire(p.now())
	}
	p.events.emit(events...)
	return nil
}

// admit says whether x may become a path. The caller holds mu.
func (p *Plane) admit(x *path) error {
	_, taken := p.paths[x.id]
	switch {
	case p.closed:
		return diag.New(diag.Invalid, "the data plane is closed", "")
	case x.id == 0:
		return diag.New(diag.Invalid, "a path cannot have the number 0", "")
	case taken:
		return diag.Newf(diag.Invalid, "path %d is attached already", x.id)
	case len(p.paths) >= maxPaths:
		return diag.Newf(diag.Invalid, "%d paths are attached, more are not allowed", maxPaths)
	}
	if _, stream := x.wire.(streamWire); !stream && x.inner != 0 && x.inner < p.least && !x.cut(x.inner) {
		return diag.New(diag.Invalid, tooNarrow(x.inner, p.least), "Use a stream over this network.")
	}
	return nil
}

// Remove ends a path without an event. What was sent before is flushed, for as
// long as the gateway reads, but not longer than flushTime.
func (p *Plane) Remove(id uint32) error {
	p.mu.Lock()
	x := p.paths[id]
	if x == nil || x.leaving {
		p.mu.Unlock()
		return fmt.Errorf("dataplane: there is no path %d", id)
	}
	x.leave()
	events := p.reroute()
	p.mu.Unlock()
	p.events.emit(events...)
	p.drain(x)
	return nil
}

// leave has the control goroutine write what is queued, and end. The caller holds
// plane.mu, and makes x leave once.
func (x *path) leave() {
	x.leaving = true
	x.barred.Store(true)
	close(x.drain)
}

// drain ends paths that leave, flushed or late.
func (p *Plane) drain(paths ...*path) {
	timer := time.NewTimer(flushTime)
	defer timer.Stop()
	for _, x := range paths {
		select {
		case <-x.drained:
		case <-timer.C:
			timer.Reset(0) // late for the others too
		}
		p.end(x, "removed")
	}
}

// end closes x at once, for the reason that comes first.
func (p *Plane) end(x *path, reason string) {
	p.mu.Lock()
	if x.ended {
		p.mu.Unlock()
		return
	}
	x.ended, x.reason = true, reason
	x.barred.Store(true)
	delete(p.paths, x.id)
	events := p.reroute()
	p.mu.Unlock()
	close(x.stop)
	x.keeper.stop()
	_ = x.wire.Close() // it ends what blocks; there is nobody to tell more
	p.events.emit(events...)
}

// finish is the last act of x, when its inbound goroutine has nothing to read.
func (x *path) finish(reason string) {
	p := x.plane
	p.end(x, reason)
	p.mu.Lock()
	e, tell := Event{Path: x.id, Kind: Dead, Reason: x.reason, Replaced: x.replaced, Breach: x.breach}, !x.leaving
	p.mu.Unlock()
	if tell {
		p.events.emit(e)
	}
}

// markUp makes x a candidate: its first frame has come.
func (p *Plane) markUp(x *path) {
	p.mu.Lock()
	x.up = true
	events := append([]Event{{Path: x.id, Kind: Up}}, p.reroute()...)
	p.mu.Unlock()
	p.events.emit(events...)
}

// Installed returns the paths that carry packets or can, sorted by number.
func (p *Plane) Installed() []Installed {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []Installed
	for _, x := range p.paths {
		if !x.barred.Load() {
			all = append(all, Installed{x.id, x.kind, x.preference})
		}
	}
	slices.SortFunc(all, func(a, b Installed) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// SetMinMTU says what every path must carry, in bytes: 1280 with IPv6 inside.
func (p *Plane) SetMinMTU(inner int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.least = max(mtu.Inner(inner), mtu.MinIPv4)
}
