package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
)

// sealedToken is what a browser brings after single sign-on:
//
//	version 1, 16 bits; then records of 16-bit type, 16-bit length, value:
//	1 the gateway's public key (P-256, DER)   2 AEAD tag   3 ciphertext   4 nonce
type sealedToken struct {
	publicKey, tag, ciphertext, nonce []byte
}

const (
	tokenVersion = 1
	tokenTagSize = 12
	tokenNonce   = 12
	maxToken     = 16 << 10
)

// parseSealedToken reads b. Each record must come exactly once.
func parseSealedToken(b []byte) (sealedToken, error) {
	var t sealedToken
	if len(b) < 2 || len(b) > maxToken || binary.BigEndian.Uint16(b) != tokenVersion {
		return t, errors.New("the token is not of version 1")
	}
	slots := []*[]byte{&t.publicKey, &t.tag, &t.ciphertext, &t.nonce}
	for rest := b[2:]; len(rest) > 0; {
		if len(rest) < 4 {
			return t, errors.New("the token ends within a record")
		}
		kind, n := int(binary.BigEndian.Uint16(rest)), int(binary.BigEndian.Uint16(rest[2:]))
		if kind < 1 || kind > len(slots) || *slots[kind-1] != nil {
			return t, fmt.Errorf("the token has a record of type %d that does not belong there", kind)
		}
		if rest = rest[4:]; n > len(rest) {
			return t, errors.New("the token ends within a record")
		}
		*slots[kind-1], rest = rest[:n:n], rest[n:]
	}
	if len(t.publicKey) == 0 || len(t.ciphertext) == 0 || len(t.tag) != tokenTagSize || len(t.nonce) != tokenNonce {
		return t, errors.New("the token lacks a record, or one has the wrong length")
	}
	return t, nil
}

// append writes t in the form that parseSealedToken reads.
func (t sealedToken) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, tokenVersion)
	for i, value := range [][]byte{t.publicKey, t.tag, t.ciphertext, t.nonce} {
		b = binary.BigEndian.AppendUint16(b, uint16(i+1))
		b = binary.BigEndian.AppendUint16(b, uint16(len(value)))
		b = append(b, value...)
	}
	return b
}

// openWith decrypts the token with the client's key.
func (t sealedToken) openWith(own *ecdh.PrivateKey) ([]byte, error) {
	key, err := x509.ParsePKIXPublicKey(t.publicKey)
	if err != nil {
		return nil, errors.New("the token's public key cannot be read")
	}
	peer, ok := key.(*ecdsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("the token's public key is a %T", key)
	}
	point, err := peer.ECDH()
	if err != nil || point.Curve() != own.Curve() {
		return nil, errors.New("the token's public key is on another curve")
	}
	aead, err := tokenCipher(own, point)
	if err != nil {
		return nil, err
	}
	token, err := aead.Open(nil, t.nonce, append(append([]byte{}, t.ciphertext...), t.tag...), nil)
	if err != nil {
		return nil, errors.New("the token was not made for this login")
	}
	return token, nil
}

// tokenCipher is AES-256-GCM with a key of HKDF-SHA256 over the shared secret.
func tokenCipher(own *ecdh.PrivateKey, peer *ecdh.PublicKey) (cipher.AEAD, error) {
	shared, err := own.ECDH(peer)
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, shared, nil, "AC_ECIES", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithTagSize(block, tokenTagSize)
}
