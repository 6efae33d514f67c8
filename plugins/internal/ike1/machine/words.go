package machine

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike1"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

func never(code diag.Code, option, summary, detail string) error {
	return sdk.Fail(sdk.Never, diag.New(code, summary, detail).With(option))
}

func senseless(why string) error {
	return sdk.Fail(sdk.Backoff, diag.New(diag.Protocol, "the gateway sent a message that makes no sense", why))
}

// gone is that nobody answers.
func (m *Machine) gone() error {
	switch {
	case m.up:
		return sdk.Fail(sdk.Backoff, diag.New(diag.Unreachable, "the gateway does not answer any more", "Trying again after a pause."))
	case m.sas[0].done:
		return sdk.Fail(sdk.Backoff, diag.New(diag.Unreachable, "the gateway does not go on with the login", "It proved itself and fell silent then. Its administrator may tell from its log."))
	}
	detail := "Check the option gateway, and that no firewall stands in the way of UDP at the ports 500 and 4500."
	if m.c.Aggressive {
		detail += " Some gateways are silent about a group that they do not know, or about proposals that they do not want: see the options group-name and ike."
	}
	return sdk.Fail(sdk.Backoff, diag.New(diag.Unreachable, "the gateway does not answer", detail).With("gateway"))
}

// unconvinced is that the gateway does not believe our proof.
func (m *Machine) unconvinced() error {
	if _, isKey := m.c.Auth.(SharedKey); isKey {
		return wrongKey()
	}
	return never(diag.AuthRefused, "usercert", "the gateway refused the login", "It may not know the certificate's authority, or not who we are.")
}

func wrongKey() error {
	return never(diag.AuthRefused, "psk", "the pre-shared key is not the gateway's", "Check the key, and who the gateway knows this client as.")
}

var errNoCertificate = errors.New("it sent no certificate")

func unproved(err error) error {
	return never(diag.Certificate, "", "the gateway cannot prove who it is", err.Error())
}

func anotherGateway(is, want ike.ID) error {
	return never(diag.Certificate, "remote-id", "the gateway is another one", fmt.Sprintf("It calls itself %s, and %s is wanted. If it is the right one, change the option remote-id.", is.String(), want.String()))
}

func noNAT() error {
	return never(diag.Config, "gateway", "the gateway cannot send ESP in UDP", "It does not know NAT traversal, and ESP on its own is not supported. Have its administrator switch NAT traversal on.")
}

func wrongPassword(message string) error {
	detail := "The user name or the password is wrong."
	if message != "" {
		detail = "It says: " + message
	}
	return never(diag.AuthRefused, "", "the gateway refused the login", detail)
}

// sentAway is that the gateway deleted what was to become the session.
func (m *Machine) sentAway(sa *isakmp) error {
	if m.c.XAuth && !sa.login.over {
		return wrongPassword("")
	}
	return sdk.Fail(sdk.Backoff, diag.New(diag.SessionEnded, "the gateway ended the session before there was a tunnel", "Ask its administrator: its log says why."))
}

func otherXAuth(kind uint32) error {
	return never(diag.Protocol, "", "the gateway wants a login that is not supported", fmt.Sprintf("It asks for kind %d of XAUTH, which is neither a password nor a code.", kind))
}

func otherAddress() error {
	return sdk.Fail(sdk.Now, diag.New(diag.SessionEnded, "the gateway gave another address", "Connecting again."))
}

func elsewhere(data []byte) error {
	if a, ok := netip.AddrFromSlice(data); ok {
		return never(diag.Config, "gateway", "the gateway sends us to another one", "Set the option gateway to "+a.String()+".")
	}
	return senseless("it sends us to another gateway without an address")
}

// refused is an error that the gateway tells of before there is a tunnel.
func (m *Machine) refused(sa *isakmp, n ike1.Notify) error {
	says := "It says " + n.Kind.String() + "."
	switch n.Kind {
	case ike1.NoProposalChosen, ike1.AttributesUnknown:
		detail := says + " Ask its administrator which it wants, and name them in the option ike."
		if m.c.Aggressive {
			detail += " In aggressive mode one group alone can be offered, here " + m.c.IKE[0].Group.Name + "."
		}
		return never(diag.Config, "ike", "the gateway accepts none of the offered ciphers", detail+" Weak ones are offered only when they are named there.")
	case ike1.AuthenticationFailed:
		if sa.keys.Seed == nil {
			return never(diag.AuthRefused, "auth", "the gateway does not want this login", says+" It may want another way to prove oneself or another mode (see the options auth and mode), or not know who we are.")
		}
		return m.unconvinced()
	case ike1.InvalidHash, ike1.InvalidSignature, ike1.PayloadMalformed:
		return m.unconvinced()
	case ike1.InvalidCookie: // so does SoftEther, which has forgotten the exchange when a message cannot be read
		if sa.keys.Seed != nil {
			return m.unconvinced()
		}
	case ike1.InvalidCertificate, ike1.CertificateUnwanted, ike1.CertificateMissing:
		return never(diag.AuthRefused, "usercert", "the gateway refused the certificate", says)
	case ike1.InvalidID:
		return never(diag.AuthRefused, "local-id", "the gateway does not know this client", says)
	case ike1.UnsupportedExchange:
		return never(diag.Config, "mode", "the gateway does not speak this mode of IKEv1", says)
	}
	return sdk.Fail(sdk.Backoff, diag.New(diag.Protocol, "the gateway refuses to begin", says))
}

// quickRefused is an error that the gateway answers quick mode with.
func (m *Machine) quickRefused(n ike1.Notify) error {
	m.quick = nil
	says := "It says " + n.Kind.String() + "."
	switch {
	case m.up:
		return sdk.Fail(sdk.Now, diag.New(diag.SessionEnded, "the gateway refuses new keys", says+" Connecting again."))
	case n.Kind == ike1.NoProposalChosen, n.Kind == ike1.AttributesUnknown:
		return never(diag.Config, "esp", "the gateway accepts none of the offered ciphers for ESP", says+" Ask its administrator which it wants, and whether it wants a key exchange (see the option pfs), and name them in the option esp. Weak ones are offered only when they are named there.")
	case n.Kind == ike1.InvalidID:
		return never(diag.Config, "", "the gateway has no network for this client", says+" Ask its administrator.")
	}
	return sdk.Fail(sdk.Backoff, diag.New(diag.Protocol, "the gateway refuses the tunnel", says))
}

// show is for who asked to read along.
func (m *Machine) show(table, line string) {
	if m.c.ShowKeys {
		m.emit(Trace{"keys " + table + ": " + line})
	}
}

// trace says which message comes or goes, and what is in it.
func (m *Machine) trace(in bool, h ike1.Header, payloads []ike1.Payload) {
	arrow := "-->"
	if in {
		arrow = "<--"
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s %v %08x:", arrow, h.Exchange, h.MessageID)
	for _, p := range payloads {
		text.WriteString("\n      " + ike1.Describe(p))
	}
	m.emit(Trace{text.String()})
}
