// Package gp is what all conversations with a GlobalProtect portal or gateway have in
// common: who the client says that it is, how a request goes, what an answer may be
// (XML, JavaScript, either in HTML, or an odd status), and what a login leaves.
package gp

import (
	"context"
	"net/url"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/form"
	"github.com/penstock-vpn/penstock/plugins/internal/httpc"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// Paths of requests to a portal and to a gateway.
const (
	PortalPrelogin  = "/global-protect/prelogin.esp"
	PortalConfig    = "/global-protect/getconfig.esp"
	GatewayPrelogin = "/ssl-vpn/prelogin.esp"
	GatewayLogin    = "/ssl-vpn/login.esp"
	GatewayConfig   = "/ssl-vpn/getconfig.esp"
	GatewayLogout   = "/ssl-vpn/logout.esp"
	HIPCheck        = "/ssl-vpn/hipreportcheck.esp"
	HIPReport       = "/ssl-vpn/hipreport.esp"
)

// ClientVersion is that of the protocol; there is no other.
const ClientVersion = "4100"

// User is where questions and lines for people go; *sdk.Session is one.
type User interface {
	Ask(ctx context.Context, p prompt.Prompt) (prompt.Answer, error)
	Info(format string, args ...any)
	Warn(format string, args ...any)
	Debug(format string, args ...any)
}

// Identity is what gateways are told of this computer.
type Identity struct {
	OS         string // "Linux", "Windows", "Mac", ...
	OSVersion  string
	Computer   string
	AppVersion string // of the client, in the numbers of GlobalProtect's own
	HostID     string // a UUID that stays
	NoIPv6     bool
}

// IPv6 is the value of the field ipv6-support.
func (i Identity) IPv6() string {
	if i.NoIPv6 {
		return "no"
	}
	return "yes"
}

// Do posts fields to a path of the server at u, and reads the answer. An answer that
// refuses is an *Error.
func Do(ctx context.Context, c *httpc.Client, u *url.URL, path string, fields form.Fields) (Answer, error) {
	at := &url.URL{Scheme: "https", Host: u.Host, Path: path}
	return post(ctx, c, at, fields)
}

// Prelogin is Do with the query that comes with a prelogin; redirects are followed,
// and said.
func Prelogin(ctx context.Context, c *httpc.Client, u *url.URL, path string, id Identity, fields form.Fields) (Answer, *url.URL, error) {
	at := &url.URL{Scheme: "https", Host: u.Host, Path: path, RawQuery: form.Fields{
		{Name: "tmp", Value: "tmp"}, {Name: "clientVer", Value: ClientVersion}, {Name: "clientos", Value: id.OS},
	}.Encode()}
	for range httpc.MaxRedirects {
		r, err := c.Do(ctx, "POST", at, contentType, []byte(fields.Encode()))
		if err != nil {
			return Answer{}, u, err
		}
		next, err := httpc.Redirect(at, r)
		if err != nil {
			return Answer{}, u, err
		}
		if next == nil {
			answer, err := Read(r)
			return answer, &url.URL{Scheme: "https", Host: at.Host}, err
		}
		at = next
	}
	return Answer{}, u, tooManyRedirects()
}

var contentType = httpc.Header{{Name: "Content-Type", Value: "application/x-www-form-urlencoded"}}

func post(ctx context.Context, c *httpc.Client, at *url.URL, fields form.Fields) (Answer, error) {
	r, err := c.Do(ctx, "POST", at, contentType, []byte(fields.Encode()))
	if err != nil {
		return Answer{}, err
	}
	return Read(r)
}
