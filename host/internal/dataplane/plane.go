// Package dataplane moves packets between the TUN device and the paths to the
// gateway, and runs the rules of each path: keepalive, replies, dead peer detection.
//
//	          outbound goroutine                    wire
//	TUN ──Read──▶ vector ──▶ active path ──Seal──▶ Send ───▶ gateway
//	 ▲                        ▲ atomic pointer      ▲
//	 │                        │                     │ control goroutine ◀─ queue
//	 └──Write── vector ◀── inbound goroutine ◀── Recv          ▲ replies, rules,
//	                        one a path      └──────────────────┘ the plugin's frames
//
// The active path is the living one with the highest preference. A packet is
// never queued between goroutines: a path that cannot send stops the reading of
// the TUN device. What happens to a path comes out of Events.
package dataplane

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/alarm"
	"github.com/penstock-vpn/penstock/host/internal/mtu"
	"github.com/penstock-vpn/penstock/host/internal/tun"
)

// Options of New.
type Options struct {
	// MTU is the device's MTU now, and the most that SetMTU has not changed, in bytes.
	MTU int
	// MinMTU is what every path must carry: 1280 with IPv6 inside. 0 stands for 576.
	MinMTU int
	// PassDSCP has outer headers of datagrams show the DSCP of the packets inside.
	PassDSCP bool
	// After makes the timers of the paths' rules; nil stands for time.AfterFunc, which
	// wakes an idle program more often than alarm.AfterFunc.
	After func(d time.Duration, f func()) alarm.Timer
}

// Plane is the data plane of one connection. Its methods may be called from
// several goroutines.
type Plane struct {
	dev   tun.Device
	epoch time.Time // times are counted from here

	out      atomic.Pointer[path] // the active path, nil when there is none
	mtu      atomic.Int64         // of the device
	whole    atomic.Int64         // the largest packet that is not cut outside, for TCP
	total    counters
	tunWrite turn // guards dev.Write
	events   events
	spare    chan [][]byte // receive buffers of paths that have ended

	mu      sync.Mutex // guards what follows, and every store to out and mtu
	changed sync.Cond  // out or closed
	paths   map[uint32]*path
	order   int       // of attachment
	limit   mtu.Inner // the most that the gateway and the user allow
	least   mtu.Inner // what every path must carry
	closed  bool

	passDSCP bool
	after    func(d time.Duration, f func()) alarm.Timer

	done    chan struct{} // closed when closed
	loops   sync.WaitGroup
	closing func() error
}

// New starts the outbound loop on dev, which belongs to the Plane from now on.
func New(dev tun.Device, o Options) *Plane {
	p := &Plane{
		dev: dev, epoch: time.Now(), tunWrite: newTurn(), paths: map[uint32]*path{},
		spare: make(chan [][]byte, 2),
		limit: mtu.Inner(o.MTU), least: mtu.Inner(o.MinMTU), passDSCP: o.PassDSCP, after: o.After, done: make(chan struct{}),
	}
	if p.after == nil {
		p.after = func(d time.Duration, f func()) alarm.Timer { return time.AfterFunc(d, f) }
	}
	if p.limit == 0 {
		p.limit = mtu.Max
	}
	if p.least == 0 {
		p.least = mtu.MinIPv4
	}
	p.mtu.Store(int64(p.limit))
	p.whole.Store(int64(p.limit))
	p.changed.L = &p.mu
	p.events.init(p.done)
	p.closing = sync.OnceValue(p.shutdown)
	p.loops.Go(p.outbound)
	return p
}

// Close flushes and ends every path without an event, closes the device, waits
// for all goroutines and closes Events. It takes a moment more than flushTime at most.
func (p *Plane) Close() error { return p.closing() }

func (p *Plane) shutdown() error {
	p.mu.Lock()
	p.closed = true
	all := make([]*path, 0, len(p.paths))
	for _, x := range p.paths {
		if !x.leaving {
			x.leave()
			all = append(all, x)
		}
	}
	p.reroute()
	p.changed.Broadcast()
	p.mu.Unlock()
	p.drain(all...)
	close(p.done)
	err := p.dev.Close()
	p.loops.Wait()
	p.events.close()
	return err
}

// now is the time since the epoch.
func (p *Plane) now() time.Duration { return time.Since(p.epoch) }
