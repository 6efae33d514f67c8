package machine

import (
	"crypto"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
)

// What gateways of AnyConnect do in their own way; see Config.AnyConnect.

// AnyConnectID is who a client of AnyConnect says it is; who logs in, EAP finds out.
func AnyConnectID() *ike.ID {
	return &ike.ID{Kind: ike.IDAnyCisco, Data: []byte("*$AnyConnectClient$*")}
}

// vendorAnyConnect announces the EAP method, without which a gateway refuses it.
var vendorAnyConnect = ike.Vendor("CISCO-ANYCONNECT-EAP")

// announce are the abilities that a first message tells of.
func (m *Machine) announce() []ike.Payload {
	if !m.c.AnyConnect {
		return nil
	}
	return []ike.Payload{ike.VendorPieces, vendorAnyConnect}
}

// noteVendors finds out what the gateway can.
func (m *Machine) noteVendors(payloads []ike.Payload) {
	for _, p := range payloads {
		if v, isVendor := p.(ike.Vendor); isVendor && string(v) == string(ike.VendorPieces) {
			m.inPieces = m.c.AnyConnect
		}
	}
}

// verifyAnyConnect checks the gateway's signature. Reports differ on whether it covers
// the gateway's own identity, as in RFC 7296, or that of clients; both bind it to this
// IKE SA.
func (m *Machine) verifyAnyConnect(public crypto.PublicKey, auth *ike.AuthData) error {
	prf, named := m.sa().suite.PRF, m.init.hashes != nil
	err := prf.VerifyAnyConnect(public, auth, m.gatewayOctets(), named)
	if err == nil {
		return nil
	}
	m.login.signs = AnyConnectID()
	if prf.VerifyAnyConnect(public, auth, m.gatewayOctets(), named) == nil {
		return nil
	}
	m.login.signs = nil
	return err
}

// signature returns what makes the bare signature of our AUTH with a key, for a method of
// EAP that carries it.
func (m *Machine) signature() func(crypto.Signer) ([]byte, error) {
	prf, octets, random := m.sa().suite.PRF, m.ownOctets(), m.c.Random
	return func(key crypto.Signer) ([]byte, error) {
		scheme, err := prf.AnyConnectScheme(key.Public())
		if err != nil {
			return nil, err
		}
		digest, opts := scheme.Digest(octets)
		signature, err := key.Sign(random, digest, opts)
		if err != nil {
			return nil, err
		}
		auth, err := scheme.Payload(key.Public(), signature)
		if err != nil {
			return nil, err
		}
		return auth.Data, nil
	}
}

// joined puts a message in pieces together; nil: it is not whole yet, or not to be.
func (m *Machine) joined(msg *ike.Message) []byte {
	p := first[*ike.Piece](msg.Payloads)
	if p == nil || !m.inPieces || m.find(msg.Header) == nil {
		return nil
	}
	return m.pieces.Add(msg.Header, p)
}
