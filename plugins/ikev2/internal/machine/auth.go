package machine

import (
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/penstock-vpn/penstock/plugins/internal/eap"
	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike/keys"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// login is IKE_AUTH, in as many exchanges as it takes:
//
//	sendRound ─> authAnswer ─> checkGateway ─> proceed ─┬─> EAP and back
//	    ^                                               ├─> the next round
//	    └───────────────────────────────────────────────┴─> finish
type login struct {
	round  int
	idr    *ike.ID   // the gateway's
	signs  *ike.ID   // what its AUTH covers in place of that; nil: nothing else
	proved bool      // the gateway is who it claims to be
	closed bool      // EAP is over; the gateway's own AUTH is awaited
	bound  bool      // that AUTH was good
	peer   *eap.Peer // of an EAP round
	spi    uint32    // of the inbound ESP SA
	first  uint32    // message of IKE_AUTH
	sent   int       // messages of it
}

// maxLogin bounds the messages of a login: TLS in EAP takes a few hundred at most.
const maxLogin = 600

// logIn begins IKE_AUTH.
func (m *Machine) logIn() error {
	spi, err := m.newSPI()
	if err != nil {
		return err
	}
	m.login = &login{spi: spi, first: m.sa().nextID}
	return m.sendRound()
}

// auth is the round that is under way.
func (m *Machine) auth() Auth { return m.c.Auth[m.login.round] }

// identity is who we are in this round.
func (m *Machine) identity() *ike.ID {
	if id := m.auth().who(); id != nil {
		return id
	}
	return m.c.Identity
}

// sendRound proves us, or asks for EAP by leaving AUTH out.
func (m *Machine) sendRound() error {
	m.login.closed, m.login.bound = false, false
	switch a := m.auth().(type) {
	case EAP:
		m.login.peer = a.Peer()
		m.login.peer.Bind(m.signature())
	case SharedKey:
		sa := m.sa()
		return m.sendAuth(&ike.AuthData{Method: ike.AuthSharedKey, Data: sa.suite.PRF.SharedKeyAuth(a.Key, m.ownOctets())})
	case Certificate:
		return m.sign(a)
	}
	return m.sendAuth(nil)
}

// ownOctets are what our AUTH covers.
func (m *Machine) ownOctets() []byte {
	sa := m.sa()
	return sa.suite.PRF.SignedOctets(sa.firstOut, sa.nr, sa.schedule.PI, m.identity().Body(), sa.coveredBy(m.login.first))
}

func (m *Machine) gatewayOctets() []byte {
	sa, id := m.sa(), m.login.idr
	if m.login.signs != nil {
		id = m.login.signs
	}
	return sa.suite.PRF.SignedOctets(sa.firstIn, sa.ni, sa.schedule.PR, id.Body(), sa.coveredBy(m.login.first))
}

func (m *Machine) sign(c Certificate) error {
	scheme, err := keys.SchemeFor(c.Public, m.init.hashes, c.PlainRSA)
	if err != nil {
		return sdk.Fail(sdk.Never, diag.New(diag.Config, "the certificate cannot be used with this gateway", err.Error()).With("usercert"))
	}
	digest, opts := scheme.Digest(m.ownOctets())
	m.wait = func(answer any) error {
		signature, isSignature := answer.([]byte)
		if !isSignature {
			return errors.New("no signature was given")
		}
		auth, err := scheme.Payload(c.Public, signature)
		if err != nil {
			return err
		}
		return m.sendAuth(auth)
	}
	m.emit(Sign{digest, opts})
	return nil
}

// sendAuth sends our identity with AUTH, or without it for EAP; the first time with all
// that is wanted of the gateway.
func (m *Machine) sendAuth(auth *ike.AuthData) error {
	payloads := []ike.Payload{m.identity()}
	if c, isCert := m.auth().(Certificate); isCert {
		for _, der := range c.Chain {
			payloads = append(payloads, &ike.Cert{Encoding: ike.X509, Data: der})
		}
	}
	initial := m.login.round == 0
	if initial && len(m.c.SharedKey) == 0 {
		payloads = append(payloads, &ike.CertRequest{Encoding: ike.X509})
	}
	if initial && m.c.RemoteID != nil {
		payloads = append(payloads, m.c.RemoteID)
	}
	if auth != nil {
		payloads = append(payloads, auth)
		payloads = append(payloads, m.moreRounds()...)
	}
	if initial {
		payloads = append(payloads, m.wishes()...)
	}
	m.sendLogin(payloads)
	return nil
}

// moreRounds announces another authentication behind this one.
func (m *Machine) moreRounds() []ike.Payload {
	if m.login.round+1 == len(m.c.Auth) {
		return nil
	}
	return []ike.Payload{&ike.Notify{Kind: ike.AnotherAuthFollows}}
}

func (m *Machine) sendLogin(payloads []ike.Payload) {
	if m.login.sent++; m.login.sent > maxLogin {
		m.end(sdk.Fail(sdk.Backoff, diag.New(diag.Protocol, "the gateway does not come to an end of the login", "It asked again and again. Ask its administrator.")))
		return
	}
	m.request(m.sa(), &exchange{kind: ike.Auth, build: func() []ike.Payload { return payloads }, answer: m.authAnswer})
}

// wishes is the rest of the first message of IKE_AUTH.
func (m *Machine) wishes() []ike.Payload {
	all := []ike.Payload{
		sameAddresses(wantedConfig(!m.c.NoIPv6, m.c.AnyConnect), m.c.Addresses),
		&ike.SA{Proposals: withSPI(withoutGroups(m.c.ESP), spiBytes(m.login.spi))},
		&ike.TS{Selectors: m.everything()},
		&ike.TS{Responder: true, Selectors: m.everything()},
		&ike.Notify{Kind: ike.ESPTFCPaddingNot},
	}
	if !m.c.NoMOBIKE {
		all = append(all, &ike.Notify{Kind: ike.MobikeSupported})
	}
	if m.c.Tickets {
		all = append(all, &ike.Notify{Kind: ike.TicketRequest})
	}
	if len(m.c.Auth) > 1 {
		all = append(all, &ike.Notify{Kind: ike.MultipleAuthSupported})
	}
	if e, isEAP := m.auth().(EAP); isEAP && e.Only {
		all = append(all, &ike.Notify{Kind: ike.EAPOnlyAuthentication})
	}
	return all
}

func (m *Machine) everything() []ike.Selector {
	if all := ike.Everything(); m.c.NoIPv6 {
		return all[:1]
	} else {
		return all
	}
}

// authAnswer handles each answer of IKE_AUTH.
func (m *Machine) authAnswer(_ *ikeSA, payloads []ike.Payload) error {
	if id := first[*ike.ID](payloads); id != nil && id.Responder && !m.login.proved {
		m.login.idr = id
	}
	auth := first[*ike.AuthData](payloads)
	if auth == nil {
		if n := refusal(payloads); n != nil {
			return m.authRefused(n)
		}
		return m.proceed(payloads)
	}
	if m.login.idr == nil {
		return m.unproved(errors.New("it does not say who it is"))
	}
	return m.checkGateway(auth, payloads)
}

// checkGateway verifies AUTH and goes on.
func (m *Machine) checkGateway(auth *ike.AuthData, payloads []ike.Payload) error {
	if m.login.closed {
		if err := m.checkShared(auth, m.eapKey(false)); err != nil {
			return err
		}
		if !m.login.proved {
			if err := m.checkIdentity(); err != nil {
				return err
			}
		}
		// A method proves the gateway only by a key that nobody else has.
		e, _ := m.auth().(EAP)
		m.login.bound = true
		m.login.proved = m.login.proved || e.Only && m.login.peer.Key() != nil
		return m.proceed(payloads)
	}
	if m.login.proved {
		return m.proceed(payloads) // a gateway proves itself once
	}
	if len(m.c.SharedKey) > 0 {
		if err := m.checkIdentity(); err != nil {
			return err
		}
		if err := m.checkShared(auth, m.c.SharedKey); err != nil {
			return err
		}
		m.login.proved = true
		return m.proceed(payloads)
	}
	return m.checkSignature(auth, payloads)
}

func (m *Machine) checkShared(auth *ike.AuthData, key []byte) error {
	want := m.sa().suite.PRF.SharedKeyAuth(key, m.gatewayOctets())
	if auth.Method != ike.AuthSharedKey || !equal(auth.Data, want) {
		return m.unproved(errors.New("its key is another"))
	}
	return nil
}

// checkIdentity compares the gateway's identity with the one that the user wants.
func (m *Machine) checkIdentity() error {
	want := m.c.RemoteID
	if want == nil || want.Same(m.login.idr) {
		return nil
	}
	return sdk.Fail(sdk.Never, diag.New(diag.Certificate, fmt.Sprintf("the gateway calls itself %v, not %v", m.login.idr, want), "If that is right, change the option remote-id.").With("remote-id"))
}

func (m *Machine) checkSignature(auth *ike.AuthData, payloads []ike.Payload) error {
	var chain [][]byte
	var certs []*x509.Certificate
	for _, p := range payloads {
		c, isCert := p.(*ike.Cert)
		if !isCert || c.Encoding != ike.X509 {
			continue
		}
		cert, err := x509.ParseCertificate(c.Data)
		if err != nil {
			return m.unproved(err)
		}
		chain, certs = append(chain, c.Data), append(certs, cert)
	}
	if auth.Method == ike.AuthSharedKey || len(chain) == 0 {
		return m.unproved(errors.New("it shows no certificate"))
	}
	if err := m.checkIdentity(); err != nil {
		return err
	}
	var err error
	if m.c.AnyConnect {
		err = m.verifyAnyConnect(certs[0].PublicKey, auth)
	} else {
		err = keys.Verify(certs[0].PublicKey, auth, m.gatewayOctets(), m.init.hashes != nil)
	}
	if err != nil {
		return m.unproved(err)
	}
	if err := revocationOf(payloads).check(certs, m.now); err != nil {
		return err
	}
	m.wait = func(answer any) error {
		v, isVerdict := answer.(verdict)
		if !isVerdict {
			return errors.New("no verdict was given")
		}
		if v.err != nil {
			return sdk.Fail(sdk.Never, diag.Of(v.err))
		}
		m.login.proved = true
		return m.proceed(payloads)
	}
	m.emit(Verify{Chain: chain, Name: m.c.Gateway, ID: m.c.RemoteID})
	return nil
}

// unproved is the end: the gateway may be anybody.
func (m *Machine) unproved(why error) error {
	return sdk.Fail(sdk.Never, diag.New(diag.Certificate, "the gateway cannot prove who it is: "+why.Error(), "Nothing was sent through it. Check the options of the login with its administrator."))
}

// proceed goes on with an answer whose AUTH, if it has one, is good.
func (m *Machine) proceed(payloads []ike.Payload) error {
	if n := notification(payloads, ike.Redirect); n != nil && m.login.proved {
		return m.redirect(n.Data, nil)
	}
	if packet := first[ike.EAP](payloads); packet != nil {
		return m.handleEAP(packet)
	}
	if n := refusal(payloads); n != nil {
		return m.authRefused(n)
	}
	_, isEAP := m.auth().(EAP)
	switch {
	case !m.login.proved:
		return m.unproved(errors.New("it does not try"))
	case isEAP && !m.login.closed:
		return sdk.Fail(sdk.Never, diag.New(diag.Protocol, "the gateway does not ask for a login by EAP", "Check the option auth."))
	case isEAP && !m.login.bound:
		return m.unproved(errors.New("it does not repeat what EAP agreed on"))
	case m.login.round+1 < len(m.c.Auth):
		m.login.round++
		return m.sendRound()
	}
	return m.finish(payloads)
}

// handleEAP answers a packet of EAP.
func (m *Machine) handleEAP(packet []byte) error {
	e, isEAP := m.auth().(EAP)
	switch {
	case !isEAP || m.login.closed:
		return sdk.Fail(sdk.Never, diag.New(diag.Protocol, "the gateway asks for a login by EAP", "Check the option auth."))
	case !m.login.proved && !e.Only:
		return m.unproved(errors.New("it asks for a password before that"))
	}
	return m.replyEAP(m.login.peer.Handle(packet))
}

// replyEAP sends what the peer says, once it says it.
func (m *Machine) replyEAP(reply []byte, err error) error {
	var question *eap.Question
	var later *eap.Later
	switch {
	case errors.As(err, &question):
		m.wait = func(answer any) error {
			text, isText := answer.(string)
			if !isText {
				return errors.New("no answer was given")
			}
			return m.replyEAP(m.login.peer.Answer(text))
		}
		m.emit(Ask{question.Text})
	case errors.As(err, &later):
		m.wait = func(any) error { return m.replyEAP(m.login.peer.Resume()) }
		m.emit(Await{later.Done, later.Do})
	case err != nil:
		return eapFailed(m.login.peer, err)
	case reply == nil:
		return m.closeEAP()
	default:
		m.sendLogin([]ike.Payload{ike.EAP(reply)})
	}
	return nil
}

// closeEAP binds what EAP agreed on to this IKE SA.
func (m *Machine) closeEAP() error {
	m.login.closed = true
	auth := &ike.AuthData{Method: ike.AuthSharedKey, Data: m.sa().suite.PRF.SharedKeyAuth(m.eapKey(true), m.ownOctets())}
	m.sendLogin(append([]ike.Payload{auth}, m.moreRounds()...))
	return nil
}

// eapKey is what AUTH is made with after EAP: the method's key, or where it makes none
// SK_pi of ours, SK_pr of the gateway.
func (m *Machine) eapKey(ours bool) []byte {
	if key := m.login.peer.Key(); key != nil {
		return key
	}
	if ours {
		return m.sa().schedule.PI
	}
	return m.sa().schedule.PR
}
