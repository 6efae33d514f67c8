package dataplane

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/penstock-vpn/penstock/host/internal/mtu"
	"github.com/penstock-vpn/penstock/host/internal/packet"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// controlFrame is what the control goroutine sends.
type controlFrame struct {
	send func() error // in its turn
	size mtu.Inner    // of the payload; 0: what is sent has none, and the path MTU is not asked for it
}

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
	if t := x.tunnel(); t != nil && (frameType == ikeType || !x.codec.Typed()) {
		return notSent(id, x.queueIKE(t, frameType, payload))
	}
	if !x.codec.Typed() {
		return diag.Newf(diag.Invalid, "frames of path %d have no type, they are all data", id)
	}
	if len(payload) > x.codec.MaxPayload() {
		return diag.Newf(diag.Invalid, "a control frame of %d bytes, path %d allows %d", len(payload), id, x.codec.MaxPayload())
	}
	return notSent(id, x.enqueue(frameType, payload))
}

// notSent names the path of err, if there is one.
func notSent(id uint32, err error) error {
	if err == nil {
		return nil
	}
	return diag.New(diag.Invalid, fmt.Sprintf("a control frame for path %d was not sent", id), err.Error())
}

// enqueue copies payload. It never waits.
func (x *path) enqueue(typ uint32, payload []byte) error {
	f := make([]byte, packet.Headroom, packet.Headroom+len(payload)+packet.Tailroom)
	f = append(f, payload...)
	if err := x.codec.Seal(f, packet.Headroom, typ); err != nil {
		return err
	}
	send := func() error { return x.wire.send([][]byte{f}, packet.Headroom-x.codec.HeaderLenOf(typ)) }
	return x.queueFrame(controlFrame{send, mtu.Inner(len(payload))})
}

// queueFrame never waits.
func (x *path) queueFrame(f controlFrame) error {
	if x.barred.Load() {
		return errBarred
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
	for {
		select {
		case f := <-x.queue:
			x.sendControl(f)
		case <-x.stop:
			return
		case <-x.drain:
			for len(x.queue) > 0 {
				x.sendControl(<-x.queue)
			}
			if x.writer.take(x.stop) {
				x.writer.give()
			}
			return
		}
	}
}

func (x *path) sendControl(f controlFrame) {
	if !x.writer.take(x.stop) {
		return
	}
	err := f.send()
	x.writer.give()
	switch {
	case err == nil:
		x.tx.Store(int64(x.plane.now()))
	case errors.Is(err, syscall.EMSGSIZE):
		if f.size > 0 {
			x.tooBig(f.size)
		}
	default:
		x.plane.end(x, "sending failed: "+err.Error())
	}
}
