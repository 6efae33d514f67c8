// Package tunnel runs PPTP and PPP in it.
//
//	Run ─ open TCP ─ start ─ open GRE ─ call ─ PPP: login, encryption, addresses ─ Configure, Attach ─ end
//	                                          frames by GRE, read here           │ as control frames
//
// The host carries packets after that, numbers and encrypts them, and answers the echoes of
// PPP. The control connection stays here.
package tunnel

import (
	"context"

	"github.com/penstock-vpn/penstock/plugins/internal/pppcall"
	"github.com/penstock-vpn/penstock/plugins/internal/tries"
	"github.com/penstock-vpn/penstock/sdk"
)

// Options of a tunnel.
type Options struct {
	pppcall.Options
	Host string
	Port int
	// Again says that there was a tunnel before: a gateway that does not answer is to be
	// tried again then.
	Again bool
}

// MRU is the most that is asked for and sent: so do other clients, and nothing needs to be
// cut on lines of the usual size.
const MRU = 1400

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
