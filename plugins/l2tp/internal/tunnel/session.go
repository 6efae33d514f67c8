package tunnel

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ike1/machine"
	ike1 "github.com/penstock-vpn/penstock/plugins/internal/ike1/tunnel"
	"github.com/penstock-vpn/penstock/plugins/internal/l2tp"
	"github.com/penstock-vpn/penstock/plugins/internal/pppcall"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// session is the state of one user's session; it carries the call of PPP.
type session struct {
	s    *sdk.Session
	o    Options
	ctx  context.Context // ends with Run
	work sync.WaitGroup  // who reads

	peer *ike1.Peer
	way  way
	came chan []byte // by the way, while ESP is made here

	l2tp     *l2tp.Machine
	call     l2tp.Up // zero: there is none yet
	numbered bool    // the gateway numbers data: so do we
	ns       uint16
	ppp      *pppcall.Call

	stopping bool
	ended    bool
}

func newSession(ctx context.Context, s *sdk.Session, o Options) *session {
	o.L2TP.Trace = o.Trace
	r := &session{s: s, o: o, ctx: ctx, came: make(chan []byte, 64), l2tp: l2tp.New(o.L2TP)}
	r.ppp = pppcall.New(ctx, s, r, o.Options)
	natt := 4500
	if o.IKE.Port != 0 {
		natt = o.IKE.Port
	}
	o.IKE.Up = r.secured
	r.peer = ike1.New(&host{Session: s, natt: natt, work: &r.work, came: r.came}, o.IKE)
	return r
}

// run handles what happens until the session ends.
func (r *session) run() error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for !r.ended {
		if d := r.deadline(); d.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(max(time.Until(d), 0))
		}
		if err := r.next(timer.C); err != nil {
			return err
		}
		if r.peer.Ended() && !r.ended {
			return r.peer.Err()
		}
	}
	if r.way.path != nil {
		_ = r.way.path.Close()
	}
	return nil
}

// deadline is when something is due that waits for a time.
func (r *session) deadline() (first time.Time) {
	for _, d := range []time.Time{r.peer.Deadline(), r.l2tp.Deadline(), r.ppp.Deadline()} {
		if !d.IsZero() && (first.IsZero() || d.Before(first)) {
			first = d
		}
	}
	return first
}

// next waits for something to happen and handles it.
func (r *session) next(due <-chan time.Time) error {
	select {
	case e, ok := <-r.s.Events():
		if !ok {
			r.ended = true
			return context.Cause(r.ctx)
		}
		return r.event(e)
	case do := <-r.peer.Work():
		return do()
	case b := <-r.came:
		return r.arrived(b)
	case answer := <-r.ppp.Answers():
		return r.ppp.Take(answer)
	case <-due:
		return r.tick(time.Now())
	case <-r.ppp.Expired():
		if r.stopping {
			return r.finish()
		}
		return r.ppp.Late()
	}
}

func (r *session) tick(now time.Time) error {
	is := func(d time.Time) bool { return !d.IsZero() && !now.Before(d) }
	if is(r.peer.Deadline()) {
		if err := r.peer.Tick(now); err != nil {
			return err
		}
	}
	if is(r.l2tp.Deadline()) {
		if err := r.doL2TP(r.l2tp.Tick(now)); err != nil {
			return err
		}
	}
	if is(r.ppp.Deadline()) {
		return r.ppp.Tick()
	}
	return nil
}

// secured is that IKE has agreed on keys: L2TP begins in them.
func (r *session) secured(up machine.Up, conn ike1.Conn) (ike1.Path, error) {
	l, ok := conn.(*line)
	if !ok {
		return nil, sdk.Fail(sdk.Never, diag.New(diag.Protocol, "the gateway leads to another port than that of ESP", ""))
	}
	if a := l.Info().Remote.Addr(); a.Is6() && !a.Is4In6() {
		return nil, sdk.Fail(sdk.Never, diag.New(diag.Config, "the gateway was reached by IPv6, and L2TP does not go there", "Give its address of IPv4.").With("gateway"))
	}
	if err := r.way.begun(l, up.SAs); err != nil {
		return nil, sdk.Fail(sdk.Never, diag.New(diag.Protocol, "the gateway chose what is not known here", err.Error()))
	}
	r.ppp.Wait("the call")
	return &r.way, r.doL2TP(r.l2tp.Begin(time.Now()))
}

// arrived takes a datagram of the way while ESP is opened here.
func (r *session) arrived(b []byte) error {
	switch {
	case r.way.path != nil: // it is the host's now; what is lost comes again
		return nil
	case len(b) > markerSize && bytes.Equal(b[:markerSize], make([]byte, markerSize)):
		return r.peer.Event(sdk.ControlFrame{Path: r.way.ID(), Payload: b[markerSize:]})
	}
	content, err := r.way.pair.Open(b)
	switch {
	case err != nil:
		return nil
	case l2tp.IsControl(content):
		return r.doL2TP(r.l2tp.Receive(time.Now(), content))
	}
	d, ok := l2tp.ParseData(content)
	if !ok || r.call == (l2tp.Up{}) || d.Tunnel != r.call.OwnTunnel || d.Session != r.call.OwnSession {
		return nil
	}
	r.numbered = d.Numbered
	r.l2tp.Heard(time.Now())
	return r.ppp.Whole(d.Payload)
}

// leave closes what is open and waits for the goroutines. A path is the host's: it goes
// with the session.
func (r *session) leave() {
	if r.way.line != nil && r.way.path == nil {
		_ = r.way.line.Close()
	}
	r.peer.Close()
	r.work.Wait()
	r.ppp.Close()
}
