package keys

import (
	"crypto/mlkem"
	"fmt"
	"io"
)

// KEMs are those that can follow on a key exchange of Groups (RFC 9370): ML-KEM
// (FIPS 203), which a quantum computer does not break. Their public values do not fit
// into a first message.
var KEMs = []*Group{{36, "mlkem768", false, beginKEM, answerKEM}}

// encapsulated is the initiator's side of a KEM: its public value is a key, and what
// comes back is a secret for that.
type encapsulated struct{ key *mlkem.DecapsulationKey768 }

func beginKEM(random io.Reader) (Exchange, error) {
	seed := make([]byte, mlkem.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return nil, err
	}
	key, err := mlkem.NewDecapsulationKey768(seed)
	if err != nil {
		return nil, err
	}
	return encapsulated{key}, nil
}

// Public implements Exchange.
func (e encapsulated) Public() []byte { return e.key.EncapsulationKey().Bytes() }

// Secret implements Exchange.
func (e encapsulated) Secret(public []byte) ([]byte, error) {
	secret, err := e.key.Decapsulate(public)
	if err != nil {
		return nil, fmt.Errorf("the other side's public value: %w", err)
	}
	return secret, nil
}

// answerKEM takes its randomness from the system, as the library wants it.
func answerKEM(public []byte) (ours, secret []byte, err error) {
	key, err := mlkem.NewEncapsulationKey768(public)
	if err != nil {
		return nil, nil, fmt.Errorf("the other side's public value: %w", err)
	}
	secret, ours = key.Encapsulate()
	return ours, secret, nil
}
