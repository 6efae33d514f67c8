package ikegate

import (
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"github.com/penstock-vpn/penstock/plugins/internal/eap"
	"github.com/penstock-vpn/penstock/plugins/internal/eap/anyconnect"
	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike/keys"
)

// clients is who every client says it is.
var clients = ike.ID{Kind: ike.IDAnyCisco, Data: []byte("*$AnyConnectClient$*")}

// begin chooses algorithms as gateways of some age do, in the group that the client
// guessed, and makes keys.
func (g *Gate) begin(payloads []ike.Payload) ([]ike.Payload, error) {
	var offer *ike.SA
	var ke *ike.KE
	for _, p := range payloads {
		switch p := p.(type) {
		case *ike.SA:
			offer = p
		case *ike.KE:
			ke = p
		case ike.Nonce:
			g.ni = p
		case ike.Vendor:
			g.able = g.able || string(p) == "CISCO-ANYCONNECT-EAP"
			g.inPieces = g.inPieces || g.Pieces && string(p) == string(ike.VendorPieces)
		}
	}
	if offer == nil || ke == nil || g.ni == nil {
		return nil, errors.New("IKE_SA_INIT lacks SA, KE or Nonce")
	}
	choice, err := choose(offer, ike.Transform{Type: ike.Encryption, ID: 12, KeyBits: 256}, ike.Transform{Type: ike.PRF, ID: 5},
		ike.Transform{Type: ike.Integrity, ID: 12}, ike.Transform{Type: ike.KeyExchange, ID: ke.Group})
	if err != nil {
		return nil, err
	}
	if g.suite, err = keys.ChosenSuite(choice); err != nil {
		return nil, err
	}
	public, err := g.makeKeys(ke.Data)
	if err != nil {
		return nil, err
	}
	answer := []ike.Payload{&ike.SA{Proposals: []ike.Proposal{choice}}, &ike.KE{Group: ke.Group, Data: public}, ike.Nonce(g.nr),
		&ike.Notify{Kind: ike.NATDetectionSource, Data: make([]byte, 20)}, &ike.Notify{Kind: ike.NATDetectionDestination, Data: make([]byte, 20)}}
	if g.Pieces {
		return append(answer, ike.VendorPieces), nil
	}
	return append(answer, &ike.Notify{Kind: ike.FragmentationSupported}), nil
}

// choose takes the first proposal that has all the transforms, and wants no others.
func choose(offer *ike.SA, all ...ike.Transform) (ike.Proposal, error) {
	for _, p := range offer.Proposals {
		wanting := slices.ContainsFunc(p.Transforms, func(t ike.Transform) bool {
			return !slices.ContainsFunc(all, func(x ike.Transform) bool { return x.Type == t.Type })
		})
		if !wanting && !slices.ContainsFunc(all, func(t ike.Transform) bool { return !p.Has(t) }) {
			p.Transforms = all
			return p, nil
		}
	}
	return ike.Proposal{}, fmt.Errorf("the client offers no %v", all)
}

func (g *Gate) makeKeys(theirs []byte) (public []byte, err error) {
	g.nr = make([]byte, 32)
	_, _ = rand.Read(g.nr) // never fails
	x, err := g.suite.Group.Begin(rand.Reader)
	if err != nil {
		return nil, err
	}
	secret, err := x.Secret(theirs)
	if err != nil {
		return nil, err
	}
	g.schedule = g.suite.NewSchedule(secret, g.ni, g.nr, g.peer, g.ours)
	g.protection, err = g.suite.Protect(g.schedule, false, rand.Reader)
	return x.Public(), err
}

// clientOctets are what the client's AUTH covers.
func (g *Gate) clientOctets() []byte {
	return g.suite.PRF.SignedOctets(g.firstIn, g.nr, g.schedule.PI, g.idi.Body(), nil)
}

func (g *Gate) ownOctets() []byte {
	id := g.id()
	if g.ClientID {
		id = &clients
	}
	return g.suite.PRF.SignedOctets(g.firstOut, g.ni, g.schedule.PR, id.Body(), nil)
}

func (g *Gate) id() *ike.ID {
	return &ike.ID{Responder: true, Kind: ike.IDFQDN, Data: []byte(g.Name)}
}

