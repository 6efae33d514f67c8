package keys

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
)

// PRF is a pseudo-random function, an HMAC (RFC 2104, RFC 4868).
type PRF struct {
	ID   uint16 // the transform
	Name string
	Size int // bytes of its result and of its preferred key
	Weak bool
	hash func() hash.Hash
}

// PRFs are those that can be negotiated, best first.
var PRFs = []*PRF{
	{5, "sha256", 32, false, sha256.New},
	{6, "sha384", 48, false, sha512.New384},
	{7, "sha512", 64, false, sha512.New},
	{2, "sha1", 20, false, sha1.New},
	{1, "md5", 16, true, md5.New},
}

// FindPRF returns the PRF with that transform.
func FindPRF(id uint16) (*PRF, error) {
	for _, p := range PRFs {
		if p.ID == id {
			return p, nil
		}
	}
	return nil, unsupported("the pseudo-random function", id)
}

// Sum is prf(key, data).
func (p *PRF) Sum(key []byte, data ...[]byte) []byte {
	mac := hmac.New(p.hash, key)
	for _, d := range data {
		mac.Write(d)
	}
	return mac.Sum(nil)
}

// Expand is prf+(key, seed), n bytes of it.
func (p *PRF) Expand(key []byte, n int, seed ...[]byte) []byte {
	var out, last []byte
	for i := byte(1); len(out) < n; i++ {
		parts := append([][]byte{last}, seed...)
		last = p.Sum(key, append(parts, []byte{i})...)
		out = append(out, last...)
	}
	return out[:n]
}
