package machine

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"

	"github.com/penstock-vpn/penstock/plugins/internal/eap"
	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike/keys"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

func equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }

// initRefused says what a refusal of IKE_SA_INIT means. Anybody could have sent it.
func initRefused(n *ike.Notify) error {
	switch n.Kind {
	case ike.NoProposalChosen:
		return sdk.Fail(sdk.Never, diag.New(diag.Config, "the gateway accepts none of the offered ciphers", "Ask its administrator which it wants, and name them in the option ike; what is weak is offered only by name.").With("ike"))
	case ike.InvalidMajorVersion:
		return sdk.Fail(sdk.Never, diag.New(diag.Protocol, "the gateway does not speak IKEv2", "Ask its administrator for the protocol."))
	}
	return sdk.Fail(sdk.Backoff, diag.New(diag.Protocol, "the gateway refuses to begin", "It says "+n.Kind.String()+"."))
}

// authRefused says what a refusal of IKE_AUTH means.
func (m *Machine) authRefused(n *ike.Notify) error {
	switch n.Kind {
	case ike.AuthenticationFailed:
		return m.loginRefused()
	case ike.NoProposalChosen:
		return sdk.Fail(sdk.Never, diag.New(diag.Config, "the gateway accepts none of the offered ciphers for ESP", "Ask its administrator which it wants, and name them in the option esp.").With("esp"))
	case ike.TSUnacceptable, ike.SinglePairRequired:
		return sdk.Fail(sdk.Never, diag.New(diag.Config, "the gateway has no network for this client", "It says "+n.Kind.String()+". Ask its administrator."))
	case ike.InternalAddressFailure, ike.FailedCPRequired:
		return sdk.Fail(sdk.Backoff, diag.New(diag.SessionEnded, "the gateway has no address left", "It says "+n.Kind.String()+". Ask its administrator."))
	}
	return sdk.Fail(sdk.Backoff, diag.New(diag.Protocol, "the gateway refuses the tunnel", "It says "+n.Kind.String()+"."))
}

// loginRefused says what AUTHENTICATION_FAILED means.
func (m *Machine) loginRefused() error {
	options, more := [...]string{"auth", "local-id"}, ""
	switch {
	case m.login.round > 0:
		options = [...]string{"auth2", "local-id2"}
	case len(m.c.Auth) == 1 && !m.c.AnyConnect:
		more = " Or it wants a second login, see the option auth2."
	}
	switch m.auth().(type) {
	case SharedKey:
		return sdk.Fail(sdk.Never, diag.New(diag.AuthRefused, "the gateway refused the login", "Check the pre-shared key, and the option "+options[1]+": who the gateway knows you as."+more).With("psk"))
	case Certificate:
		return sdk.Fail(sdk.Never, diag.New(diag.AuthRefused, "the gateway refused the certificate", "It may not know its authority, or not the identity in the option "+options[1]+"."+more).With("usercert"))
	}
	if err := m.login.peer.Failed(); err != nil {
		return eapFailed(m.login.peer, err)
	}
	switch {
	case m.login.peer.Method() == 0:
		return sdk.Fail(sdk.Never, diag.New(diag.Config, "the gateway refuses to begin a login by EAP",
			"It may want another way to log in, see the option "+options[0]+", or know this client by another name, see the option "+options[1]+".").With(options[0]))
	case m.login.closed && more != "":
		return sdk.Fail(sdk.Never, diag.New(diag.AuthRefused, "the gateway refused the login although EAP went well", "It may want a second login, see the option auth2, or let this user in no more.").With("auth2"))
	}
	return sdk.Fail(sdk.Never, diag.New(diag.AuthRefused, "the gateway refused the login", "Check user name and password."))
}

// eapFailed says what an error of EAP means.
func eapFailed(p *eap.Peer, err error) error {
	var refused *eap.Refused
	var known *diag.Diagnostic
	var unwanted *eap.Unwanted
	switch {
	case errors.As(err, &unwanted):
		return sdk.Fail(sdk.Never, diag.New(diag.Config, "the gateway wants a login by "+unwanted.Type.String(), "Add it to the option eap-methods, if it is good enough.").With("eap-methods"))
	case errors.As(err, &refused) && p.Method() == eap.TypeTLS:
		return sdk.Fail(sdk.Never, diag.New(diag.AuthRefused, "the gateway refused the certificate: "+refused.Reason, "It may not know its authority, or not who it is for: see the options usercert and eap-identity.").With("usercert"))
	case errors.As(err, &refused):
		return sdk.Fail(sdk.Never, diag.New(diag.AuthRefused, "the gateway refused the login: "+refused.Reason, "Check user name and password."))
	case errors.As(err, &known):
		return sdk.Fail(sdk.Never, known)
	case errors.Is(err, eap.ErrMalformed), errors.Is(err, eap.ErrTLS):
		return sdk.Fail(sdk.Never, diag.New(diag.Protocol, "the gateway's login makes no sense", err.Error()))
	}
	return sdk.Fail(sdk.Never, diag.New(diag.AuthRefused, fmt.Sprintf("the login by %v failed", p.Method()), err.Error()))
}

// showKeys is for who asked to read along.
func (m *Machine) showKeys(sa *ikeSA) {
	if !m.c.ShowKeys {
		return
	}
	i, r := sa.spis()
	m.showLine("ikev2_decryption_table", sa.suite.Wireshark(sa.schedule, i, r))
}

func (m *Machine) showChild(all ...sdk.SA) {
	if !m.c.ShowKeys {
		return
	}
	for _, sa := range all {
		cipher, integrity, _ := strings.Cut(sa.Suite, "-")
		m.showLine("esp_sa", keys.WiresharkESP(sa.SPI, cipher, integrity, sa.Key, sa.AuthKey))
	}
}

func (m *Machine) showLine(table, line string) {
	if line == "" {
		line = "Wireshark does not know the cipher"
	}
	m.emit(Trace{"keys " + table + ": " + line})
}

// trace says which message comes or goes, and what is in it: a line, and one for each
// payload.
func (m *Machine) trace(in bool, h ike.Header, payloads []ike.Payload) {
	arrow, kind := "-->", "request"
	if in {
		arrow = "<--"
	}
	if h.Response {
		kind = "response"
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s %v %s %d:", arrow, h.Exchange, kind, h.MessageID)
	for _, p := range payloads {
		text.WriteString(" " + ike.Name(p))
	}
	for _, p := range payloads {
		text.WriteString("\n      " + ike.Describe(p))
	}
	m.emit(Trace{text.String()})
}
