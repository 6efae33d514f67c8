package sstp

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"hash"
)

// Hashes that a gateway may name ([MS-SSTP] 2.2.7).
const (
	hashSHA1   = 1
	hashSHA256 = 2
)

// Challenge is what the gateway wants the login to be bound to.
type Challenge struct {
	Hashes byte // bits
	Nonce  [32]byte
}

const bindingSize = 100 // reserved (3), hash, nonce, hash of the certificate, MAC

// Challenge reads it from a Call-Connect-Ack.
func (m Message) Challenge() (Challenge, error) {
	v, found := m.value(CryptoBindingRequest)
	if !found || len(v) != 4+32 {
		return Challenge{}, malformed("%s without a challenge", m.Type)
	}
	c := Challenge{Hashes: v[3], Nonce: [32]byte(v[4:])}
	if c.Hashes&(hashSHA1|hashSHA256) == 0 {
		return c, malformed("a challenge for unknown hashes %#x", c.Hashes)
	}
	return c, nil
}

// KeySize is the length of the key that a login gives.
const KeySize = 32

// Connected answers the challenge ([MS-SSTP] 3.2.5.2): the gateway's certificate, in DER, is
// the one we see, and who has logged in with that key is at this end of the TLS
// connection. A login that gives no key has one of zeros.
func (c Challenge) Connected(certificate []byte, key [KeySize]byte) Message {
	newHash, which := sha256.New, byte(hashSHA256)
	if c.Hashes&hashSHA256 == 0 {
		newHash, which = sha1.New, hashSHA1
	}
	value := make([]byte, bindingSize)
	value[3] = which
	copy(value[4:], c.Nonce[:])
	h := newHash()
	h.Write(certificate)
	copy(value[36:68], h.Sum(nil))

	m := Message{CallConnected, []Attribute{{CryptoBinding, value}}}
	whole := Packet{true, m.Append(nil)}.Append(nil)
	copy(value[68:], mac(newHash, macKey(newHash, key[:]), whole))
	return m
}

// macKey is the first block of the key derivation, which is all that is needed.
func macKey(newHash func() hash.Hash, key []byte) []byte {
	size := newHash().Size()
	seed := append([]byte("SSTP inner method derived CMK"), byte(size), byte(size>>8), 1)
	return mac(newHash, key, seed)
}

func mac(newHash func() hash.Hash, key, text []byte) []byte {
	m := hmac.New(newHash, key)
	m.Write(text)
	return m.Sum(nil)
}
