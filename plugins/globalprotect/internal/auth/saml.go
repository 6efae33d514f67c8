package auth

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/form"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// scheme is that of the address to which a browser is sent in the end.
const scheme = "globalprotectcallback"

// browse has the user log in with a browser, and reads the address that it ends at.
func (l *login) browse(ctx context.Context, p page) (credentials, error) {
	values, err := l.ask(ctx, prompt.Prompt{Title: "Log in to " + l.server.Hostname() + " with a browser",
		Sso: &prompt.Sso{URL: p.url, HTML: p.html, Scheme: scheme}})
	if err != nil {
		return credentials{}, err
	}
	token, err := parseCallback(values["address"])
	if err != nil {
		return credentials{}, diag.New(diag.AuthRefused, "the browser's login cannot be used: "+err.Error(), "Log in again; an address that is copied has to be whole.")
	}
	return token, nil
}

var (
	errNoToken = errors.New("it holds no user name and cookie")
	errFailed  = errors.New("the gateway says that it failed")
)

// parseCallback reads what a login by browser ends with: the address of the scheme
// (fields of cloud authentication, or a page in base64), that page, or the header
// fields that embedded browsers see.
func parseCallback(text string) (credentials, error) {
	text = strings.TrimSpace(text)
	if len(text) > 256<<10 {
		return credentials{}, errNoToken
	}
	if len(text) > len(scheme) && strings.EqualFold(text[:len(scheme)+1], scheme+":") {
		text = strings.TrimPrefix(text[len(scheme)+1:], "//")
		if !strings.Contains(text, "cas-as=") {
			page, err := decodeBase64(form.Unescape(strings.ReplaceAll(text, "+", "%2B")))
			if err != nil {
				return credentials{}, errors.New("its text is no base64")
			}
			text = page
		}
	}
	if strings.Contains(text, "cas-as=") {
		return parseCloud(text)
	}
	value := func(name string) string {
		if m := elements[name].FindStringSubmatch(text); m != nil {
			return strings.TrimSpace(m[1] + m[2])
		}
		return ""
	}
	if status := value("saml-auth-status"); status != "" && status != "1" {
		return credentials{}, errFailed
	}
	for _, field := range []string{preloginCookie, userAuthCookie} {
		if cookie := value(field); cookie != "" && value("saml-username") != "" {
			return credentials{user: value("saml-username"), field: field, secret: cookie, once: true}, nil
		}
	}
	return credentials{}, errNoToken
}

// elements find a value in a page's comments, or in header fields.
var elements = map[string]*regexp.Regexp{
	"saml-auth-status": element("saml-auth-status"), "saml-username": element("saml-username"),
	preloginCookie: element(preloginCookie), userAuthCookie: element(userAuthCookie),
}

func element(name string) *regexp.Regexp {
	return regexp.MustCompile(`(?im)<` + name + `>([^<]*)<|^\s*` + name + `:(.*)$`)
}

// parseCloud reads the fields of cloud authentication.
func parseCloud(text string) (credentials, error) {
	fields, err := form.Parse(strings.TrimPrefix(text, "?"))
	if err != nil || fields.Get("un") == "" || fields.Get(casToken) == "" {
		return credentials{}, errNoToken
	}
	return credentials{user: fields.Get("un"), field: casToken, secret: fields.Get(casToken), once: true}, nil
}
