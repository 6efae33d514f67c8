package tunnel

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"

	"github.com/penstock-vpn/penstock/plugins/anyconnect/internal/auth"
	"github.com/penstock-vpn/penstock/plugins/anyconnect/internal/cstp"
	"github.com/penstock-vpn/penstock/plugins/internal/httpc"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// granted is a tunnel that the gateway has opened on a connection.
type granted struct {
	conn   Conn
	over   []byte // of the tunnel, read with the answer
	config cstp.Config
	keys   *auth.Keys // for the next one
	master []byte     // offered for DTLS
	psk    bool       // a key from conn was offered
}

// negotiator asks for tunnels; it is used by one goroutine at a time.
type negotiator struct {
	host Host
	opt  Options
}

// connect asks for the tunnel with the session's cookie, on the connection that was
// kept from the login if that still serves.
func (n negotiator) connect(ctx context.Context, s session, kept Conn) (*granted, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if kept != nil {
		g, err := n.ask(ctx, s, kept)
		if err == nil {
			return g, nil
		}
		_ = kept.Close()
		if code := diag.Of(err).Code; code == diag.AuthRefused || code == diag.SessionEnded || ctx.Err() != nil {
			return nil, err
		}
	}
	conn, err := n.host.OpenTLS(ctx, s.Gateway.Hostname(), httpc.Port(s.Gateway), n.opt.Certificate)
	if err != nil {
		return nil, err
	}
	g, err := n.ask(ctx, s, conn)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return g, nil
}

func (n negotiator) ask(ctx context.Context, s session, conn Conn) (*granted, error) {
	g := &granted{conn: conn, keys: s.Keys}
	rq := cstp.Request{
		Cookie: s.Cookie, Hostname: n.opt.Hostname, BaseMTU: conn.Info().PathMTU, MTU: n.opt.MTU,
		NoIPv6: n.opt.NoIPv6, Addresses: s.addresses(),
	}
	if err := n.prove(&rq, g, conn.Info().ChannelBinding); err != nil {
		return nil, err
	}
	if !n.opt.NoDTLS {
		if err := n.offer(ctx, &rq, g); err != nil {
			return nil, err
		}
	}
	client := &httpc.Client{
		Dial:   func(context.Context, string, int) (net.Conn, error) { return conn, nil },
		Header: httpc.Header{{Name: "User-Agent", Value: n.opt.UserAgent}},
	}
	if n.opt.Trace {
		client.Trace = n.host.TraceText
	}
	r, _, over, err := client.Connect(ctx, s.Gateway, cstp.Target, rq.Header())
	if err != nil {
		return nil, err
	}
	if r.Status != 200 {
		return nil, refusal(r)
	}
	g.over = over
	g.config, err = cstp.ParseReply(r.Header)
	return g, err
}

// prove binds the session to this client, where the connection allows it.
func (n negotiator) prove(rq *cstp.Request, g *granted, binding []byte) error {
	if g.keys == nil {
		return nil
	}
	if len(binding) == 0 {
		n.host.Debug("The TLS connection has no channel binding; going on without proof of the session key.")
		return nil
	}
	proof, next, err := g.keys.Prove(binding)
	rq.Proof, g.keys = proof, next
	return err
}

func (n negotiator) offer(ctx context.Context, rq *cstp.Request, g *granted) error {
	g.master = make([]byte, 48)
	if _, err := rand.Read(g.master); err != nil {
		return err
	}
	g.psk = !n.opt.NoPSK && g.conn.CanExport(ctx)
	if !g.psk && !n.opt.NoPSK {
		n.host.Debug("The TLS connection exports no key; DTLS is offered by resumption only.")
	}
	rq.DTLS = &cstp.Offer{MasterSecret: g.master, PSK: g.psk, Suites: n.opt.Suites}
	return nil
}

// blame makes the refusal of the first tunnel one of the cookie, if that is the
// user's. Some gateways answer to one they do not know as if they were busy.
func (o Options) blame(d *diag.Diagnostic) *diag.Diagnostic {
	if o.CookieOption == "" || d.Code != diag.AuthRefused && d.Code != diag.SessionEnded {
		return d
	}
	return diag.New(diag.AuthRefused, "the session cookie opens no tunnel: "+d.Summary,
		"The cookie's session has ended, or is another gateway's. Log in for a new one, or remove it to log in here.").With(o.CookieOption)
}

// refusal is the error for an answer that grants no tunnel.
func refusal(r *httpc.Response) error {
	reason := r.Header.Get("X-Reason")
	if reason == "" {
		reason = r.Reason
	}
	switch r.Status {
	case 401:
		return diag.New(diag.AuthRefused, "the gateway does not know the session any more", "It ended, or was ended by the gateway. Log in again.")
	case 503:
		return diag.New(diag.SessionEnded, "the gateway refuses the tunnel: "+reason, "Try again later, or ask the gateway's administrator.")
	}
	return diag.New(diag.Protocol, fmt.Sprintf("the gateway answers %d %s where a tunnel was asked for", r.Status, reason),
		"Check that the address is that of an AnyConnect gateway, and its path.")
}
