package keys

import (
	"crypto/ecdh"
	"errors"
	"fmt"
	"io"
)

// Group is a Diffie-Hellman group.
type Group struct {
	ID    uint16 // the transform
	Name  string
	Weak  bool
	begin func(random io.Reader) (Exchange, error)
}

// Exchange is one side of a key exchange.
type Exchange interface {
	// Public is what the other side needs.
	Public() []byte
	// Secret is the shared one, with what the other side sent.
	Secret(public []byte) ([]byte, error)
}

// Groups are those that can be negotiated, best first: RFC 8031, RFC 5903, RFC 3526
// and RFC 7296.
var Groups = []*Group{
	{31, "curve25519", false, montgomery},
	{19, "ecp256", false, curve(ecdh.P256(), 32)},
	{20, "ecp384", false, curve(ecdh.P384(), 48)},
	{21, "ecp521", false, curve(ecdh.P521(), 66)},
	{14, "modp2048", false, prime(modp2048)},
	{15, "modp3072", false, prime(modp3072)},
	{16, "modp4096", false, prime(modp4096)},
	{17, "modp6144", false, prime(modp6144)},
	{18, "modp8192", false, prime(modp8192)},
	{5, "modp1536", true, prime(modp1536)},
	{2, "modp1024", true, prime(modp1024)},
}

// FindGroup returns the group with that transform.
func FindGroup(id uint16) (*Group, error) {
	for _, g := range Groups {
		if g.ID == id {
			return g, nil
		}
	}
	return nil, unsupported("the group", id)
}

// Begin chooses a private value.
func (g *Group) Begin(random io.Reader) (Exchange, error) { return g.begin(random) }

// onCurve is an Exchange on a curve. The points of NIST's curves go without the
// octet that says they are not compressed (RFC 5903 section 7).
type onCurve struct {
	private *ecdh.PrivateKey
	prefix  []byte
}

func montgomery(random io.Reader) (Exchange, error) { return point(ecdh.X25519(), 32, nil, random) }

func curve(c ecdh.Curve, size int) func(io.Reader) (Exchange, error) {
	return func(random io.Reader) (Exchange, error) { return point(c, size, []byte{4}, random) }
}

// point takes a private key from random, whose bytes are one nearly always.
func point(c ecdh.Curve, size int, prefix []byte, random io.Reader) (Exchange, error) {
	b := make([]byte, size)
	for range 128 {
		if _, err := io.ReadFull(random, b); err != nil {
			return nil, err
		}
		if size == 66 {
			b[0] &= 1 // of 521 bits
		}
		if private, err := c.NewPrivateKey(b); err == nil {
			return &onCurve{private, prefix}, nil
		}
	}
	return nil, errors.New("the source of randomness gives no private key")
}

// Public implements Exchange.
func (e *onCurve) Public() []byte { return e.private.PublicKey().Bytes()[len(e.prefix):] }

// Secret implements Exchange.
func (e *onCurve) Secret(public []byte) ([]byte, error) {
	p, err := e.private.Curve().NewPublicKey(append(append([]byte(nil), e.prefix...), public...))
	if err != nil {
		return nil, fmt.Errorf("the other side's public value: %w", err)
	}
	return e.private.ECDH(p)
}
