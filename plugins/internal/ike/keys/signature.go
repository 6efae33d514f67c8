package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"

	_ "crypto/sha1"   // for crypto.SHA1
	_ "crypto/sha256" // for crypto.SHA256
	_ "crypto/sha512" // for crypto.SHA384 and crypto.SHA512

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
)

// Scheme is a way to make an AUTH payload with a private key.
type Scheme struct {
	Name   string
	Method ike.AuthMethod
	// announced is the hash of SIGNATURE_HASH_ALGORITHMS that a receiver needs to have
	// named; 0: none.
	announced uint16
	hash      crypto.Hash // 0: the octets themselves are signed
	pss       bool
	algorithm []byte // DER of the AlgorithmIdentifier, for method 14
	fits      func(crypto.PublicKey) bool
	raw       bool // r and s side by side in place of DER
}

// Hashes are what SIGNATURE_HASH_ALGORITHMS names (RFC 7427 and RFC 8420), those that
// are accepted here.
var Hashes = []uint16{hashSHA256, hashSHA384, hashSHA512, hashIdentity}

const (
	hashSHA256   = 2
	hashSHA384   = 3
	hashSHA512   = 4
	hashIdentity = 5
)

// schemes in the order of preference.
var schemes = []Scheme{
	{"ed25519", ike.AuthSignature, hashIdentity, 0, false, der(oidEd25519), isEd25519, false},
	{"ecdsa-sha256", ike.AuthSignature, hashSHA256, crypto.SHA256, false, der(oidECDSA256), isECDSA(256), false},
	{"ecdsa-sha384", ike.AuthSignature, hashSHA384, crypto.SHA384, false, der(oidECDSA384), isECDSA(384), false},
	{"ecdsa-sha512", ike.AuthSignature, hashSHA512, crypto.SHA512, false, der(oidECDSA512), isECDSA(521), false},
	{"ecdsa-sha256", ike.AuthSignature, hashSHA256, crypto.SHA256, false, der(oidECDSA256), isECDSA(0), false},
	{"ecdsa-sha384", ike.AuthSignature, hashSHA384, crypto.SHA384, false, der(oidECDSA384), isECDSA(0), false},
	{"ecdsa-sha512", ike.AuthSignature, hashSHA512, crypto.SHA512, false, der(oidECDSA512), isECDSA(0), false},
	{"rsa-pss-sha256", ike.AuthSignature, hashSHA256, crypto.SHA256, true, pssDER(oidSHA256, 32), isRSA, false},
	{"rsa-pss-sha384", ike.AuthSignature, hashSHA384, crypto.SHA384, true, pssDER(oidSHA384, 48), isRSA, false},
	{"rsa-pss-sha512", ike.AuthSignature, hashSHA512, crypto.SHA512, true, pssDER(oidSHA512, 64), isRSA, false},
	{"rsa-sha256", ike.AuthSignature, hashSHA256, crypto.SHA256, false, der(oidRSA256, null), isRSA, false},
	{"rsa-sha384", ike.AuthSignature, hashSHA384, crypto.SHA384, false, der(oidRSA384, null), isRSA, false},
	{"rsa-sha512", ike.AuthSignature, hashSHA512, crypto.SHA512, false, der(oidRSA512, null), isRSA, false},
	{"ecdsa-256", ike.AuthECDSA256, 0, crypto.SHA256, false, nil, isECDSA(256), true},
	{"ecdsa-384", ike.AuthECDSA384, 0, crypto.SHA384, false, nil, isECDSA(384), true},
	{"ecdsa-521", ike.AuthECDSA521, 0, crypto.SHA512, false, nil, isECDSA(521), true},
	{"rsa-sha1", ike.AuthRSA, 0, crypto.SHA1, false, nil, isRSA, false},
}

// SchemeFor chooses how to sign with the key that belongs to public for a receiver who
// named those hashes; none: one who knows the methods of old alone. plainRSA leaves
// RSA-PSS out, for keys in hardware that cannot do it.
func SchemeFor(public crypto.PublicKey, named []uint16, plainRSA bool) (Scheme, error) {
	for _, s := range schemes {
		known := s.announced == 0 || slices.Contains(named, s.announced)
		if known && s.fits(public) && !(plainRSA && s.pss) {
			return s, nil
		}
	}
	return Scheme{}, fmt.Errorf("the gateway knows no way to check a signature by a key of this kind (%T)", public)
}

