package tunnel

import (
	"context"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/config"
	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/form"
	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/gp"
	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/hip"
	"github.com/penstock-vpn/penstock/plugins/internal/httpc"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// negotiator speaks with the gateway, in goroutines beside the life.
type negotiator struct {
	s   *sdk.Session
	opt Options
}

// client is one for a conversation; peer, if not nil, hears of each connection.
func (n negotiator) client(peer func(sdk.Info)) *httpc.Client {
	return Client(n.s, n.opt.UserAgent, n.opt.Certificate, requestTimeout, peer)
}

// settings asks for the tunnel's settings.
func (n negotiator) settings(ctx context.Context, c *httpc.Client, session gp.Session, addresses []netip.Prefix, cbc bool) (config.Config, error) {
	rq := config.Request{Session: session, Identity: n.opt.Identity, NoESP: n.opt.NoESP, CBC: cbc}
	for _, a := range addresses {
		rq.Addresses = append(rq.Addresses, a.Addr())
	}
	answer, err := gp.Do(ctx, c, session.Gateway, gp.GatewayConfig, rq.Fields())
	if err != nil {
		return config.Config{}, err
	}
	got, err := config.Parse(answer.Root, n.opt.Identity.NoIPv6)
	if err == nil && !got.NeedTunnel {
		err = sdk.Fail(sdk.Never, diag.New(diag.SessionEnded, "the gateway says that this computer needs no tunnel", "It seems to be inside of the gateway's network already."))
	}
	return got, err
}

// hipCheck tells about the computer, if the gateway wants to know. A failure is no
// reason to be without a tunnel: the gateway decides what goes through.
func (n negotiator) hipCheck(ctx context.Context, c *httpc.Client, session gp.Session, addresses []netip.Prefix) (sent bool) {
	check := hip.Check{
		Session: session, Identity: n.opt.Identity, Addresses: addresses, Wrapper: n.opt.Wrapper, HTTP: c, User: n.s,
		BeforeAsk: func() error { return n.s.Phase(sdk.Negotiating) },
	}
	sent, err := check.Run(ctx)
	if err != nil && ctx.Err() == nil {
		n.s.Warn("%v", err)
	}
	return sent
}

// startTunnel is what a gateway says in place of an answer by HTTP.
const startTunnel = "START_TUNNEL"

// openTLS asks for the tunnel over TLS. What it returns is the tunnel from its first byte.
func (n negotiator) openTLS(ctx context.Context, session gp.Session, path string) (*sdk.Transport, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	t, err := openTLS(ctx, n.s, session.Gateway.Hostname(), httpc.Port(session.Gateway), n.opt.Certificate)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = t.SetDeadline(time.Unix(1, 0)) })
	err = n.start(t, path, session.Cookie.Only(gp.UserName, gp.AuthCookie))
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = t.Close()
		if ctx.Err() != nil {
			return nil, diag.New(diag.Unreachable, "the gateway did not answer in time", "It was asked for a tunnel over TLS.")
		}
		return nil, err
	}
	return t, nil
}

// start is the whole exchange: a request without header fields, and twelve letters.
func (n negotiator) start(t *sdk.Transport, path string, who form.Fields) error {
	user, cookie := who.Only(gp.UserName), who.Only(gp.AuthCookie)
	query := append(user, cookie...).Encode()
	n.s.TraceText("> GET " + path + "?[redacted] HTTP/1.1")
	if _, err := t.Write([]byte("GET " + path + "?" + query + " HTTP/1.1\r\n\r\n")); err != nil {
		return broken(err)
	}
	answer := make([]byte, len(startTunnel))
	got, err := io.ReadFull(t, answer)
	if string(answer) == startTunnel {
		n.s.TraceText("< " + startTunnel)
		return nil
	}
	if err != nil && got == 0 {
		return broken(err)
	}
	// What begins as HTTP tells a status; that is as much of it as is read.
	n.s.TraceText("< " + strconv.QuoteToASCII(string(answer[:got])))
	return refusedTunnel(string(answer[:got]))
}

func broken(err error) error {
	if err == io.EOF {
		return diag.New(diag.Unreachable, "the gateway closed the connection in place of a tunnel over TLS", "Try again later, or ask its administrator.")
	}
	return diag.New(diag.Unreachable, "the connection to the gateway broke: "+err.Error(), "Try again.")
}

// refusedTunnel is the error for "HTTP/1.1 502".
func refusedTunnel(answer string) error {
	_, rest, found := strings.Cut(answer, " ")
	status, err := strconv.Atoi(rest)
	if !found || err != nil || !strings.HasPrefix(answer, "HTTP/") {
		return diag.New(diag.Protocol, "the gateway answers "+strconv.QuoteToASCII(answer)+" where a tunnel over TLS was asked for", "Ask its administrator.")
	}
	return gp.StatusError(status)
}
