package machine

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/x509"

	"github.com/penstock-vpn/penstock/plugins/internal/ike1"
	v1 "github.com/penstock-vpn/penstock/plugins/internal/ike1/keys"
)

// Main mode: chosen, exchanged, proved; aggressive mode: answered.
//
//	SA ->, <- SA, KE Ni ->, <- KE Nr, {ID HASH} ->, <- {ID HASH}
//	SA KE Ni ID ->, <- SA KE Nr ID HASH, {HASH} ->

// Sizes of nonces: ours, and the least that RFC 2409 knows.
const (
	nonceSize  = 32
	leastNonce = 8
)

// newSA makes an ISAKMP SA that nobody knows of yet.
func (m *Machine) newSA() (*isakmp, error) {
	cookie, err := m.random(len(ike1.Cookie{}))
	if err != nil {
		return nil, err
	}
	sa := &isakmp{ours: ike1.Cookie(cookie), exchanges: map[uint32]*exchange{}, offer: m.c.offerIKE(), life: m.c.IKELife}
	sa.id = m.identity().Payload()
	sa.ni, err = m.random(nonceSize)
	return sa, err
}

// identity is ours, or else our address.
func (m *Machine) identity() ike1.ID {
	if m.c.Identity != nil {
		return ike1.ID{ID: *m.c.Identity}
	}
	return addressID(m.c.Local.Addr())
}

// phase1 begins main or aggressive mode.
func (m *Machine) phase1(sa *isakmp) error {
	x := &exchange{kind: ike1.Main}
	sa.exchanges[0] = x
	if !m.c.Aggressive {
		x.take = func(p []ike1.Payload) error { return m.chosen(sa, x, p) }
		m.say(sa, x, append([]ike1.Payload{sa.offer}, m.vendors()...), true)
		return nil
	}
	x.kind = ike1.Aggressive
	sa.suite = m.c.IKE[0]
	if err := m.beginDH(sa); err != nil {
		return err
	}
	x.take = func(p []ike1.Payload) error { return m.answered(sa, x, p) }
	first := []ike1.Payload{sa.offer, {Type: ike1.TypeKE, Body: sa.public}, {Type: ike1.TypeNonce, Body: sa.ni}, sa.id}
	m.say(sa, x, append(append(first, m.certRequest()...), m.vendors()...), true)
	return nil
}

func (m *Machine) beginDH(sa *isakmp) (err error) {
	if sa.dh, err = sa.suite.Group.Begin(m.c.Random); err == nil {
		sa.public = sa.dh.Public()
	}
	return err
}

// certRequest asks for the gateway's certificate, where it proves itself by one.
func (m *Machine) certRequest() []ike1.Payload {
	if _, isKey := m.c.Auth.(SharedKey); isKey {
		return nil
	}
	return []ike1.Payload{ike1.CertReq()}
}

// vendors say what we can do.
func (m *Machine) vendors() (all []ike1.Payload) {
	for _, v := range ike1.Vendors {
		if v == ike1.VendorUnity && !m.c.Settings || v == ike1.VendorXAuth && !m.c.XAuth {
			continue
		}
		all = append(all, v.Payload())
	}
	return all
}

// learn notes what the gateway can do.
func (sa *isakmp) learn(p []ike1.Payload) {
	sa.dpd = sa.dpd || ike1.VendorDPD.In(p)
	sa.pieces = sa.pieces || ike1.VendorPieces.In(p)
	for i := range natWays {
		if sa.nat == nil && natWays[i].in(p) {
			sa.nat = &natWays[i]
		}
	}
}

// choose reads which of our offers the gateway took.
func (m *Machine) choose(sa *isakmp, p []ike1.Payload) (err error) {
	body := ike1.Find(p, ike1.TypeSA)
	if body == nil {
		if b := ike1.Find(p, ike1.TypeNotify); b != nil {
			if n, err := ike1.ParseNotify(b); err == nil && n.Kind < ike1.FirstStatus {
				return m.refused(sa, n)
			}
		}
		return senseless("the gateway's first message has no SA")
	}
	if sa.suite, sa.life, err = m.c.chosenIKE(body); err != nil {
		return senseless(err.Error())
	}
	sa.learn(p)
	if sa.nat == nil {
		return noNAT()
	}
	return nil
}

// chosen handles the second message of main mode.
func (m *Machine) chosen(sa *isakmp, x *exchange, p []ike1.Payload) error {
	if err := m.choose(sa, p); err != nil {
		return err
	}
	if err := m.beginDH(sa); err != nil {
		return err
	}
	nat, err := m.natHashes(sa)
	if err != nil {
		return err
	}
	x.take = func(p []ike1.Payload) error { return m.exchanged(sa, x, p) }
	third := []ike1.Payload{{Type: ike1.TypeKE, Body: sa.public}, {Type: ike1.TypeNonce, Body: sa.ni}}
	m.say(sa, x, append(append(third, m.certRequest()...), nat...), true)
	return nil
}

// derive makes the keys of what the gateway sent.
func (m *Machine) derive(sa *isakmp, x *exchange, p []ike1.Payload) error {
	sa.theirs, sa.nr = ike1.Find(p, ike1.TypeKE), ike1.Find(p, ike1.TypeNonce)
	if len(sa.nr) < leastNonce || sa.theirs == nil {
		return senseless("the gateway's key exchange has no nonce or no public value")
	}
	secret, err := sa.dh.Secret(sa.theirs)
	if err != nil {
		return senseless(err.Error())
	}
	seed := sa.suite.SignedSeed(secret, sa.ni, sa.nr)
	if k, isKey := m.c.Auth.(SharedKey); isKey {
		seed = sa.suite.SharedSeed(k.Key, sa.ni, sa.nr)
	}
	if sa.keys, err = sa.suite.NewSchedule(seed, secret, sa.ours, sa.peer); err != nil {
		return err
	}
	x.iv = sa.suite.IV(sa.keys, sa.public, sa.theirs)
	m.floated = true
	m.show("ikev1_decryption_table", sa.keys.Wireshark(sa.ours))
	return nil
}

