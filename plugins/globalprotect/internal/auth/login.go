package auth

import (
	"context"
	"errors"
	"net/url"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/form"
	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/gp"
	"github.com/penstock-vpn/penstock/plugins/internal/httpc"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// login is one under way.
type login struct {
	cfg    Config
	server *url.URL // portal or gateway

	with    credentials
	cookies form.Fields // of the portal, for the gateway
	session gp.Session  // as far as it is known
	region  string

	refusals, challenges int
}

// credentials are what a request for a login carries.
type credentials struct {
	user   string
	field  string // which carries secret
	secret string
	input  string // of the challenge that secret answers
	once   bool   // they cannot be used again: a code, or a cookie of the browser
}

func (c credentials) none() bool { return c.field == "" }

func (l *login) run(ctx context.Context) (*gp.Session, error) {
	if l.cfg.Role != Gateway {
		err := l.portal(ctx)
		absent := gp.KindOf(err) == gp.Absent && l.cfg.Role == Either
		if err != nil && !absent {
			return nil, err
		}
		if absent {
			l.cfg.User.Debug("There is no portal at this address; logging in at the gateway.")
			s, err := l.gateway(ctx)
			if gp.KindOf(err) == gp.Absent {
				err = diag.New(diag.Config, "there is neither a GlobalProtect portal nor a gateway at this address", "Check the option gateway.").With("gateway")
			}
			return s, err
		}
	}
	return l.gateway(ctx)
}

// portal logs in at the portal and goes to the gateway that it leads to.
func (l *login) portal(ctx context.Context) error {
	answer, err := l.rounds(ctx, gp.PortalPrelogin, gp.PortalConfig)
	if err != nil {
		return err
	}
	p, err := parsePortal(answer)
	if err != nil {
		return err
	}
	l.cookies, l.session.AppVersion, l.session.HIPInterval = p.cookies, p.version, p.hipInterval
	chosen, err := l.choose(ctx, p)
	if err != nil {
		return err
	}
	l.server, err = chosen.url()
	return err
}

// gateway logs in at the gateway; first with what served at the portal, if that can
// serve again.
func (l *login) gateway(ctx context.Context) (*gp.Session, error) {
	if len(l.cookies) > 0 || !l.with.none() && !l.with.once {
		again := l.with
		if again.once {
			again.field, again.secret, again.input = "passwd", "", ""
		}
		answer, err := l.submit(ctx, gp.GatewayLogin, again)
		if err == nil {
			answer, err = l.answerChallenges(ctx, gp.GatewayLogin, answer)
		}
		if err == nil {
			return l.finish(answer)
		}
		if kind := gp.KindOf(err); kind != gp.Refused && kind != gp.Dead {
			return nil, err
		}
		l.cfg.User.Debug("The gateway does not take the portal's login; logging in there too.")
		l.cookies, l.with = nil, credentials{user: l.with.user}
	}
	answer, err := l.rounds(ctx, gp.GatewayPrelogin, gp.GatewayLogin)
	if err != nil {
		return nil, err
	}
	return l.finish(answer)
}

// rounds asks how to log in and does it, again after a refusal, until there is a
// document.
func (l *login) rounds(ctx context.Context, preloginPath, loginPath string) (gp.Answer, error) {
	pre, err := l.prelogin(ctx, preloginPath)
	if err != nil {
		return gp.Answer{}, err
	}
	refusal := ""
	for {
		if l.with, err = l.credentials(ctx, pre, refusal); err != nil {
			return gp.Answer{}, err
		}
		answer, err := l.submit(ctx, loginPath, l.with)
		if err == nil {
			answer, err = l.answerChallenges(ctx, loginPath, answer)
		}
		if err == nil || gp.KindOf(err) != gp.Refused {
			return answer, err
		}
		if l.refusals++; l.refusals >= maxRefusals || l.with.field != "passwd" {
			return gp.Answer{}, err
		}
		refusal = diag.Of(err).Summary
	}
}

// answerChallenges goes on until the answer is a document.
func (l *login) answerChallenges(ctx context.Context, path string, answer gp.Answer) (gp.Answer, error) {
	for answer.Challenge != nil {
		if l.challenges++; l.challenges > maxChallenges {
			return answer, diag.New(diag.Protocol, "the gateway asks for codes without end", "Ask its administrator.")
		}
		code, err := l.askCode(ctx, answer.Challenge)
		if err != nil {
			return answer, err
		}
		l.with = credentials{user: l.with.user, field: "passwd", secret: code, input: answer.Challenge.Input, once: true}
		if answer, err = l.submit(ctx, path, l.with); err != nil {
			return answer, err
		}
	}
	return answer, nil
}

func (l *login) prelogin(ctx context.Context, path string) (prelogin, error) {
	id := l.cfg.Identity
	fields := form.Fields{
		{Name: "clientVer", Value: gp.ClientVersion}, {Name: "clientos", Value: id.OS}, {Name: "os-version", Value: id.OSVersion},
		{Name: "host-id", Value: id.HostID}, {Name: "ipv6-support", Value: id.IPv6()},
	}
	if l.cfg.SSO {
		fields = fields.With("cas-support", "yes").With("default-browser", "1")
	}
	answer, at, err := gp.Prelogin(ctx, l.cfg.HTTP, l.server, path, id, fields)
	if err != nil {
		return prelogin{}, err
	}
	l.server = at
	pre, err := parsePrelogin(answer.Root)
	if err == nil && pre.region != "" {
		l.region = pre.region
	}
	return pre, err
}

// submit sends credentials to a portal or gateway.
func (l *login) submit(ctx context.Context, path string, c credentials) (gp.Answer, error) {
	id := l.cfg.Identity
	passwd := ""
	if c.field == "passwd" {
		passwd = c.secret
	}
	cookie := func(name string) string {
		switch {
		case c.field == name:
			return c.secret
		case l.cookies.Get(name) != "":
			return l.cookies.Get(name)
		}
		return noCookie
	}
	fields := form.Fields{
		{Name: "prot", Value: "https:"}, {Name: "server", Value: l.server.Hostname()}, {Name: "inputStr", Value: c.input},
		{Name: "jnlpReady", Value: "jnlpReady"}, {Name: "user", Value: c.user}, {Name: "passwd", Value: passwd},
		{Name: "computer", Value: id.Computer}, {Name: "ok", Value: "Login"}, {Name: "direct", Value: "yes"},
		{Name: "clientVer", Value: gp.ClientVersion}, {Name: "os-version", Value: id.OSVersion},
		{Name: "preferred-ip", Value: ""}, {Name: "clientos", Value: id.OS}, {Name: "clientgpversion", Value: l.session.Version(id)},
		{Name: userAuthCookie, Value: cookie(userAuthCookie)}, {Name: prelogonCookie, Value: cookie(prelogonCookie)},
		{Name: "host-id", Value: id.HostID}, {Name: "internal", Value: "no"}, {Name: "ipv6-support", Value: id.IPv6()},
	}
	switch c.field {
	case "passwd", userAuthCookie, prelogonCookie:
	default:
		fields = fields.With(c.field, c.secret)
	}
	return gp.Do(ctx, l.cfg.HTTP, l.server, path, fields)
}

// finish makes the session of the gateway's answer.
func (l *login) finish(answer gp.Answer) (*gp.Session, error) {
	in, err := parseLogin(answer.Root)
	if err != nil {
		return nil, err
	}
	if in.passwordDays >= 0 && in.passwordDays <= passwordWarnsFrom {
		l.cfg.User.Warn("The password expires in %d days.", in.passwordDays)
	}
	if in.connection != "tunnel" && in.connection != "" {
		l.cfg.User.Warn("The gateway offers a connection of the unknown type %.40q.", in.connection)
	}
	l.session.OSVersion = l.cfg.Identity.OSVersion
	l.session.Gateway, l.session.Cookie = l.server, in.cookie(l.with.user, l.cfg.Identity.Computer)
	return &l.session, nil
}

// explain finds the certificate behind a connection that ends without an answer: with
// TLS 1.3 a gateway that misses one, or refuses it, says so only then.
func (l *login) explain(err error) error {
	if err == nil || l.cfg.Peer == nil || !errors.Is(err, httpc.ErrEnded) || !l.cfg.Peer().CertRequested {
		return err
	}
	if l.cfg.Peer().CertSent {
		return diag.New(diag.AuthRefused, "the gateway did not accept the client certificate", "Check that it is valid, and meant for this gateway.").With("usercert")
	}
	return diag.New(diag.AuthRefused, "the gateway wants a client certificate", "Name one with the option `usercert`, and its key with `userkey`.").With("usercert")
}
