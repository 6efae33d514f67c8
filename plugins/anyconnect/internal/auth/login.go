package auth

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/penstock-vpn/penstock/plugins/internal/aggregate"
	"github.com/penstock-vpn/penstock/plugins/internal/httpc"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// A login is a walk from document to document:
//
//	begin ──> document ──┬─ authenticated ──────────────> Result
//	  ^                  ├─ host scan wanted ─> check ──┐
//	  │                  ├─ certificate wanted ─────────┤
//	  ├──────────────────┴─ another group, start over ──┘ (begin again)
//	  │                  └─ form ─> answer ─> post ──> document
//	  └─ the XML way fails ─> plain forms

const (
	maxDocuments = 40 // of one login
	maxBegins    = 8
)

type login struct {
	cfg     Config
	http    *httpc.Client
	compose aggregate.Composer
	begins  int

	base  *url.URL // where the login begins; a redirect to another gateway moves it
	url   *url.URL // where the next answer goes
	plain bool     // plain forms in place of XML

	opaque     []byte
	scanned    bool // the host scan was run
	scanToken  string
	certTried  bool // the certificate was shown on a connection of its own
	certFailed bool // the gateway was told that there is none
	banner     string
	manifest   Manifest

	answers aggregate.Answers
}

// Login runs until the gateway gives a session or refuses for good.
func Login(ctx context.Context, cfg Config) (*Result, error) {
	l := &login{
		cfg: cfg, http: cfg.HTTP, compose: aggregate.Composer{Version: cfg.Version, OS: cfg.OS, Methods: cfg.methods()},
		base: cfg.Gateway, url: cfg.Gateway, plain: cfg.PlainForms,
		answers: aggregate.Answers{Group: cfg.Group, Entries: cfg.Entries},
	}
	d, err := l.begin(ctx)
	for range maxDocuments {
		if err != nil {
			return nil, l.explain(err)
		}
		l.note(d)
		if d.Authenticated {
			return l.result(d)
		}
		d, err = l.next(ctx, d)
	}
	return nil, diag.New(diag.Protocol, "the gateway asks without end", "Ask its administrator; see --dump-http.")
}

// note keeps what later requests and the result need.
func (l *login) note(d *aggregate.Document) {
	if d.Opaque != nil {
		l.opaque = d.Opaque
	}
	if d.Token != "" {
		l.http.Cookies.Set(l.url.Hostname(), "webvpn", d.Token)
	}
	if m := manifestIn(d.Config); m.URI != "" {
		l.manifest = m
	}
	if d.Form != nil && !d.Authenticated && d.Form.Banner != "" && d.Form.Banner != l.banner {
		l.banner = d.Form.Banner
		l.cfg.User.Info("%s", l.banner)
	}
}

// next does what the document asks for and returns what the gateway says then.
func (l *login) next(ctx context.Context, d *aggregate.Document) (*aggregate.Document, error) {
	switch {
	case d.Scan.Wanted() && !l.scanned:
		return l.check(ctx, d.Scan)
	case d.CertRequest && !d.CertAccepted:
		return l.certificate(ctx)
	case d.Certificates:
		return nil, diag.New(diag.AuthRefused, "the gateway wants two client certificates in one login", "This is not supported.")
	case d.Form == nil || len(d.Form.Inputs) == 0 && !d.Form.JustPost:
		return nil, d.Refused(l.cfg.Certificate)
	}
	again, err := l.chooseGroup(ctx, d.Form)
	if err != nil {
		return nil, err
	}
	if again {
		return l.begin(ctx)
	}
	refusal, err := l.answers.Refusal(d)
	if err != nil {
		return nil, err
	}
	if refusal != "" && d.ErrorText == "" && d.Form.Input("username") == nil {
		return l.startOver(ctx, refusal)
	}
	if err := l.fill(ctx, d.Form, refusal); err != nil {
		return nil, err
	}
	return l.post(ctx, d.Form)
}

