package dataplane

import (
	"fmt"

	"github.com/penstock-vpn/penstock/host/internal/mtu"
)

// reroute makes the best path the active one and gives the device its MTU. The
// caller holds mu, and emits what is returned after letting go of it.
func (p *Plane) reroute() []Event {
	best := p.best()
	if p.out.Swap(best) != best {
		p.changed.Broadcast()
	}
	if best == nil || p.closed {
		return nil
	}
	if err := p.applyMTU(best); err != nil {
		return []Event{{Kind: MTU, Path: best.id, MTU: p.MTU(), Reason: err.Error()}}
	}
	return nil
}

// best is the living path with the highest preference; of equals, the youngest.
func (p *Plane) best() (best *path) {
	for _, x := range p.paths {
		switch {
		case !x.up || x.barred.Load():
		case best == nil || x.preference > best.preference,
			x.preference == best.preference && x.order > best.order:
			best = x
		}
	}
	return best
}

// applyMTU sets the device's MTU to what x carries and what is allowed, when it
// is not that already. x may be nil. The caller holds mu.
func (p *Plane) applyMTU(x *path) error {
	want := p.limit
	if x != nil && x.inner > 0 && x.inner < want {
		want = max(x.inner, p.least)
	}
	whole := want
	if x != nil && x.whole > 0 {
		whole = min(whole, x.whole)
	}
	p.whole.Store(int64(whole))
	if int64(want) == p.mtu.Load() {
		return nil
	}
	if err := p.dev.SetMTU(int(want)); err != nil {
		return err
	}
	p.mtu.Store(int64(want))
	return nil
}

// route waits for an active path; it is nil when the plane closes. last is the one
// that has just refused: it may look active until whoever bars it lets go of mu.
func (p *Plane) route(last *path) *path {
	if x := p.out.Load(); x != nil && x != last {
		return x
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.out.Load() == nil && !p.closed {
		p.changed.Wait()
	}
	return p.out.Load()
}

// Active returns the path that packets leave on.
func (p *Plane) Active() (id uint32, kind string, ok bool) {
	if x := p.out.Load(); x != nil {
		return x.id, x.kind, true
	}
	return 0, "", false
}

// MTU is the device's MTU, in bytes.
func (p *Plane) MTU() int { return int(p.mtu.Load()) }

// SetMTU says what the gateway and the user allow inside, in bytes. The device
// gets it at once, or less while the active path carries less.
func (p *Plane) SetMTU(inner int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if inner < int(p.least) || inner > int(mtu.Max) {
		return fmt.Errorf("dataplane: MTU %d, must be %d to %d", inner, p.least, mtu.Max)
	}
	p.limit = mtu.Inner(inner)
	return p.applyMTU(p.out.Load())
}

// KeepMTU gives the device its MTU again, after somebody else may have.
func (p *Plane) KeepMTU() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dev.SetMTU(p.MTU())
}

// tooBig learns that the wire did not take a packet of this size, and returns what
// it takes. The kernel may have told it the path MTU; if not, the next plateau is
// tried. Packets that were under way when the MTU fell teach nothing.
func (x *path) tooBig(size mtu.Inner) mtu.Inner {
	p := x.plane
	p.mu.Lock()
	if x.ended || x.inner > 0 && size > x.inner {
		defer p.mu.Unlock()
		if !x.ended && p.out.Load() == x {
			_ = p.dev.SetMTU(p.MTU()) // somebody else has set it, perhaps
		}
		return x.inner
	}
	refused := size.Wire(x.overhead)
	path := x.knownMTU()
	if path <= 0 || path >= refused {
		path = mtu.Lower(refused)
	}
	x.inner = path.Inner(x.overhead)
	carries, least := x.inner, p.least
	cut := carries < least && x.cut(carries)
	var events []Event
	switch {
	case cut:
		events = append(p.reroute(), x.cutNews())
	case carries >= least:
		events = append(p.reroute(), Event{Kind: MTU, Path: x.id, MTU: int(min(carries, p.limit))})
	}
	p.mu.Unlock()
	p.events.emit(events...)
	if carries < least && !cut {
		if w, ok := x.under().(parting); ok {
			w.Part()
		}
		p.end(x, tooNarrow(carries, least))
	}
	return carries
}

// knownMTU is what the wire knows of the path MTU, 0 when nothing.
func (x *path) knownMTU() mtu.Wire {
	if k, ok := x.under().(pathMTU); ok {
		return mtu.Wire(k.PathMTU())
	}
	return 0
}

func tooNarrow(carries, least mtu.Inner) string {
	return fmt.Sprintf("the network carries packets of %d bytes inside the tunnel, %d are needed", carries, least)
}
