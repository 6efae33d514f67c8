package host

import (
	"github.com/penstock-vpn/penstock/host/internal/dataplane"
	"github.com/penstock-vpn/penstock/host/internal/frame/mppe"
	"github.com/penstock-vpn/penstock/host/internal/transport"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/framing"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// mayCarryGRE says whether t can be what m asks for, before the handover.
func mayCarryGRE(t *link, m *pluginpb.Gre) error {
	switch {
	case m == nil:
		return nil
	case t.kind != "raw":
		return diag.Newf(diag.Invalid, "GRE goes over a raw transport, not over %s", t.kind)
	case max(m.GetCall(), m.GetOwnCall()) > 0xffff:
		return diag.Newf(diag.Invalid, "calls of GRE have numbers of 16 bits, not %d and %d", m.GetCall(), m.GetOwnCall())
	}
	return nil
}

// addGRE makes t a path of GRE. The keys in its Attach are not needed any more then.
func (c *connection) addGRE(n uint32, t *link, spec framing.Spec) error {
	m := t.attach.GetGre()
	defer forgetMPPE(m.GetMppe())
	o := dataplane.GRE{Call: uint16(m.GetCall()), OwnCall: uint16(m.GetOwnCall()), Next: m.GetNext(), Received: m.GetReceived()}
	if m.GetMppe() != nil {
		o.MPPE = parseMPPE(m.GetMppe())
	}
	packets, ok := t.opened.(*transport.Packets)
	if !ok {
		return diag.Newf(diag.Invalid, "a %s transport carries no GRE", t.kind)
	}
	err := c.plane.AddGRE(n, packets.Wire(), o, spec, int(t.attach.GetPreference()), t.attach.GetReplaces(), t.info.Overhead)
	if err != nil {
		return err
	}
	t.kind = "gre"
	c.agreed(n, t, m.GetMppe())
	return nil
}

// agreed notes the encryption of a path in log and status.
func (c *connection) agreed(n uint32, t *link, m *pluginpb.Mppe) {
	t.info.Cipher = ""
	if send := m.GetSend(); send.GetBits() > 0 {
		t.info.Cipher = cipherOf(send)
		c.log.Debug("installed "+t.info.Cipher, "path", n)
	}
}

func cipherOf(d *pluginpb.Mppe_Direction) string {
	name := map[uint32]string{40: "mppe40", 56: "mppe56", 128: "mppe128"}[d.GetBits()]
	if d.GetStateless() {
		name += "-stateless"
	}
	return name
}

func parseMPPE(m *pluginpb.Mppe) *dataplane.MPPE {
	read := func(d *pluginpb.Mppe_Direction) mppe.Config {
		return mppe.Config{Key: d.GetKey(), Bits: int(d.GetBits()), Stateless: d.GetStateless()}
	}
	return &dataplane.MPPE{Send: read(m.GetSend()), Receive: read(m.GetReceive())}
}

// forgetMPPE overwrites the keys in m: they were used, or refused.
func forgetMPPE(m *pluginpb.Mppe) {
	clear(m.GetSend().GetKey())
	clear(m.GetReceive().GetKey())
}

func (c *connection) installMPPE(m *pluginpb.InstallMppe) error {
	defer forgetMPPE(m.GetMppe())
	t, err := c.onPath(m.GetTransport())
	if err != nil {
		return err
	}
	if err := c.plane.InstallMPPE(m.GetTransport(), *parseMPPE(m.GetMppe())); err != nil {
		return err
	}
	c.agreed(m.GetTransport(), t, m.GetMppe())
	c.publish()
	return nil
}
