// Package auth logs in to an AnyConnect gateway: aggregate authentication version
// 2 (XML by POST) with its fallback to plain forms, groups, one-time codes, client
// certificates, single sign-on, host scan, and the key binding called STRAP. Its
// result is the session cookie.
package auth

import (
	"context"
	"net/url"

	"github.com/penstock-vpn/penstock/plugins/internal/aggregate"
	"github.com/penstock-vpn/penstock/plugins/internal/httpc"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// User is where questions and lines for people go; *sdk.Session is one.
type User interface {
	Ask(ctx context.Context, p prompt.Prompt) (prompt.Answer, error)
	Info(format string, args ...any)
	Warn(format string, args ...any)
	Debug(format string, args ...any)
}

// Config is what a login starts from.
type Config struct {
	Gateway        *url.URL          // https, with the group's path if one is named
	Group          string            // value or label of the group; "": the gateway's, or ask
	Entries        []aggregate.Entry // scripted answers
	PlainForms     bool              // skip the XML way
	Certificate    bool              // the user has a client certificate
	CSDWrapper     bool              // the user has named a host-scan program
	SSO            SSOMode
	Version        string          // content of the version element
	OS             string          // content of device-id: "linux-64"
	Keys           *Keys           // nil: no key binding, no single sign-on by external browser
	Peer           func() sdk.Info // of the last connection; nil: unknown
	HTTP           *httpc.Client
	User           User
	WaitPagePauses int // how often the host-scan wait page may say "not yet"; 0: 600
}

// SSOMode is which kinds of single sign-on the gateway may choose from.
type SSOMode int

const (
	SSOAny      SSOMode = iota // the user's own browser, or an embedded one
	SSOEmbedded                // only an embedded one
	SSONone
)

// Result is a login that the gateway accepted.
type Result struct {
	Cookie   string   // webvpn
	Gateway  *url.URL // where the tunnel is asked for; the gateway may have sent us on
	Banner   string
	Manifest Manifest // zero: the gateway names no profile
}
