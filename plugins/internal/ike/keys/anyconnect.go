package keys

import (
	"crypto"
	"crypto/rsa"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
)

// With AnyConnect both sides sign by the methods of old, with the hash of the negotiated
// PRF where RFC 7296 has SHA-1.

// signatureHashes are the PRFs' hashes, by the transform.
var signatureHashes = map[uint16]crypto.Hash{2: crypto.SHA1, 5: crypto.SHA256, 6: crypto.SHA384, 7: crypto.SHA512}

// AnyConnectScheme is how to sign with the key that belongs to public.
func (p *PRF) AnyConnectScheme(public crypto.PublicKey) (Scheme, error) {
	if hash, known := signatureHashes[p.ID]; known && isRSA(public) {
		return Scheme{Name: "rsa-" + p.Name, Method: ike.AuthRSA, hash: hash, fits: isRSA}, nil
	}
	return SchemeFor(public, nil, true)
}

// VerifyAnyConnect checks an AUTH payload that was made so, or as Verify takes it.
func (p *PRF) VerifyAnyConnect(public crypto.PublicKey, a *ike.AuthData, octets []byte, named bool) error {
	key, isRSA := public.(*rsa.PublicKey)
	if hash, known := signatureHashes[p.ID]; isRSA && known && a.Method == ike.AuthRSA {
		digest, _ := Scheme{hash: hash}.Digest(octets)
		if rsa.VerifyPKCS1v15(key, hash, digest, a.Data) == nil {
			return nil
		}
	}
	return Verify(public, a, octets, named)
}

// AnyConnectMethod is the AUTH method that a bare signature by the key that belongs to
// public stands for.
func (p *PRF) AnyConnectMethod(public crypto.PublicKey) (ike.AuthMethod, error) {
	s, err := p.AnyConnectScheme(public)
	return s.Method, err
}
