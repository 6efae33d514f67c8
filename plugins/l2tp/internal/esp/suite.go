package esp

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
	"fmt"
	"hash"
	"strings"

	"github.com/penstock-vpn/penstock/sdk"
)

// suite encrypts and authenticates with the keys of one SA.
type suite interface {
	block() int
	// seal makes a packet of head, SPI and number, and text, which is whole blocks.
	seal(head, text []byte) ([]byte, error)
	// open returns the text of a packet.
	open(packet []byte) ([]byte, error)
}

// hashes are those beside CBC, whose sums are cut to so many bytes.
var hashes = map[string]struct {
	new func() hash.Hash
	cut int
}{
	"md5": {md5.New, 12}, "sha1": {sha1.New, 12}, "sha256": {sha256.New, 16}, "sha384": {sha512.New384, 24}, "sha512": {sha512.New, 32},
}

const saltSize = 4 // at the end of an AEAD's key

// newSuite knows what IKEv1 agrees on: AES and 3DES in CBC with an HMAC, and AES in GCM.
func newSuite(sa sdk.SA) (suite, error) {
	name, mac, chained := strings.Cut(sa.Suite, "-")
	h, known := hashes[mac]
	switch {
	case sa.ESN:
		return nil, fmt.Errorf("esp: %v with extended numbers", sa)
	case chained && known && name == "3des":
		block, err := des.NewTripleDESCipher(sa.Key)
		return &chain{block, h.new, sa.AuthKey, h.cut}, err
	case chained && known && strings.HasPrefix(name, "aes"):
		block, err := aes.NewCipher(sa.Key)
		return &chain{block, h.new, sa.AuthKey, h.cut}, err
	case strings.HasPrefix(name, "aes") && strings.HasSuffix(name, "gcm16") && len(sa.Key) > saltSize:
		split := len(sa.Key) - saltSize
		block, err := aes.NewCipher(sa.Key[:split])
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCM(block)
		return &combined{aead, sa.Key[split:]}, err
	}
	return nil, fmt.Errorf("esp: the suite %q is unknown", sa.Suite)
}

// chain is CBC (RFC 3602 and 2451) and an HMAC over all before it.
type chain struct {
	cipher cipher.Block
	hash   func() hash.Hash
	key    []byte
	cut    int
}

func (c *chain) block() int { return c.cipher.BlockSize() }

func (c *chain) seal(head, text []byte) ([]byte, error) {
	iv := make([]byte, c.block())
	if _, err := rand.Read(iv); err != nil {
		return nil, err
	}
	out := append(append(head, iv...), text...)
	cipher.NewCBCEncrypter(c.cipher, iv).CryptBlocks(out[headerSize+len(iv):], text)
	return append(out, c.tag(out)...), nil
}

func (c *chain) open(packet []byte) ([]byte, error) {
	end := len(packet) - c.cut
	begin := headerSize + c.block()
	size := end - begin
	if size < c.block() || size%c.block() != 0 || !hmac.Equal(c.tag(packet[:end]), packet[end:]) {
		return nil, errForged
	}
	out := make([]byte, size)
	cipher.NewCBCDecrypter(c.cipher, packet[headerSize:begin]).CryptBlocks(out, packet[begin:end])
	return out, nil
}

func (c *chain) tag(b []byte) []byte {
	m := hmac.New(c.hash, c.key)
	m.Write(b)
	return m.Sum(nil)[:c.cut]
}

// combined is AES in GCM (RFC 4106). The IV is the number of the packet, as the host has it
// that goes on with the key: none comes twice.
type combined struct {
	aead cipher.AEAD
	salt []byte
}

const ivSize = 8

func (*combined) block() int { return 4 }

func (c *combined) nonce(iv []byte) []byte { return append(append([]byte(nil), c.salt...), iv...) }

func (c *combined) seal(head, text []byte) ([]byte, error) {
	var iv [ivSize]byte
	copy(iv[ivSize-4:], head[4:])
	out := append(append([]byte(nil), head...), iv[:]...)
	return c.aead.Seal(out, c.nonce(iv[:]), text, head), nil
}

func (c *combined) open(packet []byte) ([]byte, error) {
	if len(packet) < headerSize+ivSize {
		return nil, errForged
	}
	iv := packet[headerSize : headerSize+ivSize]
	out, err := c.aead.Open(nil, c.nonce(iv), packet[headerSize+ivSize:], packet[:headerSize])
	if err != nil {
		return nil, errForged
	}
	return out, nil
}
