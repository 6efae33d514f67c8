package gp

import (
	"errors"
	"net/url"
	"time"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/form"
)

// Session is what a login leaves: all that later requests need. It holds secrets.
type Session struct {
	Gateway     *url.URL // https, without a path
	Cookie      form.Fields
	OSVersion   string        // as the login said it; "": the login was another program's
	AppVersion  string        // that the portal wants; "": the identity's
	HIPInterval time.Duration // between reports, as the portal says; 0: it says nothing
}

// Names of a cookie's fields.
const (
	AuthCookie    = "authcookie"
	Portal        = "portal"
	UserName      = "user"
	Domain        = "domain"
	PreferredIP   = "preferred-ip"
	PreferredIPv6 = "preferred-ipv6"
	Computer      = "computer"
)

// ParseCookie reads a session's cookie as other clients print it: the fields of a
// login, URL encoded.
func ParseCookie(text string) (form.Fields, error) {
	f, err := form.Parse(text)
	if err != nil {
		return nil, err
	}
	if f.Get(AuthCookie) == "" || f.Get(UserName) == "" {
		return nil, errors.New("it lacks authcookie or user")
	}
	return f, nil
}

// LogoutFields are those of a logout; a gateway keeps the session when one differs
// from the login's.
func (s Session) LogoutFields() form.Fields {
	c := s.Cookie
	return form.Fields{
		{Name: "user", Value: c.Get(UserName)}, {Name: "portal", Value: c.Get(Portal)},
		{Name: "authcookie", Value: c.Get(AuthCookie)}, {Name: "domain", Value: c.Get(Domain)},
		{Name: "computer", Value: c.Get(Computer)},
	}.With("os-version", s.OSVersion)
}

// Version is what the gateway is told of the client's.
func (s Session) Version(id Identity) string {
	if s.AppVersion != "" {
		return s.AppVersion
	}
	return id.AppVersion
}
