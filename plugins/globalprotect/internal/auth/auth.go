// Package auth logs in: at a portal, which lists gateways, and at the gateway, which
// gives the session's cookie; by password and challenge, by single sign-on, or with what
// another program fetched.
//
//	         portal                                gateway
//	prelogin ──> credentials ──> getconfig   prelogin ──> credentials ──> login
//	                 ^   │          │            │ ^           ^   │         │
//	                 │   v          │            v │           │   v         v
//	               challenge        │      skipped when      challenge    Session
//	                                v      the portal's
//	                        choice of gateway  cookie or password do
package auth

import (
	"context"
	"net/url"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/gp"
	"github.com/penstock-vpn/penstock/plugins/internal/httpc"
	"github.com/penstock-vpn/penstock/sdk"
)

// Role is what is spoken to first.
type Role int

const (
	Either  Role = iota // a portal if there is one, else a gateway
	Portal              // which lists the gateways
	Gateway             // directly
)

// Config is what a login starts from.
type Config struct {
	Server   *url.URL
	Role     Role
	Choice   string // of a gateway, by address or label; "": by priority
	Ask      bool   // for the gateway whatever the priorities say
	Identity gp.Identity
	SSO      bool // a browser may be used
	// Field is sent with the password in place of passwd, when another program fetched
	// what is given as the password; "": passwd.
	Field string
	// Cookies are the keys of those options, among CookieOptions, that have a value.
	Cookies []string
	Peer    func() sdk.Info // of the last connection; nil: unknown
	HTTP    *httpc.Client
	User    gp.User
}

// CookieOptions are the secret options that hold what a login by browser gave to
// another program; each is named as the field that carries it.
var CookieOptions = []string{preloginCookie, userAuthCookie}

// Names of fields that carry what stands in for a password.
const (
	preloginCookie    = "prelogin-cookie"
	userAuthCookie    = "portal-userauthcookie"
	prelogonCookie    = "portal-prelogonuserauthcookie"
	casToken          = "token"
	noCookie          = "empty" // the value of a cookie that there is not
	maxRefusals       = 3
	maxChallenges     = 10
	passwordWarnsFrom = 14 // days before it expires
)

// Login runs until a gateway gives a session, or refuses for good.
func Login(ctx context.Context, cfg Config) (*gp.Session, error) {
	l := &login{cfg: cfg, server: &url.URL{Scheme: "https", Host: cfg.Server.Host}}
	s, err := l.run(ctx)
	return s, l.explain(err)
}
