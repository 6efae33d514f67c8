package auth

import (
	"context"
	"errors"
	"net/url"
	"path"
	"strings"

	"github.com/penstock-vpn/penstock/plugins/internal/aggregate"
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
func (l *login) begin(ctx context.Context) (*aggregate.Document, error) {
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
func (l *login) beginXML(ctx context.Context) (*aggregate.Document, error) {
	target := l.base
	for range 3 {
		body := l.compose.Init(target.String(), l.answers.Chosen(), nil, l.certFailed)
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
	if l.answers.Group == "" {
		l.answers.Group = group
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
func (l *login) beginPlain(ctx context.Context) (*aggregate.Document, error) {
	r, at, err := l.http.Follow(ctx, "GET", l.base, l.fields("", nil), nil)
	if err != nil {
		return nil, err
	}
	return l.read(r, at)
}

// post sends the answer to a form.
func (l *login) post(ctx context.Context, f *aggregate.Form) (*aggregate.Document, error) {
	kind, body := xmlType, []byte(nil)
	if l.plain {
		kind, body = formType, urlencoded(f)
	} else {
		body = l.compose.Reply(f, l.opaque, l.scanToken)
	}
	r, at, err := l.http.Follow(ctx, "POST", l.url, l.fields(kind, body), body)
	if err != nil {
		return nil, err
	}
	return l.read(r, at)
}

// read makes a document of an answer that came from there.
func (l *login) read(r *httpc.Response, from *url.URL) (*aggregate.Document, error) {
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

// parseDocument reads an answer that must lead on.
func parseDocument(body []byte, os string) (*aggregate.Document, error) {
	d, err := aggregate.Parse(body, os)
	if err == nil && d.Empty() {
		err = diag.New(diag.Protocol, "the gateway's answer is neither a login form nor a session",
			"Check the gateway's address and path. Some gateways answer only to a client they know: try the option `useragent`.")
	}
	return d, err
}

// urlencoded answers a form the old way.
func urlencoded(f *aggregate.Form) []byte {
	pairs := make([]string, 0, len(f.Inputs))
	for _, in := range f.Inputs {
		pairs = append(pairs, url.QueryEscape(in.Name)+"="+url.QueryEscape(in.Value))
	}
	return []byte(strings.Join(pairs, "&"))
}

// moveTo makes the form's action, or else its own address, the next target. An
// answer with a password in it stays with the host that asked.
func (l *login) moveTo(from *url.URL, d *aggregate.Document) error {
	l.url = from
	if d.Form == nil || d.Form.Action == "" {
		return nil
	}
	action, err := from.Parse(d.Form.Action)
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
