package dataplane

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/penstock-vpn/penstock/host/internal/mtu"
	"github.com/penstock-vpn/penstock/host/internal/packet"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// controlFrame is a sealed frame, its payload at packet.Headroom.
type controlFrame []byte

var (
	errBarred = errors.New("the path does not send any more")
	errFull   = errors.New("the gateway does not read: too many control frames wait")
)

// SendControl queues a frame that is not data, to be sent in order with those
// queued before. It does not wait for the gateway: it fails when 256 frames wait.
func (p *Plane) SendControl(id, frameType uint32, payload []byte) error {
	p.mu.Lock()
	x := p.paths[id]
	p.mu.Unlock()
	if x == nil {
		return diag.Newf(diag.Invalid, "there is no path %d", id)
	}
	if !x.codec.Typed() {
		return diag.Newf(diag.Invalid, "frames of path %d have no type, they are all data", id)
	}
	if len(payload) > x.codec.MaxPayload() {
		return diag.Newf(diag.Invalid, "a control frame of %d bytes, path %d allows %d", len(payload), id, x.codec.MaxPayload())
	}
	if err := x.enqueue(frameType, payload); err != nil {
		return diag.New(diag.Invalid, fmt.Sprintf("a control frame for path %d was not sent", id), err.Error())
	}
	return nil
}

// enqueue copies payload. It never waits.
func (x *path) enqueue(typ uint32, payload []byte) error {
	if x.barred.Load() {
		return errBarred
	}
	f := make(controlFrame, packet.Headroom, packet.Headroom+len(payload)+packet.Tailroom)
	f = append(f, payload...)
	if err := x.codec.Seal(f, packet.Headroom, typ); err != nil {
		return err
	}
	select {
	case x.queue <- f:
		return nil
	default:
		return errFull
	}
}

// controlLoop writes what is queued until the path ends; a path that leaves has
// its queue emptied and its last batch flushed first.
func (x *path) controlLoop() {
	defer close(x.drained)
	batch := make([][]byte, 1)
	for {
		select {
		case batch[0] = <-x.queue:
			x.sendControl(batch)
		case <-x.stop:
			return
		case <-x.drain:
			for len(x.queue) > 0 {
				batch[0] = <-x.queue
				x.sendControl(batch)
			}
			if x.writer.take(x.stop) {
				x.writer.give()
			}
			return
		}
	}
}

func (x *path) sendControl(batch [][]byte) {
	size := len(batch[0]) - packet.Headroom
	if !x.writer.take(x.stop) {
		return
	}
	err := x.wire.send(batch, packet.Headroom-x.codec.HeaderLen())
	x.writer.give()
	switch {
	case err == nil:
		x.tx.Store(int64(x.plane.now()))
	case errors.Is(err, syscall.EMSGSIZE):
		x.tooBig(mtu.Inner(size))
	default:
		x.plane.end(x, "sending failed: "+err.Error())
	}
}
