package tunnel

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/penstock-vpn/penstock/plugins/ikev2/internal/machine"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// session is the state of one user's session. Only run touches it; who reads a transport
// or waits for a person does so in a goroutine that reports over came and answers.
type session struct {
	host Host
	o    Options
	ctx  context.Context // ends with run
	work sync.WaitGroup

	now     *peer   // who we speak with
	coming  *peer   // is to take its place once it is up; nil: nobody
	leaving []*peer // were replaced, and are told so

	tcp       bool // UDP does not come through
	fresh     bool // nobody was spoken with
	settings  sdk.NetConfig
	addresses []netip.Addr // inside
	came      chan arrival
	answers   chan answer

	anew      *time.Timer // when a login that came to nothing is begun again
	failed    *peer       // that login
	retry     *time.Timer // of a move
	moves     int         // that came to nothing, in a row
	redirects []time.Time // the last ones
	stopping  bool
	ended     bool
	err       error
}

// arrival is a datagram, or the end of a transport.
type arrival struct {
	peer     *peer
	conn     Conn
	datagram []byte
	err      error
}

// answer is one that a peer's machine waits for.
type answer struct {
	peer *peer
	give func(time.Time) []machine.Effect
}

func newSession(host Host, o Options) *session {
	return &session{host: host, o: o, fresh: true, tcp: o.TCP == AlwaysTCP, retry: stoppedTimer(), anew: stoppedTimer(),
		came: make(chan arrival, 16), answers: make(chan answer, 1)}
}

func stoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// run begins a session and handles what happens until it ends.
func (s *session) run(ctx, until context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	s.ctx = ctx
	defer s.leave()
	defer cancel()
	s.now = s.newPeer(target{gateway: s.o.Gateway, name: s.o.Gateway})
	if err := s.now.begin(until); err != nil {
		if until.Err() != nil && ctx.Err() == nil {
			return nil
		}
		return err
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for !s.ended {
		if d := s.deadline(); !d.IsZero() {
			timer.Reset(max(time.Until(d), 0))
		} else {
			timer.Stop()
		}
		if err := s.next(timer.C); err != nil {
			return err
		}
	}
	if s.stopping && s.now.path != nil {
		_ = s.now.path.Close()
	}
	return s.err
}

// next waits for something to happen and handles it.
func (s *session) next(due <-chan time.Time) error {
	select {
	case e, ok := <-s.host.Events():
		if !ok {
			s.ended = true
			return context.Cause(s.ctx)
		}
		return s.event(e)
	case a := <-s.came:
		return s.arrived(a)
	case a := <-s.answers:
		return a.peer.do(a.give(time.Now()))
	case <-due:
		now := time.Now()
		for _, p := range s.peers() {
			if err := p.do(p.m.Tick(now)); err != nil {
				return err
			}
		}
	case <-s.retry.C:
		return s.move()
	case <-s.anew.C:
		return s.begin(s.failed.target)
	}
	return nil
}

// arrived hands a datagram to who speaks over that transport: each knows its own messages.
func (s *session) arrived(a arrival) error {
	all := s.speakers(a.conn)
	if !slices.Contains(all, a.peer) {
		all = append(all, a.peer) // it has attached it, perhaps
	}
	for _, p := range all {
		if err := p.do(p.arrived(a)); err != nil {
			return err
		}
	}
	return nil
}

// speakers are the peers that speak over a transport.
func (s *session) speakers(conn Conn) (all []*peer) {
	for _, p := range s.peers() {
		if p.conns[p.natt()] == conn || p.conns[portIKE] == conn {
			all = append(all, p)
		}
	}
	return all
}

// peers are all that there are.
func (s *session) peers() []*peer {
	all := append([]*peer{s.now}, s.leaving...)
	if s.coming != nil {
		all = append(all, s.coming)
	}
	return all
}

func (s *session) deadline() (first time.Time) {
	for _, p := range s.peers() {
		if d := p.m.Deadline(); !d.IsZero() && (first.IsZero() || d.Before(first)) {
			first = d
		}
	}
	return first
}

// leave closes what is open and waits for the goroutines. The path is the host's: it
// goes with the session.
func (s *session) leave() {
	for _, p := range s.peers() {
		p.close()
	}
	gone := make(chan struct{})
	go func() { s.work.Wait(); close(gone) }()
	for {
		select {
		case <-gone:
			return
		case <-s.came:
		case <-s.answers:
		}
	}
}

// up says whether there is a tunnel.
func (s *session) up() bool { return s.now.path != nil }

// begin has a login take the place of the session's: at once, or when it is up where there
// is a tunnel already, which carries packets until then.
func (s *session) begin(t target) error {
	p := s.newPeer(t)
	if !s.up() {
		s.now.close()
		s.now = p
		return p.begin(s.ctx)
	}
	if s.coming != nil || s.stopping {
		return nil
	}
	s.coming = p
	if t.gateway == s.now.gateway && !s.now.over {
		p.share(s.now)
	}
	if err := p.begin(s.ctx); err != nil {
		return s.comingFailed(p, err)
	}
	return nil
}

// retryLogin is the pause before a login beside a tunnel is tried again.
const retryLogin = 10 * time.Second

// comingFailed tries again, as long as the tunnel is there, if that may help.
func (s *session) comingFailed(p *peer, err error) error {
	var f *sdk.Failure
	if !errors.As(err, &f) || f.Retry != sdk.Backoff || s.now.over {
		return err
	}
	s.host.Debug("The new login came to nothing: %v", err)
	p.close()
	s.coming, s.failed = nil, p
	s.anew.Reset(retryLogin)
	return nil
}

// Redirects that are followed in a while (RFC 5685 section 10).
const (
	maxRedirects   = 5
	redirectPeriod = 5 * time.Minute
)

// redirected goes on at another gateway.
func (s *session) redirected(p *peer, to machine.Redirected) error {
	now := time.Now()
	s.redirects = slices.DeleteFunc(s.redirects, func(t time.Time) bool { return now.Sub(t) > redirectPeriod })
	if s.redirects = append(s.redirects, now); len(s.redirects) > maxRedirects {
		return sdk.Fail(sdk.Never, diag.New(diag.Protocol, "the gateways redirect to one another without end", "Ask their administrator."))
	}
	s.host.Info("The gateway %s redirects to %s.", p.gateway, to.Gateway)
	if p == s.coming {
		p.close()
		s.coming = nil
	}
	next := target{gateway: to.Gateway, from: p.gateway, name: p.name}
	if to.Proved {
		next.name = to.Gateway
	}
	return s.begin(next)
}

// peerEnded goes on without p, or ends the session.
func (s *session) peerEnded(p *peer, err error) error {
	p.close()
	switch {
	case p.redirect != nil:
		return s.redirected(p, *p.redirect)
	case slices.Contains(s.leaving, p):
		s.leaving = slices.DeleteFunc(s.leaving, func(x *peer) bool { return x == p })
		return p.removeAll()
	case p == s.now && s.coming != nil && !s.stopping: // it may let nobody in twice
		s.host.Debug("The old session ended before the new one was up: %v", err)
		p.over = true
		return nil
	}
	if p == s.coming && !s.stopping {
		return s.comingFailed(p, err)
	}
	if s.o.TCP == AfterUDP && !s.tcp && !s.up() && !s.stopping && unanswered(err) {
		return s.overTCP(p, err)
	}
	s.ended, s.err = true, err
	return nil
}

func unanswered(err error) bool {
	var f *sdk.Failure
	return errors.As(err, &f) && len(f.Diagnostics) > 0 && f.Diagnostics[0].Code == diag.Unreachable
}

// overTCP begins again over TCP. Where that is not to be had either, what was the matter
// with UDP is told.
func (s *session) overTCP(p *peer, why error) error {
	s.host.Info("The gateway does not answer over UDP; trying TCP.")
	s.tcp = true
	if err := s.begin(p.target); err != nil {
		s.host.Debug("The gateway cannot be reached over TCP: %v", err)
		s.ended, s.err = true, why
	}
	return nil
}

// event handles what the host tells; an error ends the session.
func (s *session) event(e sdk.Event) error {
	switch e := e.(type) {
	case sdk.ControlFrame:
		for _, p := range s.on(e.Path) { // each knows its own messages
			if err := p.do(p.m.Receive(time.Now(), e.Payload)); err != nil {
				return err
			}
		}
	case sdk.PathEvent:
		if e.Kind == sdk.PathDead && slices.Contains(s.on(e.Path), s.now) {
			if s.now.plain && !s.stopping {
				s.host.Warn("ESP alone does not come through: %s. It goes in UDP now.", e.Reason)
				return s.now.encapsulate()
			}
			return sdk.Fail(sdk.Backoff, diag.New(diag.Unreachable, "the path to the gateway is lost", e.Reason))
		}
	case sdk.NetworkChange:
		if e.Reachable && s.up() {
			s.host.Info("The network changed; moving the tunnel.")
			return s.move()
		}
	case sdk.Wake:
		if s.up() {
			s.host.Info("The computer slept; looking for the gateway.")
			return s.move()
		}
	case sdk.SAExpired:
		if slices.Contains(s.on(e.Path), s.now) {
			return s.now.do(s.now.m.Expired(time.Now(), e.SPI, e.Hard))
		}
	case sdk.Stop:
		return s.stop(e)
	}
	return nil
}

// on are the peers that speak over that path.
func (s *session) on(path uint32) (all []*peer) {
	for _, p := range s.peers() {
		if p.path != nil && p.path.ID() == path {
			all = append(all, p)
		}
	}
	return all
}

// A tunnel may outlive that there is no way to the gateway for a moment.
const (
	retryMove = 300 * time.Millisecond
	maxMoves  = 30
)

// move goes on from a new address. The path stays until the gateway knows that. A login
// that was under way begins anew.
func (s *session) move() error {
	if s.now.over {
		return sdk.Fail(sdk.Now, diag.New(diag.Unreachable, "the network changed", "Connecting again."))
	}
	moved, err := s.now.move()
	if err != nil {
		if s.moves++; s.moves > maxMoves {
			return sdk.Fail(sdk.Backoff, err)
		}
		s.host.Debug("The gateway cannot be reached from here yet: %v", err)
		s.retry.Reset(retryMove)
		return nil
	}
	s.moves = 0
	if err := s.now.do(moved); err != nil || s.coming == nil || s.ended {
		return err
	}
	next := s.coming.target
	s.coming.close()
	s.coming = nil
	return s.begin(next)
}

// defaultDeadline is for hosts that give none.
const defaultDeadline = 5 * time.Second

// stop tells the gateway, as long as there is time, and ends the session.
func (s *session) stop(e sdk.Stop) error {
	s.stopping = true
	if !e.Logout || s.now.over {
		s.ended = true
		return nil
	}
	if e.Deadline <= 0 {
		e.Deadline = defaultDeadline
	}
	ctx, cancel := context.WithTimeout(s.ctx, e.Deadline/2)
	s.work.Go(func() {
		defer cancel()
		<-ctx.Done()
		select {
		case s.answers <- answer{s.now, func(time.Time) []machine.Effect { return []machine.Effect{machine.Ended{}} }}:
		case <-s.ctx.Done():
		}
	})
	if p := s.coming; p != nil {
		s.coming, s.leaving, p.left = nil, append(s.leaving, p), true
		if err := p.do(p.m.Stop(time.Now())); err != nil {
			return err
		}
	}
	return s.now.do(s.now.m.Stop(time.Now()))
}