func (l *login) chooseGroup(ctx context.Context, f *aggregate.Form) (again bool, err error) {
	l.answers.Host, l.answers.FixedGroup = l.base.Hostname(), l.plain
	again, ask, err := l.answers.ChooseGroup(f)
	if err != nil || ask == nil {
		return again, err
	}
	answer, err := l.cfg.User.Ask(ctx, *ask)
	if err != nil {
		return false, err
	}
	return l.answers.TakeGroup(f, ask, answer)
}

// fill answers every field of the form: from scripts, from the browser, by asking.
func (l *login) fill(ctx context.Context, f *aggregate.Form, refusal string) error {
	if token := f.SSOInput(); token != nil && f.SSO.Login != "" {
		value, err := l.browse(ctx, f)
		if err != nil {
			return err
		}
		token.Value = value
	}
	p := l.answers.Questions(f, refusal)
	if p == nil {
		return nil
	}
	answer, err := l.cfg.User.Ask(ctx, *p)
	if err != nil {
		return err
	}
	return l.answers.Take(f, p, answer)
}

// ask asks what no form asks.
func (l *login) ask(ctx context.Context, p prompt.Prompt) (map[string]string, error) {
	answer, err := l.cfg.User.Ask(ctx, p)
	if err != nil {
		return nil, err
	}
	return l.answers.Values(&p, answer)
}

// startOver begins a login of several steps again after one was refused: some
// gateways take no second password in one login. The steps before are repeated with
// the answers that they had.
func (l *login) startOver(ctx context.Context, refusal string) (*aggregate.Document, error) {
	l.http.Close()
	l.http.Cookies.Clear(l.base.Hostname())
	l.opaque = nil
	l.answers.StartOver(refusal)
	return l.begin(ctx)
}

// certificate answers client-cert-request. Many gateways look for the certificate
// only on a second connection.
func (l *login) certificate(ctx context.Context) (*aggregate.Document, error) {
	l.http.Close()
	switch {
	case l.cfg.Certificate && !l.certTried:
		l.certTried = true
	case !l.certFailed && !l.plain:
		l.certFailed = true
		l.cfg.User.Info("%s", map[bool]string{
			true:  "The gateway did not take the client certificate; trying without.",
			false: "The gateway asks for a client certificate and none is configured; trying without.",
		}[l.cfg.Certificate])
	default:
		return nil, aggregate.CertificateRefused(l.cfg.Certificate)
	}
	return l.begin(ctx)
}

func (l *login) peer() sdk.Info {
	if l.cfg.Peer == nil {
		return sdk.Info{}
	}
	return l.cfg.Peer()
}

// explain finds the certificate behind a connection that ends without an answer: with
// TLS 1.3 a gateway that misses one, or refuses it, says so only then.
func (l *login) explain(err error) error {
	if peer := l.peer(); errors.Is(err, httpc.ErrEnded) && peer.CertRequested {
		return aggregate.CertificateRefused(peer.CertSent)
	}
	return err
}

func (l *login) result(d *aggregate.Document) (*Result, error) {
	host := l.url.Hostname()
	cookie := l.http.Cookies.Get(host, "webvpn")
	if cookie == "" {
		return nil, diag.New(diag.Protocol, "the gateway accepted the login but gave no session cookie", "See --dump-http.")
	}
	r := &Result{Cookie: cookie, Gateway: l.base, Banner: d.Form.Banner, Manifest: l.manifest}
	if r.Manifest.URI == "" {
		r.Manifest = manifestInCookie(l.http.Cookies.Get(host, "webvpnc"))
	}
	return r, nil
}

// statusError is the refusal that an HTTP status means.
func statusError(r *httpc.Response) error {
	what := fmt.Sprintf("the gateway answers %d %s", r.Status, r.Reason)
	switch r.Status {
	case 401, 403:
		return diag.New(diag.AuthRefused, "the gateway refused the login ("+r.Reason+")", "Check user name and password.")
	case 404:
		return diag.New(diag.Protocol, what, "Check the address and its path. Some gateways answer only to a client they know: try the option `useragent`, for example \"Open AnyConnect VPN Agent v9.12\".").With("useragent")
	}
	return diag.New(diag.Protocol, what, "Check that the address is that of an AnyConnect gateway.")
}
