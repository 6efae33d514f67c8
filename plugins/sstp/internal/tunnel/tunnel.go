// Package tunnel runs SSTP and PPP in it.
//
//	Run ─ open TLS ─ HTTP ─ call ─ PPP: login ─ binding ─ PPP: addresses ─ Configure, Attach ─ end
//	         packets by the connection, read here                        │ as control frames
//
// The host carries packets after that, and answers echoes.
package tunnel

import (
	"context"
	"net/url"

	"github.com/penstock-vpn/penstock/plugins/internal/ppp"
	"github.com/penstock-vpn/penstock/plugins/internal/pppcall"
	"github.com/penstock-vpn/penstock/plugins/internal/tries"
	"github.com/penstock-vpn/penstock/sdk"
)

// Options of a tunnel.
type Options struct {
	pppcall.Options
	Gateway *url.URL
	// Again says that there was a tunnel before: a gateway that does not answer is to be
	// tried again then.
	Again bool
	// Keep has what Resume needs survive this process.
	Keep func(Kept) error
}

// MRU is what is asked for, and the most that is sent: so do other clients, and a TCP segment
// of the usual size holds a packet whole.
const MRU = 1400

// Kept is a tunnel that another process may go on with.
type Kept struct {
	Path uint32
	PPP  ppp.Saved
}

// Resume goes on with a tunnel to the end of the session.
func Resume(ctx context.Context, host *sdk.Session, path *sdk.Path, kept Kept, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	s := newSession(ctx, host, o)
	defer s.leave()
	defer cancel()
	s.path, s.called = path, true
	s.ppp.Resume(MRU, kept.PPP)
	return s.run()
}

// Run goes from the first byte to the end of the session. It returns nil after a Stop,
// with which until ends too.
func Run(ctx, until context.Context, host *sdk.Session, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	s := newSession(ctx, host, o)
	defer s.leave()
	defer cancel()
	err := s.begin(until)
	switch {
	case err == nil:
		err = s.run()
	case until.Err() != nil && ctx.Err() == nil:
		return nil
	}
	return tries.First(err, s.path != nil || o.Again)
}
