package host

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/dataplane"
	"github.com/penstock-vpn/penstock/host/internal/transport"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/framing"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

const (
	maxLinks     = 16
	drainTimeout = 10 * time.Second // a plugin that does not stop writing breaks the handover
)

// link is one transport of the session. It is opened by a goroutine and then
// belongs to the plugin, until Attach makes it a path of the plane.
//
//	open -> plugin's -> draining -> attached
type link struct {
	kind     string
	opened   opened // nil while opening
	info     transport.Info
	attach   *pluginpb.Attach // set while draining and after
	attachID uint64           // of the Attach, while draining
	attached bool
}

// opened is what every kind of transport can do.
type opened interface {
	Info() transport.Info
	Close() error
}

// plain is a transport with a plaintext end for the plugin.
type plain interface {
	opened
	Plaintext() (*os.File, error)
	Drain(context.Context) error
}

// open connects and hands the plugin its end.
func (c *connection) open(m *pluginpb.FromPlugin, o *pluginpb.Open) {
	n := o.GetTransport()
	if _, taken := c.transports[n]; taken || n == 0 || len(c.transports) >= maxLinks {
		c.reply(m, diag.Newf(diag.Invalid, "transport %d cannot be opened: the number is taken, or %d are open", n, maxLinks))
		return
	}
	dial, err := c.dialing(o)
	if err != nil {
		c.reply(m, err)
		return
	}
	c.transports[n] = &link{}
	l := c.life
	go func() {
		t, err := withTimeout(l.ctx, ms(o.GetTimeoutMs()), dial)
		c.postOr(l, func() { c.openDone(m, n, t, err) }, func() {
			if err == nil {
				_ = t.Close()
			}
		})
	}()
}

// postOr posts for a life; otherwise runs instead when that is over.
func (c *connection) postOr(l *life, act, otherwise func()) {
	either := func() {
		if c.life == l {
			act()
		} else {
			otherwise()
		}
	}
	select {
	case c.inbox <- either:
	case <-c.ended:
		otherwise()
	}
}

type dialFunc func(context.Context) (opened, error)

// dialing says how to open o; what it returns runs outside the loop.
func (c *connection) dialing(o *pluginpb.Open) (dialFunc, error) {
	if raw := o.GetRaw(); raw != nil && o.GetPort() == 0 && o.GetHost() != "" {
		return c.dialingRaw(o.GetHost(), int(raw.GetProtocol()))
	}
	if o.GetPort() == 0 || o.GetPort() > 65535 || o.GetHost() == "" {
		return nil, diag.Newf(diag.Invalid, "%q port %d is no address to connect to", clip(o.GetHost()), o.GetPort())
	}
	host, port := o.GetHost(), int(o.GetPort())
	switch k := o.Kind.(type) {
	case *pluginpb.Open_Tcp:
		return func(ctx context.Context) (opened, error) { return orNil(c.dialer.OpenTCP(ctx, host, port)) }, nil
	case *pluginpb.Open_Udp:
		return func(ctx context.Context) (opened, error) { return orNil(c.dialer.OpenUDP(ctx, host, port)) }, nil
	case *pluginpb.Open_Tls:
		options := transport.TLSOptions{
			ServerName: k.Tls.GetServerName(), ALPN: k.Tls.GetAlpn(),
			ClientCertificate: k.Tls.GetClientCertificate(), AllowLegacy: k.Tls.GetAllowLegacy(),
		}
		if made := c.take(host, port, options); made != nil {
			return made, nil
		}
		return func(ctx context.Context) (opened, error) { return orNil(c.dialer.OpenTLS(ctx, host, port, options)) }, nil
	case *pluginpb.Open_Dtls:
		options, err := c.dtlsOptions(k.Dtls)
		return func(ctx context.Context) (opened, error) { return orNil(c.dialer.OpenDTLS(ctx, host, port, options)) }, err
	}
	return nil, diag.New(diag.UnknownMessage, "this kind of transport is unknown here", "The plugin is newer than the host; update penstock.")
}

// dialingRaw is dialing for what only plugins may have whose manifest says so.
func (c *connection) dialingRaw(host string, protocol int) (dialFunc, error) {
	if !c.life.process.Needs(sdk.NeedRaw) {
		return nil, diag.Newf(diag.NotPermitted, "the plugin opens a raw transport and does not declare that it needs %q", sdk.NeedRaw)
	}
	return func(ctx context.Context) (opened, error) { return orNil(c.dialer.OpenRaw(ctx, host, protocol)) }, nil
}

