package auth

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/penstock-vpn/penstock/plugins/internal/httpc"
)

// Keys bind the session to this client (STRAP): one P-256 key signs, and is replaced
// at each tunnel; the other opens the token that a browser brings.
type Keys struct {
	sign *ecdsa.PrivateKey
	dh   *ecdh.PrivateKey
}

// NewKeys makes a pair.
func NewKeys() (*Keys, error) {
	sign, err := newSigner()
	if err != nil {
		return nil, err
	}
	dh, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return &Keys{sign: sign, dh: dh}, nil
}

func newSigner() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// Announce are the fields that every login request carries.
func (k *Keys) Announce() (httpc.Header, error) {
	sign, err := x509.MarshalPKIXPublicKey(&k.sign.PublicKey)
	if err != nil {
		return nil, err
	}
	dh, err := x509.MarshalPKIXPublicKey(k.dh.PublicKey())
	if err != nil {
		return nil, err
	}
	return httpc.Header{
		{Name: "X-AnyConnect-STRAP-Pubkey", Value: base64.StdEncoding.EncodeToString(sign)},
		{Name: "X-AnyConnect-STRAP-DH-Pubkey", Value: base64.StdEncoding.EncodeToString(dh)},
	}, nil
}

// Prove makes the fields of a tunnel request: a new public key, and the old key's
// signature over the TLS channel binding and that key. next holds the new key; it
// takes the place of k when the gateway has accepted the tunnel.
func (k *Keys) Prove(binding []byte) (h httpc.Header, next *Keys, err error) {
	if len(binding) == 0 {
		return nil, nil, errors.New("the TLS connection has no channel binding to sign")
	}
	fresh, err := newSigner()
	if err != nil {
		return nil, nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(&fresh.PublicKey)
	if err != nil {
		return nil, nil, err
	}
	digest := sha256.Sum256(append(append([]byte{}, binding...), public...))
	signature, err := ecdsa.SignASN1(rand.Reader, k.sign, digest[:])
	if err != nil {
		return nil, nil, err
	}
	return httpc.Header{
		{Name: "X-AnyConnect-STRAP-Verify", Value: base64.StdEncoding.EncodeToString(signature)},
		{Name: "X-AnyConnect-STRAP-Pubkey", Value: base64.StdEncoding.EncodeToString(public)},
	}, &Keys{sign: fresh, dh: k.dh}, nil
}

// Marshal keeps the signing key, which is all that a session needs later.
func (k *Keys) Marshal() ([]byte, error) { return x509.MarshalPKCS8PrivateKey(k.sign) }

// ParseKeys reads what Marshal wrote, or the same key as SEC 1.
func ParseKeys(der []byte) (*Keys, error) {
	if key, err := x509.ParseECPrivateKey(der); err == nil && key.Curve == elliptic.P256() {
		return &Keys{sign: key}, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	sign, ok := key.(*ecdsa.PrivateKey)
	if !ok || sign.Curve != elliptic.P256() {
		return nil, fmt.Errorf("a session key of type %T, want P-256", key)
	}
	return &Keys{sign: sign}, nil
}