// authenticate answers a message of IKE_AUTH.
func (g *Gate) authenticate(payloads []ike.Payload) ([]ike.Payload, error) {
	for _, p := range payloads {
		switch p := p.(type) {
		case ike.EAP:
			return g.converse(p)
		case *ike.AuthData:
			return g.finish(p)
		case *ike.ID:
			if !p.Responder {
				g.idi = p
			}
		}
	}
	switch {
	case g.dialogue != nil:
		return nil, errors.New("IKE_AUTH without EAP or AUTH")
	case g.idi == nil || g.idi.Kind != clients.Kind || string(g.idi.Data) != string(clients.Data):
		return nil, fmt.Errorf("the client calls itself %v", g.idi)
	case !g.able:
		return nil, errors.New("the client did not announce the EAP method")
	}
	g.wish = payloads
	return g.prove()
}

// prove shows who the gateway is, and begins EAP.
func (g *Gate) prove() ([]ike.Payload, error) {
	scheme, err := g.suite.PRF.AnyConnectScheme(g.Key.Public())
	if g.SHA1 && err == nil {
		scheme, err = keys.SchemeFor(g.Key.Public(), nil, true)
	}
	if err != nil {
		return nil, err
	}
	digest, opts := scheme.Digest(g.ownOctets())
	signature, err := g.Key.Sign(rand.Reader, digest, opts)
	if err != nil {
		return nil, err
	}
	auth, err := scheme.Payload(g.Key.Public(), signature)
	if err != nil {
		return nil, err
	}
	g.dialogue = newDialogue(g)
	hello, err := g.request(1, g.dialogue.hello())
	if err != nil {
		return nil, err
	}
	answer := []ike.Payload{g.id()}
	for _, c := range g.Chain {
		answer = append(answer, &ike.Cert{Encoding: ike.X509, Data: c.Raw})
	}
	return append(answer, auth, hello), nil
}

// request is a document for the client.
func (g *Gate) request(id uint8, document string) (ike.EAP, error) {
	m := anyconnect.Message{VendorType: anyconnect.VendorType, Parts: []anyconnect.TLV{{Kind: anyconnect.XML, Value: []byte(document)}}}
	data, err := m.Append(nil)
	return ike.EAP(eap.Packet{Code: eap.Request, ID: id, Type: eap.TypeExpanded, Data: data}.Append(nil)), err
}

// converse answers a packet of EAP.
func (g *Gate) converse(b []byte) ([]ike.Payload, error) {
	p, err := eap.Parse(b)
	switch {
	case err != nil:
		return nil, err
	case g.dialogue == nil || g.over || p.Code != eap.Response || p.Type != eap.TypeExpanded || p.ID != g.dialogue.id:
		return nil, fmt.Errorf("the EAP packet %v %d of %v is not awaited", p.Code, p.ID, p.Type)
	}
	m, err := anyconnect.ParseMessage(p.Data)
	if err != nil {
		return nil, err
	}
	g.said = append(g.said, string(m.Part(anyconnect.XML)))
	next, err := g.dialogue.next(m)
	switch {
	case err != nil:
		g.fault(err)
		g.over = true
		return []ike.Payload{ike.EAP(eap.Packet{Code: eap.Failure, ID: p.ID}.Append(nil))}, nil
	case next == "":
		g.over = true
		return []ike.Payload{ike.EAP(eap.Packet{Code: eap.Success, ID: p.ID}.Append(nil))}, nil
	}
	g.dialogue.id++
	packet, err := g.request(g.dialogue.id, next)
	return []ike.Payload{packet}, err
}

// finish checks that the client that logged in is the one of this IKE SA.
func (g *Gate) finish(auth *ike.AuthData) ([]ike.Payload, error) {
	if !g.over || auth.Method != ike.AuthSharedKey || !slices.Equal(auth.Data, g.suite.PRF.SharedKeyAuth(g.schedule.PI, g.clientOctets())) {
		return nil, errors.New("the client's AUTH after EAP is wrong")
	}
	own := &ike.AuthData{Method: ike.AuthSharedKey, Data: g.suite.PRF.SharedKeyAuth(g.schedule.PR, g.ownOctets())}
	granted, err := g.grant()
	return append([]ike.Payload{own}, granted...), err
}

// verify checks a client's bare signature by the key that belongs to public.
func (g *Gate) verify(public crypto.PublicKey, signature []byte) error {
	method, err := g.suite.PRF.AnyConnectMethod(public)
	if err != nil {
		return err
	}
	return g.suite.PRF.VerifyAnyConnect(public, &ike.AuthData{Method: method, Data: signature}, g.clientOctets(), true)
}
