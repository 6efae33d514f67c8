package sdk

import (
	"context"
	"fmt"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/framing"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// GRE makes an attached raw transport carry the enhanced GRE of PPTP (RFC 2637), around
// frames of PPP that the Spec describes, without a header. The host numbers messages,
// acknowledges them and puts them in order; the plugin has done so itself before.
type GRE struct {
	Call, OwnCall uint16 // stand in what is sent, and in what comes
	Next          uint32 // number of the message that is sent next
	Received      uint32 // highest number that has come
	MPPE          *MPPE  // nil: packets go in the clear
}

// MPPE is the encryption of packets in PPP (RFC 3078). The host changes the keys, and
// resets them with the peer by CCP; packets in the clear are dropped, in both directions.
// The zero MPPE lets no packet through: it is between two agreements.
type MPPE struct{ Send, Receive MPPEKey }

// MPPEKey is one direction of MPPE.
type MPPEKey struct {
	Key       []byte // the start key of RFC 3079: 16 bytes, of which 40 and 56 bits use 8
	Bits      int    // 40, 56 or 128
	Stateless bool   // the key changes with every packet
}

// Format prints what is no secret, for every verb.
func (k MPPEKey) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "MPPE of %d bits, stateless %t", k.Bits, k.Stateless)
}

// InstallMPPE begins encryption anew on a path of GRE, after CCP was negotiated again.
func (p *Path) InstallMPPE(ctx context.Context, m MPPE) error {
	install := &pluginpb.InstallMppe{Transport: p.id, Mppe: m.message()}
	return p.session.stream.order(ctx, &pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_InstallMppe{InstallMppe: install}})
}

// validate says what no host takes; nil is no GRE.
func (g *GRE) validate(t *Transport, f framing.Spec) error {
	switch {
	case g == nil:
		return nil
	case t.kind != kindRaw:
		return diag.Newf(diag.Invalid, "GRE goes over a raw transport, not over %s", t.kind)
	case f.PPP == nil || len(f.Header) > 0:
		return diag.Newf(diag.Invalid, "GRE carries PPP, without a header around it")
	}
	return nil
}

func (g *GRE) message() *pluginpb.Gre {
	if g == nil {
		return nil
	}
	m := &pluginpb.Gre{Call: uint32(g.Call), OwnCall: uint32(g.OwnCall), Next: g.Next, Received: g.Received}
	if g.MPPE != nil {
		m.Mppe = g.MPPE.message()
	}
	return m
}

func (m MPPE) message() *pluginpb.Mppe {
	if m.Send.Bits == 0 && m.Receive.Bits == 0 {
		return &pluginpb.Mppe{}
	}
	return &pluginpb.Mppe{Send: m.Send.message(), Receive: m.Receive.message()}
}

func (k MPPEKey) message() *pluginpb.Mppe_Direction {
	return &pluginpb.Mppe_Direction{Key: k.Key, Bits: uint32(k.Bits), Stateless: k.Stateless}
}
