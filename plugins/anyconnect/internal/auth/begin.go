package auth

import (
	"context"
	"errors"
	"net/url"
	"path"
	"strings"

	"github.com/penstock-vpn/penstock/plugins/internal/httpc"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

const (
	xmlType  = "application/xml; charset=utf-8"
	formType = "application/x-www-form-urlencoded"
)

// errNoXML says that the gateway does not take part in the XML way.
var errNoXML = errors.New("no XML by POST")

// begin asks for the first form, by XML if the gateway can.
func (l *login) begin(ctx context.Context) (*document, error) {
	if l.begins++; l.begins > maxBegins {
		return nil, diag.New(diag.AuthRefused, "the gateway begins the login again and again", "Check group and client certificate.")
	}
	if !l.plain {
		d, err := l.beginXML(ctx)
		if !errors.Is(err, errNoXML) {
			return d, err
		}
		l.cfg.User.Debug("The gateway does not answer to XML; going on with plain forms.")
		l.plain = true
		l.http.Close()
	}
	return l.beginPlain(ctx)
}

// beginXML posts init. A gateway may send us to another one; a redirect within one
// means that it does not know the XML way.
func (l *login) beginXML(ctx context.Context) (*document, error) {
	target := l.base
	for range 3 {
		body := l.compose.initial(target, l.group, l.certFailed)
		r, err := l.http.Do(ctx, "POST", target, l.fields(xmlType, body), body)
		if err != nil {
			return nil, protocolMeans(errNoXML, err)
		}
		next, err := httpc.Redirect(target, r)
		switch {
		case err != nil:
			return nil, err
		case r.Status == 404 && l.pathIsGroup():
			target = l.base
			continue
		case next != nil && next.Host == target.Host, next == nil && r.Status != 200:
			return nil, errNoXML
		case next != nil:
			l.cfg.User.Info("The gateway sends us on to %s.", next.Hostname())
			target = next
			continue
		}
		d, err := parseDocument(r.Body, l.cfg.OS)
		if err != nil {
			return nil, protocolMeans(errNoXML, err)
		}
		l.base = target
		return d, l.moveTo(target, d)
	}
	return nil, errNoXML
}

// pathIsGroup takes the last part of the address's path for the group, once, where
// the gateway knows no paths.
func (l *login) pathIsGroup() bool {
	group := path.Base(l.base.Path)
	if group == "." || group == "/" {
		return false
	}
	root := *l.base
	root.Path, root.RawPath, root.RawQuery = "/", "", ""
	l.base = &root
	if l.cfg.Group == "" {
		l.cfg.Group = group
	}
	return true
}

// protocolMeans replaces an error about the other side's words by another.
func protocolMeans(meaning, err error) error {
	if diag.Of(err).Code == diag.Protocol {
		return meaning
	}
	return err
}

// beginPlain gets the first form as browsers do.
func (l *login) beginPlain(ctx context.Context) (*document, error) {
	r, at, err := l.http.Follow(ctx, "GET", l.base, l.fields("", nil), nil)
	if err != nil {
		return nil, err
	}
	return l.read(r, at)
}

// post sends the answer to a form.
func (l *login) post(ctx context.Context, f *form) (*document, error) {
	kind, body := xmlType, []byte(nil)
	if l.plain {
		kind, body = formType, f.urlencoded()
	} else {
		body = l.compose.reply(f, l.opaque, l.scanToken)
	}
	r, at, err := l.http.Follow(ctx, "POST", l.url, l.fields(kind, body), body)
	if err != nil {
		return nil, err
	}
	return l.read(r, at)
}

// read makes a document of an answer that came from there.
func (l *login) read(r *httpc.Response, from *url.URL) (*document, error) {
	if r.Status != 200 {
		return nil, statusError(r)
	}
	d, err := parseDocument(r.Body, l.cfg.OS)
	if err != nil {
		return nil, err
	}
	if from.Host != l.base.Host {
		l.base = from
	}
	return d, l.moveTo(from, d)
}

// moveTo makes the form's action, or else its own address, the next target. An
// answer with a password in it stays with the host that asked.
func (l *login) moveTo(from *url.URL, d *document) error {
	l.url = from
	if d.form == nil || d.form.action == "" {
		return nil
	}
	action, err := from.Parse(d.form.action)
	if err != nil || action.Scheme != "https" || action.Host != from.Host {
		return diag.New(diag.Protocol, "the gateway's login form wants its answer sent elsewhere", "Nothing was sent. Ask the administrator of the gateway.")
	}
	l.url = action
	return nil
}

// padTo hides the length of a password: what is sent with a body is a multiple of it.
const padTo = 64

// fields are the login's own header fields; kind is the body's type.
func (l *login) fields(kind string, body []byte) httpc.Header {
	var h httpc.Header
	if !l.plain {
		h = append(h, httpc.Field{Name: "X-Aggregate-Auth", Value: "1"})
	}
	if kind != "" {
		h = append(h, httpc.Field{Name: "Content-Type", Value: kind},
			httpc.Field{Name: "X-Pad", Value: strings.Repeat("0", padTo-len(body)%padTo)})
	}
	return h
}
