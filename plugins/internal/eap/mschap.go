package eap

import (
	"crypto/des"
	"crypto/sha1"
	"encoding/binary"
	"strings"
	"unicode/utf16"

	//lint:ignore SA1019 MSCHAPv2 is made of it
	"golang.org/x/crypto/md4"
)

// challengeHash is RFC 2759 section 8.2. The domain before a user name does not count.
func challengeHash(peer, challenge []byte, username string) []byte {
	if _, name, found := strings.Cut(username, `\`); found {
		username = name
	}
	return sha1Sum(peer, challenge, []byte(username))[:8]
}

func ntPasswordHash(password string) []byte {
	var text []byte
	for _, u := range utf16.Encode([]rune(password)) {
		text = binary.LittleEndian.AppendUint16(text, u)
	}
	return md4Sum(text)
}

// ntResponse is RFC 2759 section 8.1: three times DES with parts of the password's hash.
func ntResponse(challenge, peer []byte, username, password string) []byte {
	plain := challengeHash(peer, challenge, username)
	keys := append(ntPasswordHash(password), make([]byte, 5)...)
	out := make([]byte, 24)
	for i := range 3 {
		block, err := des.NewCipher(withParity(keys[7*i:]))
		if err != nil {
			panic(err) // the key has the right size
		}
		block.Encrypt(out[8*i:], plain)
	}
	return out
}

// withParity spreads 56 bits over 8 octets, whose last bit does not count.
func withParity(b []byte) []byte {
	var bits uint64
	for _, x := range b[:7] {
		bits = bits<<8 | uint64(x)
	}
	key := make([]byte, 8)
	for i := range key {
		key[i] = byte(bits>>(49-7*i)) << 1
	}
	return key
}

// masterSessionKey is what RFC 3079 section 3.3 derives: the key that the gateway
// receives with, the one that it sends with, and zeros.
func masterSessionKey(password string, response []byte) []byte {
	hashHash := md4Sum(ntPasswordHash(password))
	master := sha1Sum(hashHash, response, []byte("This is the MPPE Master Key"))[:16]
	pad1, pad2 := make([]byte, 40), make([]byte, 40)
	for i := range pad2 {
		pad2[i] = 0xf2
	}
	toServer := []byte("On the client side, this is the send key; on the server side, it is the receive key.")
	toClient := []byte("On the client side, this is the receive key; on the server side, it is the send key.")
	msk := append([]byte(nil), sha1Sum(master, pad1, toServer, pad2)[:16]...)
	msk = append(msk, sha1Sum(master, pad1, toClient, pad2)[:16]...)
	return append(msk, make([]byte, 32)...)
}

func md4Sum(b []byte) []byte {
	h := md4.New()
	h.Write(b)
	return h.Sum(nil)
}

func sha1Sum(parts ...[]byte) []byte {
	h := sha1.New()
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}