// Digest is what a crypto.Signer is to sign for octets, and how.
func (s Scheme) Digest(octets []byte) ([]byte, crypto.SignerOpts) {
	if s.hash == 0 {
		return octets, crypto.Hash(0)
	}
	h := s.hash.New()
	h.Write(octets)
	if s.pss {
		return h.Sum(nil), &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: s.hash}
	}
	return h.Sum(nil), s.hash
}

// Payload is the AUTH payload with the signature that a crypto.Signer made.
func (s Scheme) Payload(public crypto.PublicKey, signature []byte) (*ike.AuthData, error) {
	data := signature
	switch {
	case s.raw:
		key, isKey := public.(*ecdsa.PublicKey)
		if !isKey {
			return nil, errors.New("the key is none of ECDSA")
		}
		var rs struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(signature, &rs); err != nil {
			return nil, fmt.Errorf("the signature: %w", err)
		}
		size := (key.Curve.Params().BitSize + 7) / 8
		data = make([]byte, 2*size)
		if rs.R.Sign() < 0 || rs.S.Sign() < 0 || rs.R.BitLen() > 8*size || rs.S.BitLen() > 8*size {
			return nil, errors.New("the signature is longer than its key")
		}
		rs.R.FillBytes(data[:size])
		rs.S.FillBytes(data[size:])
	case s.algorithm != nil:
		data = append(append([]byte{byte(len(s.algorithm))}, s.algorithm...), signature...)
	}
	return &ike.AuthData{Method: s.Method, Data: data}, nil
}

var errSignature = errors.New("the signature is wrong")

// Verify checks an AUTH payload made with the private key that belongs to public. SHA-1
// is accepted only where RFC 7296 knows nothing else, in RSA's own method, and only when
// the sender could not know better: when named says that he has seen our Hashes, it
// is not.
func Verify(public crypto.PublicKey, a *ike.AuthData, octets []byte, named bool) error {
	if named && a.Method == ike.AuthRSA {
		return errors.New("the signature uses SHA-1 although better was agreed on")
	}
	s, signature, err := schemeOf(public, a)
	if err != nil {
		return err
	}
	digest, _ := s.Digest(octets)
	ok := false
	switch key := public.(type) {
	case *rsa.PublicKey:
		if s.pss {
			ok = rsa.VerifyPSS(key, s.hash, digest, signature, nil) == nil
		} else {
			ok = rsa.VerifyPKCS1v15(key, s.hash, digest, signature) == nil
		}
	case *ecdsa.PublicKey:
		if s.raw {
			half := len(signature) / 2
			r, t := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
			signature, err = asn1.Marshal(struct{ R, S *big.Int }{r, t})
			if err != nil {
				return errSignature
			}
		}
		ok = ecdsa.VerifyASN1(key, digest, signature)
	case ed25519.PublicKey:
		ok = ed25519.Verify(key, octets, signature)
	}
	if !ok {
		return errSignature
	}
	return nil
}

// schemeOf finds the scheme that a was made with, and the signature itself.
func schemeOf(public crypto.PublicKey, a *ike.AuthData) (Scheme, []byte, error) {
	var algorithm []byte
	signature := a.Data
	if a.Method == ike.AuthSignature {
		if len(a.Data) < 1 || len(a.Data) < 1+int(a.Data[0]) {
			return Scheme{}, nil, errors.New("the signature names no algorithm")
		}
		n := 1 + int(a.Data[0])
		algorithm, signature = a.Data[1:n], a.Data[n:]
	}
	for _, s := range schemes {
		if s.Method == a.Method && s.fits(public) && bytes.Equal(s.algorithm, algorithm) {
			return s, signature, nil
		}
	}
	return Scheme{}, nil, fmt.Errorf("the gateway signs by a method that is not supported (%d %x), or that does not fit its key", a.Method, algorithm)
}

func isRSA(k crypto.PublicKey) bool     { _, ok := k.(*rsa.PublicKey); return ok }
func isEd25519(k crypto.PublicKey) bool { _, ok := k.(ed25519.PublicKey); return ok }

// isECDSA holds for keys on a curve of that size; 0: any.
func isECDSA(bits int) func(crypto.PublicKey) bool {
	return func(k crypto.PublicKey) bool {
		key, ok := k.(*ecdsa.PublicKey)
		return ok && (bits == 0 || key.Curve.Params().BitSize == bits)
	}
}
