package host

import (
	"crypto/x509"
	"net/netip"
	"net/url"

	"github.com/penstock-vpn/penstock/host/internal/session"
	"github.com/penstock-vpn/penstock/host/internal/transport"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
	"github.com/penstock-vpn/penstock/sdk/secret"
)

// Login is a session that the plugin has logged in to, for this connection or, by the
// option cookie, for another one to go on with.
type Login struct {
	Cookie      secret.String
	Gateway     *url.URL
	Address     netip.Addr        // of the gateway; not valid behind a proxy
	Certificate *x509.Certificate // of the gateway; nil: it has shown none
}

// loggedIn takes what the plugin hands out. Who wants no more than that has no answer:
// the session is stopped, and lives on at the gateway.
func (c *connection) loggedIn(m *pluginpb.FromPlugin, l *pluginpb.LoggedIn) {
	u, err := url.Parse(l.GetGateway())
	switch {
	case c.settings.OnLogin == nil:
		c.reply(m, diag.New(diag.Invalid, "a session that nobody asked for", ""))
		return
	case err != nil || u.Scheme != "https" || u.Hostname() == "" || l.GetCookie() == "":
		c.reply(m, diag.New(diag.Invalid, "a session without a cookie or a gateway", ""))
		return
	}
	c.redact.add(l.GetCookie())
	login := Login{Cookie: secret.New(l.GetCookie()), Gateway: u}
	login.Address, login.Certificate = c.dialer.Peer(u.Hostname())
	c.settings.OnLogin(login)
	c.handedOut = true
	if c.settings.LoginOnly {
		c.step(session.Stop{})
		return
	}
	c.reply(m, nil)
}

// negotiating ends a connection that was to log in alone and goes beyond that.
func (c *connection) negotiating() {
	if c.settings.LoginOnly && !c.handedOut {
		c.step(session.Broken{Why: diag.New(diag.Config, "the protocol "+c.profile.Protocol+" hands out no session", "Connect without a separate login.").With("protocol")})
	}
}

// Pin is what accepts a certificate in the option servercert.
func Pin(c *x509.Certificate) string { return transport.Pin(c) }
