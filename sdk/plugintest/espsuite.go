package plugintest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"strconv"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/penstock-vpn/penstock/sdk"
)

// espSuite encrypts and authenticates: one AEAD, or CBC, of AES or 3DES, and an HMAC over
// all before it. Sizes are in bytes.
type espSuite struct {
	key, authKey, block int
	iv, icv             int
	aead                func(key []byte) (cipher.AEAD, error)
	mac                 func() hash.Hash
}

const aeadSalt = 4 // bytes at the end of an AEAD's key

// espMACs are the HMACs beside CBC, cut to icv bytes.
var espMACs = map[string]struct {
	mac func() hash.Hash
	icv int
}{
	"md5": {md5.New, 12}, "sha1": {sha1.New, 12}, "sha256": {sha256.New, 16}, "sha384": {sha512.New384, 24}, "sha512": {sha512.New, 32},
}

func espSuiteNamed(name string) (espSuite, bool) {
	if name == "chacha20poly1305" {
		return espSuite{key: 32 + aeadSalt, block: 4, iv: 8, icv: 16, aead: chacha20poly1305.New}, true
	}
	for hash, m := range espMACs {
		if name == "3des-"+hash {
			return espSuite{key: 24, authKey: m.mac().Size(), block: des.BlockSize, iv: des.BlockSize, icv: m.icv, mac: m.mac}, true
		}
	}
	for _, key := range []int{16, 24, 32} {
		aesN := "aes" + strconv.Itoa(key*8)
		if name == aesN+"gcm16" {
			return espSuite{key: key + aeadSalt, block: 4, iv: 8, icv: 16, aead: newGCM}, true
		}
		for hash, m := range espMACs {
			if name == aesN+"-"+hash {
				return espSuite{key: key, authKey: m.mac().Size(), block: aes.BlockSize, iv: aes.BlockSize, icv: m.icv, mac: m.mac}, true
			}
		}
	}
	return espSuite{}, false
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// high is the upper half of an extended sequence number: no test sends that many.
var high [4]byte

// seal makes a packet of header and text, which is whole blocks.
func (s espSuite) seal(sa sdk.SA, header, text []byte) []byte {
	out := append(header, make([]byte, s.iv)...)
	iv := out[espHeader:]
	if s.aead != nil {
		copy(iv[s.iv-4:], header[4:]) // its sequence number: once in the life of a key
		return s.cipher(sa).Seal(out, s.nonce(sa, iv), text, extra(sa, header))
	}
	_, _ = rand.Read(iv) // never fails
	out = append(out, text...)
	cipher.NewCBCEncrypter(s.blocks(sa), iv).CryptBlocks(out[espHeader+s.iv:], text)
	return append(out, s.tag(sa, out)...)
}

// open returns the text of a packet, trailer included.
func (s espSuite) open(sa sdk.SA, packet []byte) ([]byte, error) {
	body := len(packet) - espHeader - s.iv - s.icv
	if body < 0 || body%s.block != 0 {
		return nil, errNotAuthentic
	}
	header, iv, text := packet[:espHeader], packet[espHeader:espHeader+s.iv], packet[espHeader+s.iv:]
	if s.aead != nil {
		out, err := s.cipher(sa).Open(nil, s.nonce(sa, iv), text, extra(sa, header))
		if err != nil {
			return nil, errNotAuthentic
		}
		return out, nil
	}
	end := len(packet) - s.icv
	if !hmac.Equal(s.tag(sa, packet[:end]), packet[end:]) {
		return nil, errNotAuthentic
	}
	out := make([]byte, body)
	cipher.NewCBCDecrypter(s.blocks(sa), iv).CryptBlocks(out, text[:body])
	return out, nil
}

// cipher and blocks have a key of the right length, see ESP.Install.
func (s espSuite) cipher(sa sdk.SA) cipher.AEAD {
	aead, err := s.aead(sa.Key[:len(sa.Key)-aeadSalt])
	if err != nil {
		panic(err)
	}
	return aead
}

func (s espSuite) blocks(sa sdk.SA) cipher.Block {
	block, err := aes.NewCipher(sa.Key)
	if s.block == des.BlockSize {
		block, err = des.NewTripleDESCipher(sa.Key)
	}
	if err != nil {
		panic(err)
	}
	return block
}

func (s espSuite) nonce(sa sdk.SA, iv []byte) []byte {
	return append(append([]byte(nil), sa.Key[len(sa.Key)-aeadSalt:]...), iv...)
}

// extra is what an AEAD authenticates beside the text.
func extra(sa sdk.SA, header []byte) []byte {
	out := append([]byte(nil), header[:4]...)
	if sa.ESN {
		out = append(out, high[:]...)
	}
	return append(out, header[4:espHeader]...)
}

func (s espSuite) tag(sa sdk.SA, covered []byte) []byte {
	m := hmac.New(s.mac, sa.AuthKey)
	m.Write(covered)
	if sa.ESN {
		m.Write(high[:])
	}
	return m.Sum(nil)[:s.icv]
}
