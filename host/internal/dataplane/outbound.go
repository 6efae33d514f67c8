package dataplane

import (
	"github.com/penstock-vpn/penstock/host/internal/packet"
)

// The outbound goroutine: wait for a path, read a vector, clamp, send it on the
// path that is active now, or on the one after it.

// outbound runs until the plane closes or the device is lost.
func (p *Plane) outbound() {
	size := p.dev.BatchSize()
	bufs, sizes := packet.NewBuffers(size), make([]int, size)
	batch := make([][]byte, size)
	var g gait
	for p.route(nil) != nil {
		g.rest()
		n, err := p.dev.Read(bufs, sizes, packet.Headroom)
		g.came(p.now(), n, size)
		limit := int(p.whole.Load())
		for i := range n {
			batch[i] = bufs[i][:packet.Headroom+sizes[i]]
			packet.ClampMSS(batch[i][packet.Headroom:], limit)
		}
		p.deliver(batch[:n])
		if err != nil {
			p.deviceLost(err)
			return
		}
	}
}

// deliver returns when every packet was sent or lost, or the plane closes.
func (p *Plane) deliver(batch [][]byte) {
	var x *path
	for len(batch) > 0 {
		if x = p.route(x); x == nil {
			return
		}
		batch = x.sendPackets(batch)
	}
}

func (p *Plane) deviceLost(err error) {
	select {
	case <-p.done:
	default:
		p.events.emit(Event{Kind: DeviceLost, Reason: "the TUN device is gone: " + err.Error()})
	}
}
