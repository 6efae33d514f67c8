package dataplane

import (
	"errors"
	"slices"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/frame/gre"
	"github.com/penstock-vpn/penstock/host/internal/frame/mppe"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// A path of the enhanced GRE of PPTP: what a path of datagrams is, whose frames are of PPP,
// numbered and acknowledged, and encrypted by MPPE.

const (
	kindGRE = "gre"

	ccp         = framing.InPPP | 0x80fd // frames of the protocol that MPPE is negotiated by
	resetAsk    = 14                     // its codes Reset-Request and Reset-Ack
	resetAnswer = 15
)

// GRE is what a path of GRE begins with.
type GRE struct {
	Call, OwnCall  uint16 // in what is sent, and in what comes
	Next, Received uint32 // the number that is sent next, and the last that has come
	MPPE           *MPPE  // nil: packets go in the clear
}

// MPPE is the encryption of a path of GRE. The zero one lets no packet through: it is
// between two agreements.
type MPPE struct{ Send, Receive mppe.Config }

// AddGRE is AddDatagram for a raw socket of GRE. The frames of spec are of PPP, without a
// header around them. The path is up at once: PPP was spoken on it.
func (p *Plane) AddGRE(id uint32, w Datagram, o GRE, spec framing.Spec, preference int, replaces uint32, overhead int) error {
	if err := checkGRE(spec); err != nil {
		return diag.New(diag.Invalid, err.Error(), "")
	}
	c := newCall(w, o)
	if o.MPPE != nil {
		if err := c.encrypt(*o.MPPE); err != nil {
			return diag.New(diag.Invalid, err.Error(), "")
		}
	}
	c.short = spec.PPP.ShortProtocol
	x, err := p.newPath(id, datagramWire{c}, spec, preference, kindGRE, overhead+c.size())
	if err != nil {
		return err
	}
	c.say = x.say(c)
	x.proved, x.up = true, true
	return p.attach(x, replaces, func() string { return x.readDatagrams(c) })
}

func checkGRE(spec framing.Spec) error {
	switch {
	case spec.PPP == nil || len(spec.Header) > 0 || spec.L2TP != nil:
		return errors.New("GRE carries PPP, without a header around it")
	case len(spec.Rules.Probe.Packet) > 0:
		return errors.New("frames of PPP ask for a sign of life with one, not with a probe")
	}
	return nil
}

// InstallMPPE has a path of GRE encrypt from now on, anew.
func (p *Plane) InstallMPPE(id uint32, m MPPE) error {
	p.mu.Lock()
	x := p.paths[id]
	p.mu.Unlock()
	if x == nil {
		return diag.Newf(diag.Invalid, "there is no path %d", id)
	}
	c, isGRE := x.under().(*call)
	if !isGRE {
		return diag.Newf(diag.Invalid, "path %d carries no GRE", id)
	}
	if err := c.encrypt(m); err != nil {
		return diag.Newf(diag.Invalid, "path %d: %v", id, err)
	}
	return nil
}

// speech is how a call has something sent between the packets, without waiting for it.
type speech struct {
	ack   func() // what has come is acknowledged
	ask   func() // the peer is asked for a packet to begin with
	reset func(id byte)
}

func (x *path) say(c *call) speech {
	ack := controlFrame{send: c.sendAck}
	asked := byte(0)
	return speech{
		ack: func() { _ = x.queueFrame(ack) },
		ask: func() {
			asked++
			_ = x.enqueue(ccp, []byte{resetAsk, asked, 0, 4})
		},
		// The answer comes before the packet that it speaks of.
		reset: func(id byte) {
			if x.enqueue(ccp, []byte{resetAnswer, id, 0, 4}) == nil {
				_ = x.queueFrame(controlFrame{send: c.beginAnew})
			}
		},
	}
}

// deadliner is an ability of Datagrams: Recv gives up then, with os.ErrDeadlineExceeded.
type deadliner interface{ SetReadDeadline(time.Time) error }

// isReset tells a packet of CCP that is about MPPE's keys, and of which code.
func isReset(payload []byte) (code, id byte, ok bool) {
	if len(payload) < 4 || !slices.Contains([]byte{resetAsk, resetAnswer}, payload[0]) {
		return 0, 0, false
	}
	return payload[0], payload[1], true
}

// newCall makes the wire of a path of GRE.
func newCall(w Datagram, o GRE) *call {
	c := &call{raw: w, peer: o.Call, own: o.OwnCall, next: o.Next, window: gre.NewWindow(o.Received + 1), clock: time.Now}
	c.received.Store(o.Received)
	c.acked.Store(o.Received)
	c.deadline, _ = w.(deadliner)
	c.bufs, c.sizes = make([][]byte, w.BatchSize()), make([]int, w.BatchSize())
	arena := make([]byte, len(c.bufs)*callBuffer)
	for i := range c.bufs {
		c.bufs[i] = arena[i*callBuffer:][:callBuffer:callBuffer]
	}
	return c
}
