package auth

import (
	"encoding/base64"
	"net/url"
	"strings"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/gp"
	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/xmldoc"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// prelogin is how a portal or gateway wants a login.
type prelogin struct {
	message                  string
	userLabel, passwordLabel string
	user                     string // of the client certificate; "": none
	region                   string // of this computer, as the server sees it
	page                     *page  // to log in with a browser; nil: a form
}

// page is where a browser begins: exactly one is set.
type page struct {
	url  string // by REDIRECT
	html string // by POST: a page that sends itself
}

func parsePrelogin(root *xmldoc.Element) (prelogin, error) {
	if root == nil || root.Name != "prelogin-response" {
		return prelogin{}, malformed("it answers the question how to log in with something else")
	}
	p := prelogin{
		message: root.Value("authentication-message"), user: root.Value("ccusername"), region: root.Value("region"),
		userLabel: label(root.Value("username-label"), "Username"), passwordLabel: label(root.Value("password-label"), "Password"),
	}
	method, request := root.Value("saml-auth-method"), root.Value("saml-request")
	if method == "" || request == "" {
		return p, nil
	}
	text, err := decodeBase64(request)
	if err != nil {
		return prelogin{}, malformed("its request for single sign-on is no base64")
	}
	switch strings.ToUpper(method) {
	case "REDIRECT":
		u, err := url.Parse(strings.TrimSpace(text))
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			return prelogin{}, malformed("its single sign-on begins at an address that is none")
		}
		p.page = &page{url: u.String()}
	case "POST":
		p.page = &page{html: text}
	default:
		return prelogin{}, malformed("its way of single sign-on is unknown")
	}
	return p, nil
}

func label(text, otherwise string) string {
	if text = strings.TrimSuffix(strings.TrimSpace(text), ":"); text == "" {
		return otherwise
	}
	return text
}

// decodeBase64 reads either alphabet, padded or not, with breaks in it.
func decodeBase64(text string) (string, error) {
	text = strings.NewReplacer("\n", "", "\r", "", " ", "", "\t", "", "-", "+", "_", "/", "=", "").Replace(text)
	out, err := base64.RawStdEncoding.DecodeString(text)
	return strings.ToValidUTF8(string(out), "?"), err
}

func malformed(what string) error {
	return &gp.Error{Kind: gp.Malformed, Diagnostic: diag.New(diag.Protocol, "the gateway's answer is not understood: "+what, "Check that the address is that of a GlobalProtect portal or gateway; see --dump-http.")}
}
