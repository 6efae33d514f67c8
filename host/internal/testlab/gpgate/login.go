package gpgate

import (
	"encoding/base64"
	"net/url"
	"strings"
)

// standIn is a cookie that stands for a login.
type standIn struct {
	user   string
	portal bool // good there; or at the gateway
	once   bool
}

func (g *gate) portalPrelogin(r *request) reply {
	return g.prelogin(r, r.c.Portal, true)
}

func (g *gate) gatewayPrelogin(r *request) reply {
	return g.prelogin(r, r.c.Gateway, false)
}

func name(portal bool) string {
	if portal {
		return "portal"
	}
	return "gateway"
}

// prelogin says what the login wants.
func (g *gate) prelogin(r *request, role Role, portal bool) reply {
	switch {
	case role.Absent:
		return reply{body: PreloginError("GlobalProtect " + name(portal) + " does not exist")}
	case role.Certificate == "needed" && r.holder == "":
		return reply{body: PreloginError("Valid client certificate is required")}
	}
	page := values{"holder": r.holder, "message": role.Message, "user": role.UserLabel, "pass": role.PassLabel, "region": r.c.Region}
	if role.SAML.Method != "" {
		page["saml"], page["request"] = role.SAML.Method, base64.StdEncoding.EncodeToString([]byte(g.samlRequest(r, role.SAML, portal)))
	}
	return reply{body: render(preloginPage, page)}
}

var preloginPage = page(`<?xml version="1.0" encoding="UTF-8" ?>
<prelogin-response>
<status>Success</status>
<ccusername>{{.holder}}</ccusername>
<autosubmit>false</autosubmit>
<msg></msg>
<newmsg></newmsg>
{{if .saml}}<saml-auth-status>0</saml-auth-status>
<saml-auth-method>{{.saml}}</saml-auth-method>
<saml-request-timeout>600</saml-request-timeout>
<saml-request-id>0</saml-request-id>
<saml-request>{{.request}}</saml-request>
{{end}}<auth-api>no</auth-api>
<authentication-message>{{.message}}</authentication-message>
<username-label>{{.user}}</username-label>
<password-label>{{.pass}}</password-label>
<panos-version>1</panos-version>
<saml-default-browser>yes</saml-default-browser>
<cas-auth></cas-auth>
<region>{{.region}}</region>
</prelogin-response>
`)

// admit checks who wants to log in. user is the name as the gateway writes it; ""
// with the reply that refuses, or asks on.
func (g *gate) admit(r *request, role Role, portal bool) (user string, no reply) {
	f := r.fields
	user = strings.ToLower(f.Get("user"))
	switch {
	case role.Absent:
		return "", reply{body: ErrorXML("GlobalProtect " + name(portal) + " does not exist")}
	case f.Get("ok") != "Login":
		return "", g.refuse(r, "the form lacks ok=Login")
	case role.Certificate == "needed" && r.holder == "":
		g.seen.add(Event{Kind: Refused, User: user, Note: "no client certificate"})
		return "", reply{status: 513, body: ErrorXML("Valid client certificate is required")}
	case g.standsIn(f, user, portal):
		return user, no
	case role.SAML.Method != "":
		return "", g.refuse(r, "no cookie of a SAML login")
	case role.Certificate == "asked" && r.holder != "" && f.Get("passwd") == "":
		user = strings.ToLower(r.holder)
	case f.Get("inputStr") != "":
		return g.challenged(r, role, user)
	case role.Users[user] == "" || role.Users[user] != f.Get("passwd"):
		return "", g.refuse(r, "wrong name or password")
	}
	return g.challenge(role, user, 0)
}

// refuse is the answer to a wrong password.
func (g *gate) refuse(r *request, why string) reply {
	g.seen.add(Event{Kind: Refused, User: r.fields.Get("user"), Note: why})
	return reply{status: 512, headers: []string{"X-Private-Pan-Sslvpn: auth-failed"}, body: ErrorJS("Authentication failure: Invalid username or password")}
}

// standIns are the fields that may hold a cookie in place of a password.
var standIns = []string{"prelogin-cookie", "portal-userauthcookie", "portal-prelogonuserauthcookie", "token"}

// standsIn says whether a cookie stands for the login of user.
func (g *gate) standsIn(f url.Values, user string, portal bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, field := range standIns {
		value := f.Get(field)
		if c, ok := g.cookies[field+"="+value]; ok && c.user == user && c.portal == portal {
			if c.once {
				delete(g.cookies, field+"="+value)
			}
			return true
		}
	}
	return false
}

// mint makes a cookie for a field.
func (g *gate) mint(field string, s standIn) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	value := base64.StdEncoding.EncodeToString(random(48)) // with + and / in it, as theirs
	g.cookies[field+"="+value] = s
	return value
}

// gatewayLogin begins a session.
func (g *gate) gatewayLogin(r *request) reply {
	user, no := g.admit(r, r.c.Gateway, false)
	if user == "" {
		return no
	}
	s := g.begin(r, user)
	return reply{body: render(loginPage, values{"arguments": s.arguments(r.c)})}
}

var loginPage = page(`<?xml version="1.0" encoding="utf-8"?><jnlp><application-desc>
{{range .arguments}}<argument>{{.}}</argument>
{{end}}</application-desc></jnlp>
`)

// arguments are told apart by their places.
func (s *session) arguments(c Config) []string {
	days := "-1"
	if c.PasswordDays != 0 {
		days = itoa(c.PasswordDays)
	}
	preferred := s.v4
	if c.PreferredIP != "" {
		preferred = strings.TrimPrefix(c.PreferredIP, "-")
	}
	all := []string{
		"(null)", s.cookie, c.PersistentID, c.PortalName, url.PathEscape(s.user), "LDAP-auth", "vsys1", c.Domain,
		"(null)", "", "", "", "tunnel", days, "4100", preferred, "", "", s.v6, "4", "unknown",
	}
	for len(all) < c.Arguments {
		all = append(all, "extra-"+itoa(len(all)))
	}
	return all[:c.Arguments]
}