// withTimeout bounds dial by what the plugin asked for; 0 leaves it to the dialer.
func withTimeout(ctx context.Context, limit time.Duration, dial dialFunc) (opened, error) {
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	return dial(ctx)
}

// orNil keeps a typed nil out of the interface.
func orNil[T opened](t T, err error) (opened, error) {
	if err != nil {
		return nil, err
	}
	return t, nil
}

func (c *connection) openDone(m *pluginpb.FromPlugin, n uint32, t opened, err error) {
	link := c.transports[n]
	if link == nil && err == nil { // closed while it was being opened
		_ = t.Close()
		err = diag.Newf(diag.Cancelled, "transport %d was closed before it was open", n)
	}
	if err == nil {
		err = c.handOver(n, t)
	}
	if err != nil {
		delete(c.transports, n)
		c.reply(m, err)
		return
	}
	link.opened, link.info = t, c.known(m.GetOpen().GetHost(), t.Info())
	link.kind = link.info.Kind
	c.recordOpened(m.GetOpen().GetHost(), link.info)
	c.send(&pluginpb.FromHost{Re: m.Id, Message: &pluginpb.FromHost_Opened{Opened: toOpened(link.info)}})
}

func (c *connection) handOver(n uint32, t opened) error {
	p, ok := t.(plain)
	if !ok {
		return nil
	}
	f, err := p.Plaintext()
	if err == nil {
		err = c.life.process.SendFD(n, f)
		_ = f.Close()
	}
	if err != nil {
		_ = t.Close()
	}
	return err
}

func toOpened(i transport.Info) *pluginpb.Opened {
	m := &pluginpb.Opened{
		Local: i.Local.String(), Remote: i.Remote.String(), Cipher: i.Cipher,
		PathMtu: uint32(i.PathMTU), Overhead: uint32(i.Overhead),
	}
	if i.TLS != nil {
		m.Tls = &pluginpb.TlsInfo{
			Version: i.TLS.Version, Cipher: i.TLS.Cipher, Unique: i.TLS.Unique,
			ClientCertificateRequested: i.TLS.CertRequested, ClientCertificateSent: i.TLS.CertSent,
		}
		for _, cert := range i.TLS.PeerChain {
			m.Tls.PeerChain = append(m.Tls.PeerChain, cert.Raw)
		}
	}
	return m
}

func (c *connection) closeMessage(m *pluginpb.FromPlugin, k *pluginpb.Close) {
	if k.GetPrompt() != 0 {
		c.takeBack(k.GetPrompt())
		c.reply(m, nil)
		return
	}
	l := c.life
	c.closeLink(k.GetTransport(), func() { c.postTo(l, func() { c.reply(m, nil) }) })
	c.publish()
}

// closeLink ends a transport or path, without waiting; one that is not there is
// closed already. then, if any, runs when what was sent before has left.
func (c *connection) closeLink(n uint32, then ...func()) {
	t, plane := c.transports[n], c.plane
	delete(c.transports, n)
	if t != nil {
		forgetKeys(t.attach.GetEsp().GetSas()...) // a handover that did not come to its end
		forgetMPPE(t.attach.GetGre().GetMppe())
	}
	c.closing.Go(func() {
		if t != nil && t.attached {
			_ = plane.Remove(n)
		}
		if t != nil && t.opened != nil {
			_ = t.opened.Close()
		}
		for _, f := range then {
			f()
		}
	})
}

// removePaths closes every path that is not among keep.
func (c *connection) removePaths(keep []uint32) {
	kept := map[uint32]bool{}
	for _, n := range keep {
		kept[n] = true
	}
	for n, t := range c.transports {
		if t.attached && !kept[n] {
			c.closeLink(n)
		}
	}
}

// attach begins the handover of a transport to the plane; see plugin.proto.
func (c *connection) attach(m *pluginpb.FromPlugin, a *pluginpb.Attach) {
	t := c.transports[a.GetTransport()]
	switch {
	case t == nil || t.opened == nil || t.attach != nil:
		c.reply(m, diag.Newf(diag.Invalid, "transport %d is not open, or attached already", a.GetTransport()))
		return
	case c.plane == nil:
		c.reply(m, diag.New(diag.Invalid, "a path without network settings", "Configure comes before Attach."))
		return
	}
	_, err := parseFraming(a.GetFraming())
	if err == nil {
		err = errors.Join(mayCarry(t, a.GetEsp()), mayCarryGRE(t, a.GetGre()))
	}
	if err != nil {
		forgetKeys(a.GetEsp().GetSas()...)
		forgetMPPE(a.GetGre().GetMppe())
		c.reply(m, err)
		return
	}
	t.attach, t.attachID = a, m.Id
	p, ok := t.opened.(plain)
	if !ok {
		c.install(m, t, nil)
		return
	}
	l := c.life
	go func() {
		ctx, cancel := context.WithTimeout(l.ctx, drainTimeout)
		defer cancel()
		err := p.Drain(ctx)
		c.postTo(l, func() {
			if err != nil {
				c.closeLink(a.GetTransport())
				c.reply(m, diag.New(diag.Invalid, "the handover failed", err.Error()))
				return
			}
			c.send(&pluginpb.FromHost{Re: m.Id, Message: &pluginpb.FromHost_Drained{Drained: &pluginpb.Drained{}}})
		})
	}()
}

