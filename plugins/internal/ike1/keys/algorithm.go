// Package keys is what IKEv1 computes (RFC 2409): pseudo-random functions, SKEYID and what
// comes of it, the proofs of both sides, the chains of CBC that protect messages, and
// the keys of ESP. It does no I/O. The groups are those of IKEv2, which has the same.
package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"

	"github.com/penstock-vpn/penstock/plugins/internal/ike/keys"
)

// Cipher encrypts the messages of an ISAKMP SA, in CBC.
type Cipher struct {
	ID    uint16 // in phase 1
	Bits  uint16 // its key length; 0: it has one only
	Name  string
	Key   int // bytes
	Weak  bool
	block func([]byte) (cipher.Block, error)
}

// Ciphers are those that can be negotiated, best first.
var Ciphers = []*Cipher{
	{7, 256, "aes256", 32, false, aes.NewCipher},
	{7, 192, "aes192", 24, false, aes.NewCipher},
	{7, 128, "aes128", 16, false, aes.NewCipher},
	{5, 0, "3des", 24, true, des.NewTripleDESCipher},
	{1, 0, "des", 8, true, des.NewCipher},
}

// Hash is one, and the pseudo-random function that HMAC makes of it.
type Hash struct {
	ID   uint16 // in phase 1
	Auth uint16 // as HMAC in ESP
	Name string
	Size int
	Weak bool
	make func() hash.Hash
}

// Hashes are those that can be negotiated, best first.
var Hashes = []*Hash{
	{4, 5, "sha256", 32, false, sha256.New},
	{5, 6, "sha384", 48, false, sha512.New384},
	{6, 7, "sha512", 64, false, sha512.New},
	{2, 2, "sha1", 20, false, sha1.New},
	{1, 1, "md5", 16, true, md5.New},
}

// Sum is the plain hash of data.
func (h *Hash) Sum(data ...[]byte) []byte {
	sum := h.make()
	for _, d := range data {
		sum.Write(d)
	}
	return sum.Sum(nil)
}

// PRF is prf(key, data).
func (h *Hash) PRF(key []byte, data ...[]byte) []byte {
	mac := hmac.New(h.make, key)
	for _, d := range data {
		mac.Write(d)
	}
	return mac.Sum(nil)
}

// Suite is what an ISAKMP SA was negotiated to use.
type Suite struct {
	Cipher *Cipher
	Hash   *Hash
	Group  *keys.Group
}

// String is the suite in the notation of proposals.
func (s Suite) String() string { return s.Cipher.Name + "-" + s.Hash.Name + "-" + s.Group.Name }

// Weak says which part of it is weak; "": none is.
func (s Suite) Weak() string {
	switch {
	case s.Cipher.Weak:
		return s.Cipher.Name
	case s.Hash.Weak:
		return s.Hash.Name
	case s.Group.Weak:
		return s.Group.Name
	}
	return ""
}

// FindSuite returns the suite with those numbers.
func FindSuite(cipherID, bits, hashID, group uint16) (s Suite, err error) {
	for _, c := range Ciphers {
		if c.ID == cipherID && c.Bits == bits {
			s.Cipher = c
		}
	}
	for _, h := range Hashes {
		if h.ID == hashID {
			s.Hash = h
		}
	}
	if s.Cipher == nil || s.Hash == nil {
		return s, fmt.Errorf("the cipher %d with %d bits, or the hash %d, is not supported", cipherID, bits, hashID)
	}
	s.Group, err = keys.FindGroup(group)
	return s, err
}
