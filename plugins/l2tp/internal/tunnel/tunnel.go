// Package tunnel runs a session of L2TP over IPsec: the peer of IKEv1, the tunnel and call
// of L2TP in its ESP, and PPP in that.
//
//	Run ─ IKEv1 ─> way: ESP here ─> L2TP ─> PPP: login, addresses ─> Configure, Attach ─ end
//	                └─ all that is not IKE comes and goes by it ─┘    │ as control frames
//
// The addresses are known only after PPP, and a host's path needs them: until then the few
// datagrams are sealed and opened here. The host carries packets after that, with the same
// keys, and answers echoes.
package tunnel

import (
	"context"

	"github.com/penstock-vpn/penstock/plugins/internal/ike1/machine"
	ike1 "github.com/penstock-vpn/penstock/plugins/internal/ike1/tunnel"
	"github.com/penstock-vpn/penstock/plugins/internal/l2tp"
	"github.com/penstock-vpn/penstock/plugins/internal/pppcall"
	"github.com/penstock-vpn/penstock/plugins/internal/tries"
	"github.com/penstock-vpn/penstock/sdk"
)

// Options of a tunnel.
type Options struct {
	pppcall.Options
	// IKE is the gateway of IKEv1, but for Transport and Up.
	IKE  ike1.Options
	L2TP l2tp.Config
	// Again says that there was a tunnel before: a gateway that does not answer is to be
	// tried again then.
	Again bool
}

// MRU is what is asked for, and the most that is sent: with ESP, UDP and L2TP around it a
// packet fits into 1500 bytes.
const MRU = 1400

const portL2TP = 1701

// Run goes from the first byte to the end of the session. It returns nil after a Stop,
// with which until ends too.
func Run(ctx, until context.Context, s *sdk.Session, o Options) error {
	o.IKE.Machine.Transport = &machine.Selector{Protocol: 17, Local: portL2TP, Remote: portL2TP}
	ctx, cancel := context.WithCancel(ctx)
	r := newSession(ctx, s, o)
	defer r.leave()
	defer cancel()
	err := r.peer.Begin(ctx, until)
	switch {
	case err == nil:
		err = r.run()
	case until.Err() != nil && ctx.Err() == nil:
		return nil
	}
	return tries.First(err, r.way.path != nil || o.Again)
}
