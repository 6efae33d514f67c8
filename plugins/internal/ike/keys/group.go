package keys

import (
	"crypto/ecdh"
	"errors"
	"fmt"
	"io"
)

// Group is a way to exchange keys: a Diffie-Hellman group, or a KEM.
type Group struct {
	ID    uint16 // the transform
	Name  string
	Weak  bool
	begin func(random io.Reader) (Exchange, error)
	// answer is the responder's half where that is another than the initiator's.
	answer func(public []byte) (ours, secret []byte, err error)
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
	{31, "curve25519", false, montgomery, nil},
	{19, "ecp256", false, curve(ecdh.P256(), 32), nil},
	{20, "ecp384", false, curve(ecdh.P384(), 48), nil},
	{21, "ecp521", false, curve(ecdh.P521(), 66), nil},
	{14, "modp2048", false, prime(modp2048), nil},
	{15, "modp3072", false, prime(modp3072), nil},
	{16, "modp4096", false, prime(modp4096), nil},
	{17, "modp6144", false, prime(modp6144), nil},
	{18, "modp8192", false, prime(modp8192), nil},
	{5, "modp1536", true, prime(modp1536), nil},
	{2, "modp1024", true, prime(modp1024), nil},
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

// FindAdditional returns what may follow on a first key exchange (RFC 9370): a KEM or
// another group.
func FindAdditional(id uint16) (*Group, error) {
	for _, g := range KEMs {
		if g.ID == id {
			return g, nil
		}
	}
	return FindGroup(id)
}

// Begin chooses a private value.
func (g *Group) Begin(random io.Reader) (Exchange, error) { return g.begin(random) }

// Answer is the responder's half: its own public value for the initiator's, and the secret.
func (g *Group) Answer(random io.Reader, public []byte) (ours, secret []byte, err error) {
	if g.answer != nil {
		return g.answer(public)
	}
	x, err := g.begin(random)
	if err != nil {
		return nil, nil, err
	}
	secret, err = x.Secret(public)
	return x.Public(), secret, err
}

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
