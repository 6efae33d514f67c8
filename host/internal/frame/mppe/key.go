// Package mppe is Microsoft Point-to-Point Encryption (RFC 3078), whose keys are those of
// RFC 3079: RC4, with a key that changes with every packet, or every 256.
//
//	| flushed . . encrypted  count, of 12 bits | RC4( protocol, packet ) |
//
// It protects nothing that matters: nothing is authenticated, and the keys are as strong as
// the password, whose login anybody may record and try.
package mppe

import (
	"crypto/sha1"
	"fmt"
)

// Config is one direction of an agreement.
type Config struct {
	Key       []byte // the start key of RFC 3079: 16 bytes, of which 40 and 56 bits use 8
	Bits      int    // 40, 56 or 128
	Stateless bool   // the key changes with every packet
}

// key is that of a direction, which changes.
type key struct {
	start, session [16]byte
	n              int // bytes of them
	weak           []byte
	rc4            stream
}

// What stands in front of weak keys (RFC 3079 section 3.1).
var weak = map[int][]byte{40: {0xd1, 0x26, 0x9e}, 56: {0xd1}, 128: nil}

func newKey(c Config) (*key, error) {
	salt, known := weak[c.Bits]
	k := &key{n: 8, weak: salt}
	if c.Bits == 128 {
		k.n = 16
	}
	if !known || len(c.Key) < k.n {
		return nil, fmt.Errorf("mppe: a key of %d bytes for %d bits", len(c.Key), c.Bits)
	}
	copy(k.start[:k.n], c.Key)
	k.session = k.start
	k.session = k.mixed()
	k.weaken()
	k.reset()
	return k, nil
}

// mixed is GetNewKeyFromSHA of RFC 3079.
func (k *key) mixed() (out [16]byte) {
	var text [16 + 40 + 16 + 40]byte
	b := append(text[:0], k.start[:k.n]...)
	b = b[:len(b)+40]
	b = append(b, k.session[:k.n]...)
	for range 40 {
		b = append(b, 0xf2)
	}
	sum := sha1.Sum(b)
	copy(out[:k.n], sum[:])
	return out
}

func (k *key) weaken() { copy(k.session[:], k.weak) }

// reset begins the key stream anew.
func (k *key) reset() { k.rc4.reset(k.session[:k.n]) }

// change is to the next key (RFC 3078 section 7.3).
func (k *key) change() {
	interim := k.mixed()
	k.rc4.reset(interim[:k.n])
	k.rc4.xor(k.session[:k.n], interim[:k.n])
	k.weaken()
	k.reset()
}
