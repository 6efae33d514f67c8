package host

import (
	"github.com/penstock-vpn/penstock/host/internal/dataplane"
	"github.com/penstock-vpn/penstock/host/internal/esp"
	"github.com/penstock-vpn/penstock/host/internal/transport"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/framing"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// parseESP leaves the keys where m has them.
func parseESP(m *pluginpb.Esp) (dataplane.ESP, error) {
	e := dataplane.ESP{NATKeepalive: ms(m.GetNatKeepaliveMs()), ECN: m.GetEcn(), Fragment: m.GetFragment()}
	if t := m.GetTransport(); t != nil {
		e.Ports = esp.Ports{Local: uint16(t.GetLocal()), Remote: uint16(t.GetRemote())}
		if t.GetLocal() != uint32(e.Ports.Local) || t.GetRemote() != uint32(e.Ports.Remote) || e.Ports.Local == 0 || e.Ports.Remote == 0 {
			return e, diag.Newf(diag.Invalid, "ESP around datagrams of the ports %d and %d: there are none such", t.GetLocal(), t.GetRemote())
		}
	}
	for _, s := range m.GetSas() {
		sa, err := parseSA(s)
		if err != nil {
			return e, err
		}
		e.SAs = append(e.SAs, sa)
	}
	return e, nil
}

func parseSA(m *pluginpb.Sa) (dataplane.SA, error) {
	sa := dataplane.SA{
		Outbound: m.GetDirection() == pluginpb.Sa_OUTBOUND,
		SA: esp.SA{
			SPI: esp.SPI(m.GetSpi()), Suite: esp.SuiteNamed(m.GetSuite()),
			Key: m.GetKey(), AuthKey: m.GetAuthKey(), ESN: m.GetEsn(),
			Limits: esp.Limits{
				Bytes:   esp.Limit{Soft: m.GetSoftBytes(), Hard: m.GetHardBytes()},
				Packets: esp.Limit{Soft: m.GetSoftPackets(), Hard: m.GetHardPackets()},
			},
			First: m.GetFirst(),
		},
	}
	_, known := pluginpb.Sa_Direction_name[int32(m.GetDirection())]
	switch {
	case !known:
		return sa, diag.Newf(diag.Invalid, "an SA of direction %d, which is neither inbound nor outbound", m.GetDirection())
	case sa.Suite == nil:
		return sa, diag.Newf(diag.Invalid, "the suite %q of an SA is unknown here", clip(m.GetSuite()))
	case past(sa.Limits.Bytes) || past(sa.Limits.Packets):
		return sa, diag.Newf(diag.Invalid, "SA %v has a soft limit past its hard one", sa.SPI)
	}
	return sa, nil
}

func past(l esp.Limit) bool { return l.Hard != 0 && l.Soft > l.Hard }

// forgetKeys overwrites the keys in messages: they were used, or refused.
func forgetKeys(sas ...*pluginpb.Sa) {
	for _, sa := range sas {
		clear(sa.GetKey())
		clear(sa.GetAuthKey())
	}
}

// mayCarry says whether what m asks for can be had of t: it is checked before the
// handover, which costs the plugin its transport.
func mayCarry(t *link, m *pluginpb.Esp) error {
	if m == nil {
		return nil
	}
	switch t.kind {
	case "udp", "tcp", "raw":
	default:
		return diag.Newf(diag.Invalid, "ESP goes over a udp, tcp or raw transport, not over %s", t.kind)
	}
	_, err := parseESP(m)
	return err
}

// addESP makes t a path of ESP.
func (c *connection) addESP(n uint32, t *link, spec framing.Spec, residual []byte) error {
	e, err := parseESP(t.attach.GetEsp())
	if err != nil {
		return err
	}
	var socket esp.Socket
	switch o := t.opened.(type) {
	case *transport.Packets:
		socket = o.ESP()
	case *transport.Stream:
		socket = o.ESP(residual)
	}
	err = c.plane.AddESP(n, socket, e, spec, int(t.attach.GetPreference()), t.attach.GetReplaces(), t.info.Overhead)
	if err != nil {
		return err
	}
	t.kind = "esp"
	for _, sa := range e.SAs {
		c.installed(n, t, sa)
	}
	return nil
}

// installed notes an SA in log and status.
func (c *connection) installed(n uint32, t *link, sa dataplane.SA) {
	c.log.Debug("installed "+sa.String(), "path", n)
	if sa.Outbound {
		t.info.Cipher = sa.Suite.Name
	}
}

func (c *connection) installSA(m *pluginpb.InstallSa) error {
	defer forgetKeys(m.GetSa())
	t, err := c.onPath(m.GetTransport())
	if err != nil {
		return err
	}
	sa, err := parseSA(m.GetSa())
	if err != nil {
		return err
	}
	if err := c.plane.InstallSA(m.GetTransport(), sa); err != nil {
		return err
	}
	c.installed(m.GetTransport(), t, sa)
	c.publish()
	return nil
}

func (c *connection) removeSA(m *pluginpb.RemoveSa) error {
	if _, err := c.onPath(m.GetTransport()); err != nil {
		return err
	}
	return c.plane.RemoveSA(m.GetTransport(), m.GetSpi())
}

// onPath is the link that has become path n.
func (c *connection) onPath(n uint32) (*link, error) {
	if t := c.transports[n]; t != nil && t.attached {
		return t, nil
	}
	return nil, diag.Newf(diag.Invalid, "there is no path %d", n)
}

// sayExpired tells the plugin how far the life of an SA has come.
func (c *connection) sayExpired(e dataplane.Event) {
	c.send(&pluginpb.FromHost{Message: &pluginpb.FromHost_SaExpire{SaExpire: &pluginpb.SaExpire{
		Transport: e.Path, Spi: e.SPI, Outbound: e.Outbound, Hard: e.Hard,
	}}})
}
