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
	"crypto/subtle"
	"encoding/binary"
	"hash"
	"io"

	"golang.org/x/crypto/chacha20poly1305"
)

// Cipher encrypts the messages of an IKE SA.
type Cipher struct {
	ID    uint16 // the transform
	Bits  uint16 // its key length; 0: it has one only
	Name  string
	Key   int // bytes, an AEAD's salt included
	Weak  bool
	aead  func([]byte) (cipher.AEAD, error) // nil: CBC, with an Integrity
	block func([]byte) (cipher.Block, error)
}

// AEAD says whether c authenticates too, and no Integrity goes with it.
func (c *Cipher) AEAD() bool { return c.aead != nil }

// Ciphers are those that can be negotiated, best first: RFC 5282, RFC 7634 and RFC 3602.
var Ciphers = []*Cipher{
	{20, 256, "aes256gcm16", 36, false, newGCM, nil},
	{20, 192, "aes192gcm16", 28, false, newGCM, nil},
	{20, 128, "aes128gcm16", 20, false, newGCM, nil},
	{28, 0, "chacha20poly1305", 36, false, chacha20poly1305.New, nil},
	{12, 256, "aes256", 32, false, nil, aes.NewCipher},
	{12, 192, "aes192", 24, false, nil, aes.NewCipher},
	{12, 128, "aes128", 16, false, nil, aes.NewCipher},
	{3, 0, "3des", 24, true, nil, des.NewTripleDESCipher},
}

// FindCipher returns the cipher with that transform.
func FindCipher(id, bits uint16) (*Cipher, error) {
	for _, c := range Ciphers {
		if c.ID == id && c.Bits == bits {
			return c, nil
		}
	}
	return nil, unsupported("the cipher", id)
}

// Integrity authenticates what a cipher that is no AEAD has encrypted.
type Integrity struct {
	ID   uint16 // the transform
	Name string
	Key  int // bytes
	ICV  int // bytes of it that are sent
	Weak bool
	hash func() hash.Hash
}

// Integrities are those that can be negotiated, best first: RFC 4868 and RFC 2404.
var Integrities = []*Integrity{
	{12, "sha256", 32, 16, false, sha256.New},
	{13, "sha384", 48, 24, false, sha512.New384},
	{14, "sha512", 64, 32, false, sha512.New},
	{2, "sha1", 20, 12, false, sha1.New},
	{1, "md5", 16, 12, true, md5.New},
}

// FindIntegrity returns the algorithm with that transform.
func FindIntegrity(id uint16) (*Integrity, error) {
	for _, i := range Integrities {
		if i.ID == id {
			return i, nil
		}
	}
	return nil, unsupported("the integrity algorithm", id)
}

const saltSize = 4 // of an AEAD, behind its key

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// sealer is a cipher with its keys, for one direction.
type sealer interface {
	// overhead is what seal adds to n bytes.
	overhead(n int) int
	// seal fills message from at on with plain, sealed. There is room for just that.
	seal(message []byte, at int, plain []byte) error
	// open returns what is sealed in message from at on.
	open(message []byte, at int) ([]byte, error)
}

func (c *Cipher) sealer(i *Integrity, key, authKey []byte, random io.Reader) (sealer, error) {
	if c.aead != nil {
		a, err := c.aead(key[:len(key)-saltSize])
		if err != nil {
			return nil, err
		}
		return &combined{aead: a, salt: [saltSize]byte(key[len(key)-saltSize:])}, nil
	}
	b, err := c.block(key)
	if err != nil {
		return nil, err
	}
	return &chained{b, i, authKey, random}, nil
}

// combined is an AEAD (RFC 5282). Its IVs count, as no key is used by two senders.
type combined struct {
	aead cipher.AEAD
	salt [saltSize]byte
	next uint64
}

const aeadIV = 8

func (c *combined) overhead(int) int { return aeadIV + 1 + c.aead.Overhead() }

func (c *combined) seal(message []byte, at int, plain []byte) error {
	binary.BigEndian.PutUint64(message[at:], c.next)
	c.next++
	nonce := append(append([]byte(nil), c.salt[:]...), message[at:at+aeadIV]...)
	padded := append(append([]byte(nil), plain...), 0) // no padding: its length alone
	c.aead.Seal(message[:at+aeadIV], nonce, padded, message[:at])
	return nil
}

func (c *combined) open(message []byte, at int) ([]byte, error) {
	if len(message)-at < c.overhead(0) {
		return nil, errAuthentic
	}
	nonce := append(append([]byte(nil), c.salt[:]...), message[at:at+aeadIV]...)
	plain, err := c.aead.Open(nil, nonce, message[at+aeadIV:], message[:at])
	if err != nil {
		return nil, errAuthentic
	}
	return unpad(plain)
}

// chained is CBC with an HMAC over the whole message.
type chained struct {
	block     cipher.Block
	integrity *Integrity
	authKey   []byte
	random    io.Reader
}

func (c *chained) overhead(n int) int {
	return c.block.BlockSize() + c.padding(n) + 1 + c.integrity.ICV
}

// padding is what n bytes need before the padding's own length.
func (c *chained) padding(n int) int { return -(n + 1) & (c.block.BlockSize() - 1) }

func (c *chained) seal(message []byte, at int, plain []byte) error {
	size, end := c.block.BlockSize(), len(message)-c.integrity.ICV
	iv, body := message[at:at+size], message[at+size:end]
	if _, err := io.ReadFull(c.random, iv); err != nil {
		return err
	}
	copy(body, plain)
	body[len(body)-1] = byte(len(body) - 1 - len(plain))
	cipher.NewCBCEncrypter(c.block, iv).CryptBlocks(body, body)
	copy(message[end:], c.sum(message[:end]))
	return nil
}

func (c *chained) open(message []byte, at int) ([]byte, error) {
	size, end := c.block.BlockSize(), len(message)-c.integrity.ICV
	if end < at+2*size || (end-at)%size != 0 || subtle.ConstantTimeCompare(c.sum(message[:end]), message[end:]) != 1 {
		return nil, errAuthentic
	}
	plain := make([]byte, end-at-size)
	cipher.NewCBCDecrypter(c.block, message[at:at+size]).CryptBlocks(plain, message[at+size:end])
	return unpad(plain)
}

func (c *chained) sum(b []byte) []byte {
	mac := hmac.New(c.integrity.hash, c.authKey)
	mac.Write(b)
	return mac.Sum(nil)[:c.integrity.ICV]
}

// unpad takes the padding off what was authentic.
func unpad(plain []byte) ([]byte, error) {
	n := len(plain) - 1
	if n < 0 || int(plain[n]) > n {
		return nil, errAuthentic
	}
	return plain[:n-int(plain[n])], nil
}