// residual ends the handover: what the plugin had read too much comes first.
func (c *connection) residual(m *pluginpb.FromPlugin, r *pluginpb.Residual) {
	for _, t := range c.transports {
		if t.attach != nil && !t.attached && t.attachID == m.Id {
			c.install(m, t, r.GetData())
			return
		}
	}
	c.reply(m, diag.New(diag.Invalid, "a residual without an attach", ""))
}

func (c *connection) install(m *pluginpb.FromPlugin, t *link, residual []byte) {
	n := t.attach.GetTransport()
	err := c.addPath(n, t, residual)
	forgetKeys(t.attach.GetEsp().GetSas()...)
	if err != nil {
		if p, ok := t.opened.(parting); ok {
			p.Part()
		}
		c.closeLink(n)
		c.reply(m, err)
		return
	}
	t.attached = true
	c.reply(m, nil)
	c.maybeUp()
}

// parting is a transport whose gateway sends into it until it is told not to.
type parting interface{ Part() }

func (c *connection) addPath(n uint32, t *link, residual []byte) error {
	spec, err := parseFraming(t.attach.GetFraming())
	if err != nil {
		return err
	}
	if t.attach.GetEsp() != nil {
		return c.addESP(n, t, spec, residual)
	}
	if t.attach.GetGre() != nil {
		return c.addGRE(n, t, spec)
	}
	preference, replaces := int(t.attach.GetPreference()), t.attach.GetReplaces()
	switch o := t.opened.(type) {
	case *transport.Stream:
		return c.plane.AddStream(n, o.Wire(residual), spec, preference, replaces, t.kind, t.info.Overhead)
	case datagrams:
		return c.plane.AddDatagram(n, o.Wire(), spec, preference, replaces, t.kind, t.info.Overhead)
	}
	return diag.Newf(diag.Invalid, "a %s transport carries no packets", t.kind)
}

// datagrams is a transport of datagrams: UDP, raw IP, or DTLS.
type datagrams interface{ Wire() dataplane.Datagram }

func parseFraming(m *pluginpb.FrameSpec) (framing.Spec, error) {
	s, err := m.Spec()
	if err != nil {
		return s, diag.New(diag.Invalid, err.Error(), "The plugin describes its frames wrongly; report it to its author.")
	}
	return s, nil
}

func ms(v uint32) time.Duration { return time.Duration(v) * time.Millisecond }

func (c *connection) sendControl(f *pluginpb.ControlFrame) error {
	if c.plane == nil {
		return diag.New(diag.Invalid, "a frame without a path", "")
	}
	c.recordFrame(f.GetTransport(), true, f.GetType(), f.GetPayload())
	return c.plane.SendControl(f.GetTransport(), f.GetType(), f.GetPayload())
}

func (c *connection) export(m *pluginpb.FromPlugin, e *pluginpb.Export) {
	data, err := c.keyingMaterial(e.GetTransport(), e.GetLabel(), e.GetContext(), e.GetLength())
	if err != nil {
		c.reply(m, err)
		return
	}
	c.send(&pluginpb.FromHost{Re: m.Id, Message: &pluginpb.FromHost_Exported{Exported: &pluginpb.Exported{Data: data}}})
}

// keyingMaterial exports from a TLS transport (RFC 5705).
func (c *connection) keyingMaterial(n uint32, label string, context []byte, length uint32) ([]byte, error) {
	t := c.transports[n]
	if t == nil || length == 0 || length > 256 {
		return nil, diag.Newf(diag.Invalid, "keying material of %d bytes from transport %d", length, n)
	}
	s, ok := t.opened.(*transport.Stream)
	if !ok {
		return nil, diag.Newf(diag.Invalid, "transport %d is no TLS connection", n)
	}
	return s.Export(label, context, int(length))
}
