package gp

import (
	"errors"
	"fmt"
	"strings"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Kind says what a refusal is about.
type Kind int

const (
	Other       Kind = iota
	Malformed        // no answer that the protocol knows
	Refused          // the credentials; others may do
	Absent           // there is no portal, or no gateway, at this address
	Dead             // the session's cookie, for good
	Certificate      // a client certificate is wanted
)

// Error is an answer that refuses.
type Error struct {
	Kind       Kind
	Diagnostic *diag.Diagnostic
}

// Error returns the diagnostic's text.
func (e *Error) Error() string { return e.Diagnostic.Error() }

// Unwrap returns the diagnostic.
func (e *Error) Unwrap() error { return e.Diagnostic }

// KindOf is the kind of the *Error in err's chain, Other when there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Other
}

// texts are what gateways are known to say, in lower case, and what it means.
var texts = []struct {
	text            string
	kind            Kind
	code            diag.Code
	summary, detail string
	option          string
}{
	{"globalprotect portal does not exist", Absent, diag.Config, "there is no GlobalProtect portal at this address", "It may be a gateway alone: try usergroup=gateway.", "gateway"},
	{"globalprotect gateway does not exist", Absent, diag.Config, "there is no GlobalProtect gateway at this address", "It may be a portal alone: try usergroup=portal.", "gateway"},
	{"invalid authentication cookie", Dead, diag.AuthRefused, "the gateway does not know the session any more", "It ended, or was ended by the gateway. Log in again.", ""},
	{"portal name not found", Dead, diag.AuthRefused, "the gateway does not know the session", "Its cookie is not whole, or is another gateway's. Log in again.", ""},
	{"errors getting ssl/vpn config", Dead, diag.AuthRefused, "the gateway does not know the session", "Its cookie is not whole, or is another gateway's. Log in again.", ""},
	{"allow automatic restoration of ssl vpn is disabled", Dead, diag.AuthRefused, "the gateway wants a login for each tunnel", "Its administrator has switched off the automatic restoration of SSL VPN. Log in again.", ""},
	{"valid client certificate is required", Certificate, diag.AuthRefused, "the gateway wants a client certificate", "Name one with the option `usercert`, and its key with `userkey`; one that is named was not accepted.", "usercert"},
	{"matching client config not found", Other, diag.AuthRefused, "the portal has no settings for this user on this operating system", "Ask its administrator, or try another value of the option `os`.", "os"},
	{"assign private ip address failed", Other, diag.SessionEnded, "the gateway has no address left for this computer", "Try again later, or ask its administrator.", ""},
	{"user is not in allow list", Other, diag.AuthRefused, "this user may not log in here", "Ask the gateway's administrator.", "username"},
	{"authentication failed", Refused, diag.AuthRefused, refusedLogin, "Check user name and password.", ""},
	{"authentication failure", Refused, diag.AuthRefused, refusedLogin, "Check user name and password.", ""},
	{"invalid username or password", Refused, diag.AuthRefused, refusedLogin, "Check user name and password.", ""},
}

const refusedLogin = "the gateway refused user name or password"

// known finds what a text means, or nil.
func known(text string) *Error {
	lower := strings.ToLower(text)
	for _, t := range texts {
		// A page that holds the words somewhere is not a gateway that says them.
		if strings.Contains(clip(lower, 256), t.text) {
			d := diag.New(t.code, t.summary, t.detail)
			d.Option = t.option
			return &Error{t.kind, d}
		}
	}
	return nil
}

// refusal is the error for what a gateway says.
func refusal(text string) error {
	if e := known(text); e != nil {
		return e
	}
	return &Error{Other, diag.New(diag.SessionEnded, "the gateway refuses: "+said(text), "Ask its administrator.")}
}

func said(text string) string {
	if text = strings.TrimSpace(text); text == "" {
		return "it gives no reason"
	}
	return clip(strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " "), 512)
}

// statusError is the refusal that a status means; gateways have some of their own.
// StatusError is the refusal that a status without an answer means.
func StatusError(status int) error { return statusError(status, "") }

func statusError(status int, reason string) error {
	switch status {
	case 512:
		return &Error{Refused, diag.New(diag.AuthRefused, refusedLogin, "Check both, and the way of logging in.")}
	case 513:
		return known("valid client certificate is required")
	case 401, 403:
		return &Error{Refused, diag.New(diag.AuthRefused, fmt.Sprintf("the gateway refused the login (%d)", status), "Check user name and password.")}
	case 404:
		return &Error{Absent, diag.New(diag.Protocol, "this address is not that of a GlobalProtect portal or gateway", "It answers 404. Check the option gateway.").With("gateway")}
	case 502:
		return known("invalid authentication cookie")
	}
	return &Error{Malformed, diag.New(diag.Protocol, fmt.Sprintf("the gateway answers %d %s", status, reason), "Check that the address is that of a GlobalProtect portal or gateway.")}
}

func tooManyRedirects() error {
	return &Error{Malformed, diag.New(diag.Protocol, "the gateway redirects in circles", "Check that the address is that of a GlobalProtect portal or gateway.")}
}