// exchanged handles the fourth message of main mode.
func (m *Machine) exchanged(sa *isakmp, x *exchange, p []ike1.Payload) error {
	sa.learn(p)
	if err := m.derive(sa, x, p); err != nil {
		return err
	}
	return m.prove(sa, func(proof []ike1.Payload) error {
		x.take = func(p []ike1.Payload) error {
			return m.proved(sa, p, func() error { return m.phase1Done(sa, x) })
		}
		x.silent = func() error { return m.unconvinced() }
		m.say(sa, x, append([]ike1.Payload{sa.id}, proof...), true)
		return nil
	})
}

// answered handles the second message of aggressive mode.
func (m *Machine) answered(sa *isakmp, x *exchange, p []ike1.Payload) error {
	if err := m.choose(sa, p); err != nil {
		return err
	}
	if err := m.derive(sa, x, p); err != nil {
		return err
	}
	nat, err := m.natHashes(sa)
	if err != nil {
		return err
	}
	return m.proved(sa, p, func() error {
		return m.prove(sa, func(proof []ike1.Payload) error {
			m.say(sa, x, append(proof, nat...), false)
			return m.phase1Done(sa, x)
		})
	})
}

// prove makes what proves us, and of the first SA that it is the first.
func (m *Machine) prove(sa *isakmp, then func([]ike1.Payload) error) error {
	proof := sa.suite.Proof(sa.keys.Seed, sa.public, sa.theirs, sa.ours, sa.peer, sa.offer.Body, sa.id.Body)
	var contact []ike1.Payload
	if sa != m.next {
		spi := append(append([]byte(nil), sa.ours[:]...), sa.peer[:]...)
		contact = append(contact, ike1.Notify{Protocol: ike1.ProtocolIKE, Kind: ike1.InitialContact, SPI: spi}.Payload())
	}
	c, byCertificate := m.c.Auth.(Certificate)
	if !byCertificate {
		return then(append([]ike1.Payload{{Type: ike1.TypeHash, Body: proof}}, contact...))
	}
	m.wait = func(signature any) error {
		var all []ike1.Payload
		for _, der := range c.Chain {
			all = append(all, ike1.Cert(der))
		}
		all = append(all, ike1.Payload{Type: ike1.TypeSig, Body: signature.([]byte)})
		return then(append(all, contact...))
	}
	m.emit(Sign{proof, crypto.Hash(0)})
	return nil
}

// proved checks what the gateway proves itself by; then goes on when that is trusted.
func (m *Machine) proved(sa *isakmp, p []ike1.Payload, then func() error) error {
	body := ike1.Find(p, ike1.TypeID)
	id, err := ike1.ParseID(body)
	if err != nil {
		return senseless("the gateway does not say who it is")
	}
	if r := m.c.RemoteID; r != nil && (r.Kind != id.Kind || !bytes.Equal(r.Data, id.Data)) {
		return anotherGateway(id.ID, *r)
	}
	proof := sa.suite.Proof(sa.keys.Seed, sa.theirs, sa.public, sa.peer, sa.ours, sa.offer.Body, body)
	if _, isKey := m.c.Auth.(SharedKey); isKey {
		if !hmac.Equal(proof, ike1.Find(p, ike1.TypeHash)) {
			return wrongKey()
		}
		return then()
	}
	chain, err := signers(ike1.Chain(p), proof, ike1.Find(p, ike1.TypeSig))
	if err != nil {
		return unproved(err)
	}
	m.wait = func(any) error { return then() }
	m.emit(Verify{Chain: chain, Name: m.c.Gateway, ID: m.c.RemoteID})
	return nil
}

// signers puts the certificate first that the proof was signed by.
func signers(chain [][]byte, proof, signature []byte) ([][]byte, error) {
	err := errNoCertificate
	for i, der := range chain {
		c, parse := x509.ParseCertificate(der)
		if parse != nil {
			return nil, parse
		}
		if err = v1.Verify(c.PublicKey, proof, signature); err == nil {
			rest := append(append([][]byte{der}, chain[:i]...), chain[i+1:]...)
			return rest, nil
		}
	}
	return nil, err
}

// phase1Done goes on to what comes behind the keys.
func (m *Machine) phase1Done(sa *isakmp, x *exchange) error {
	sa.done, sa.lastIV, x.silent = true, x.iv, nil
	m.after(renewAt(sa.life), func() error { return m.renew(sa) })
	if err := m.beginLogin(sa); err != nil {
		return err
	}
	parked := sa.parked
	sa.parked = nil
	for _, b := range parked {
		if err := m.receive(b); err != nil {
			return err
		}
	}
	return nil
}

// beginLogin waits for the gateway's questions, or goes on without.
func (m *Machine) beginLogin(sa *isakmp) error {
	if !m.c.XAuth {
		return m.loggedIn(sa)
	}
	m.after(loginTime, func() error {
		if sa.login.asked || sa.login.over {
			return nil
		}
		return m.gone()
	})
	return nil
}
