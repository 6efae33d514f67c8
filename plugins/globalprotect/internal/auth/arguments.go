package auth

import (
	"strconv"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/form"
	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/gp"
	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/xmldoc"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// accepted is a gateway's answer to a login. It has no names: its arguments are known
// by their places, of which a gateway may send fewer or more.
type accepted struct {
	authCookie, portal, user, domain string
	preferredIP, preferredIPv6       string
	connection                       string
	passwordDays                     int // -1: unknown
}

// Places of arguments.
const (
	argAuthCookie    = 1
	argPortal        = 3
	argUser          = 4
	argDomain        = 7
	argConnection    = 12
	argPasswordDays  = 13
	argPreferredIP   = 15
	argPreferredIPv6 = 18
)

func parseLogin(root *xmldoc.Element) (accepted, error) {
	if root == nil || root.Name != "jnlp" {
		return accepted{}, malformed("it answers the login with something else")
	}
	arguments := root.Find("application-desc").All("argument")
	value := func(n int) string {
		if n >= len(arguments) {
			return ""
		}
		switch text := arguments[n].Text; text {
		case "(null)", "-1":
			return ""
		default:
			return form.Unescape(text)
		}
	}
	a := accepted{
		authCookie: value(argAuthCookie), portal: value(argPortal), user: value(argUser), domain: value(argDomain),
		preferredIP: value(argPreferredIP), preferredIPv6: value(argPreferredIPv6), connection: value(argConnection), passwordDays: -1,
	}
	if days, err := strconv.Atoi(value(argPasswordDays)); err == nil && days >= 0 {
		a.passwordDays = days
	}
	if a.authCookie == "" {
		return a, diag.New(diag.Protocol, "the gateway accepted the login but gave no session cookie", "See --dump-http.")
	}
	return a, nil
}

// cookie is what later requests carry.
func (a accepted) cookie(user, computer string) form.Fields {
	if a.user != "" {
		user = a.user
	}
	return form.Fields{}.
		With(gp.AuthCookie, a.authCookie).With(gp.Portal, a.portal).With(gp.UserName, user).With(gp.Domain, a.domain).
		With(gp.PreferredIP, a.preferredIP).With(gp.PreferredIPv6, a.preferredIPv6).With(gp.Computer, computer)
}
