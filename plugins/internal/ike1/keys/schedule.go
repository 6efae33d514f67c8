package keys

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/penstock-vpn/penstock/plugins/internal/ike1"
)

// Schedule is what the keys of an ISAKMP SA are made of.
type Schedule struct {
	Seed   []byte // SKEYID
	Derive []byte // SKEYID_d: for ESP
	Auth   []byte // SKEYID_a: for the hashes of messages
	secret []byte // what messages are encrypted with
	block  cipher.Block
}

// SharedSeed is SKEYID with a pre-shared key.
func (s Suite) SharedSeed(key, ni, nr []byte) []byte { return s.Hash.PRF(key, ni, nr) }

// SignedSeed is SKEYID with signatures.
func (s Suite) SignedSeed(secret, ni, nr []byte) []byte {
	return s.Hash.PRF(append(append([]byte(nil), ni...), nr...), secret)
}

// NewSchedule computes all that follows from SKEYID and the shared secret, RFC 2409
// section 5.
func (s Suite) NewSchedule(seed, secret []byte, i, r ike1.Cookie) (k Schedule, err error) {
	prf := s.Hash.PRF
	k.Seed = seed
	k.Derive = prf(seed, secret, i[:], r[:], []byte{0})
	k.Auth = prf(seed, k.Derive, secret, i[:], r[:], []byte{1})
	encrypt := prf(seed, k.Auth, secret, i[:], r[:], []byte{2})
	if len(encrypt) < s.Cipher.Key { // appendix B
		long, last := []byte(nil), []byte{0}
		for len(long) < s.Cipher.Key {
			last = prf(encrypt, last)
			long = append(long, last...)
		}
		encrypt = long
	}
	k.secret = encrypt[:s.Cipher.Key]
	k.block, err = s.Cipher.block(k.secret)
	return k, err
}

// Wireshark is a line of its table ikev1_decryption_table. All that it gives away is for who
// asked for it.
func (k Schedule) Wireshark(i ike1.Cookie) string { return fmt.Sprintf("%x,%x", i, k.secret) }

// Proof is HASH_I or HASH_R: of who has the public value ours and the cookie own.
func (s Suite) Proof(seed, ours, theirs []byte, own, other ike1.Cookie, sa, id []byte) []byte {
	return s.Hash.PRF(seed, ours, theirs, own[:], other[:], sa, id)
}

// MessageHash is the HASH of a message of phase 2, over what is before its payloads and
// their bytes.
func (s Suite) MessageHash(k Schedule, parts ...[]byte) []byte { return s.Hash.PRF(k.Auth, parts...) }

// IV begins a chain.
func (s Suite) IV(k Schedule, parts ...[]byte) []byte {
	return s.Hash.Sum(parts...)[:k.block.BlockSize()]
}

// Seal encrypts payloads with a chain's IV, and returns the next one too.
func (k Schedule) Seal(iv, plain []byte) (sealed, next []byte) {
	size := k.block.BlockSize()
	sealed = append(append([]byte(nil), plain...), make([]byte, -len(plain)&(size-1))...)
	cipher.NewCBCEncrypter(k.block, iv).CryptBlocks(sealed, sealed)
	return sealed, sealed[len(sealed)-size:]
}

// errBlocks is about what no cipher has made.
var errBlocks = errors.New("the message is not one of whole blocks")

// Open decrypts what Seal has made, padding included.
func (k Schedule) Open(iv, sealed []byte) (plain, next []byte, err error) {
	size := k.block.BlockSize()
	if len(sealed) == 0 || len(sealed)%size != 0 {
		return nil, nil, errBlocks
	}
	plain = make([]byte, len(sealed))
	cipher.NewCBCDecrypter(k.block, iv).CryptBlocks(plain, sealed)
	return plain, append([]byte(nil), sealed[len(sealed)-size:]...), nil
}

// ESP are n bytes of keys for the SA with that SPI, section 5.5. secret is of a key
// exchange of its own; nil: there was none.
func (s Suite) ESP(k Schedule, n int, secret []byte, spi uint32, ni, nr []byte) []byte {
	name := binary.BigEndian.AppendUint32([]byte{byte(ike1.ProtocolESP)}, spi)
	var out, last []byte
	for len(out) < n {
		last = s.Hash.PRF(k.Derive, last, secret, name, ni, nr)
		out = append(out, last...)
	}
	return out[:n]
}
