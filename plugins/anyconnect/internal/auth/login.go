package auth

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/penstock-vpn/penstock/plugins/internal/httpc"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
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
	maxFailures  = 3 // refused or empty answers
)

type login struct {
	cfg     Config
	http    *httpc.Client
	compose composer
	begins  int

	base  *url.URL // where the login begins; a redirect to another gateway moves it
	url   *url.URL // where the next answer goes
	plain bool     // plain forms in place of XML

	group      string // as the gateway knows it; "": not chosen yet
	groupKnown bool   // chosen, not to be asked for again
	opaque     []byte
	scanned    bool // the host scan was run
	scanToken  string
	certTried  bool // the certificate was shown on a connection of its own
	certFailed bool // the gateway was told that there is none
	banner     string
	manifest   Manifest

	rounds // of forms
}

// Login runs until the gateway gives a session or refuses for good.
func Login(ctx context.Context, cfg Config) (*Result, error) {
	l := &login{
		cfg: cfg, http: cfg.HTTP, compose: composer{version: cfg.Version, os: cfg.OS, sso: cfg.SSO},
		base: cfg.Gateway, url: cfg.Gateway, plain: cfg.PlainForms,
	}
	if l.cfg.Keys == nil && l.cfg.SSO == SSOAny {
		l.compose.sso = SSOEmbedded
	}
	d, err := l.begin(ctx)
	for range maxDocuments {
		if err != nil {
			return nil, l.explain(err)
		}
		l.note(d)
		if d.authenticated {
			return l.result(d)
		}
		d, err = l.next(ctx, d)
	}
	return nil, diag.New(diag.Protocol, "the gateway asks without end", "Ask its administrator; see --dump-http.")
}

// note keeps what later requests and the result need.
func (l *login) note(d *document) {
	if d.opaque != nil {
		l.opaque = d.opaque
	}
	if d.token != "" {
		l.http.Cookies.Set(l.url.Hostname(), "webvpn", d.token)
	}
	if d.manifest.URI != "" {
		l.manifest = d.manifest
	}
	if d.form != nil && !d.authenticated && d.form.banner != "" && d.form.banner != l.banner {
		l.banner = d.form.banner
		l.cfg.User.Info("%s", l.banner)
	}
}

// next does what the document asks for and returns what the gateway says then.
func (l *login) next(ctx context.Context, d *document) (*document, error) {
	switch {
	case d.scan.wanted() && !l.scanned:
		return l.check(ctx, d.scan)
	case d.certRequest && !d.certAccepted:
		return l.certificate(ctx)
	case d.certificates:
		return nil, diag.New(diag.AuthRefused, "the gateway wants two client certificates in one login", "This is not supported.")
	case d.form == nil || len(d.form.inputs) == 0 && !d.form.justPost:
		return nil, l.refused(d)
	}
	again, err := l.chooseGroup(ctx, d.form)
	if err != nil {
		return nil, err
	}
	if again {
		return l.begin(ctx)
	}
	refusal := l.refusal(d)
	if err := l.count(refusal); err != nil {
		return nil, err
	}
	if refusal != "" && d.errorText == "" && d.form.input("username") == nil {
		return l.startOver(ctx, refusal)
	}
	if err := l.fill(ctx, d.form, refusal); err != nil {
		return nil, err
	}
	return l.post(ctx, d.form)
}

// startOver begins a login of several steps again after one was refused: some
// gateways take no second password in one login. The steps before are repeated with
// the answers that they had.
func (l *login) startOver(ctx context.Context, refusal string) (*document, error) {
	l.http.Close()
	l.http.Cookies.Clear(l.base.Hostname())
	l.opaque = nil
	l.rounds.startOver(refusal)
	return l.begin(ctx)
}

// certificate answers client-cert-request. Many gateways look for the certificate
// only on a second connection.
func (l *login) certificate(ctx context.Context) (*document, error) {
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
		return nil, certificateRefused(l.cfg.Certificate)
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
		return certificateRefused(peer.CertSent)
	}
	return err
}

func certificateRefused(had bool) error {
	if had {
		return diag.New(diag.AuthRefused, "the gateway did not accept the client certificate", "Check that it is valid, and meant for this gateway and group.").With("usercert")
	}
	return diag.New(diag.AuthRefused, "the gateway wants a client certificate", "Name one with the option `usercert`, and its key with `userkey`.").With("usercert")
}

// refused is the error for a document that leaves nothing to answer.
func (l *login) refused(d *document) error {
	text := d.errorText
	if text == "" && d.form != nil {
		text = d.form.message
	}
	switch text {
	case "":
		return diag.New(diag.AuthRefused, "the gateway refused the login without a reason", "Ask its administrator.")
	case "Certificate Validation Failure":
		return certificateRefused(l.cfg.Certificate)
	}
	return diag.New(diag.AuthRefused, "the gateway refused the login: "+text, "Check user name, password and group.")
}

func (l *login) result(d *document) (*Result, error) {
	host := l.url.Hostname()
	cookie := l.http.Cookies.Get(host, "webvpn")
	if cookie == "" {
		return nil, diag.New(diag.Protocol, "the gateway accepted the login but gave no session cookie", "See --dump-http.")
	}
	r := &Result{Cookie: cookie, Gateway: l.base, Banner: d.form.banner, Manifest: l.manifest}
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
