package esp

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"hash"
	"strings"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"
)

// peer is ESP once more, written from the RFCs and the primitives alone, with none of
// the package's code: what both get right, they do not get right by the same mistake.
type peer struct {
	cipher, hash string // of the suite's name
	key, authKey []byte
	esn          bool
}

func newPeer(sa SA) peer {
	c, h, _ := strings.Cut(sa.Suite.Name, "-")
	return peer{c, h, sa.Key, sa.AuthKey, sa.ESN}
}

// icv is how many bytes of the MAC travel: RFC 2403, 2404, 4868.
func (p peer) mac(covered []byte, number uint64) []byte {
	hashes := map[string]struct {
		new func() hash.Hash
		icv int
	}{"md5": {md5.New, 12}, "sha1": {sha1.New, 12}, "sha256": {sha256.New, 16}, "sha384": {sha512.New384, 24}, "sha512": {sha512.New, 32}}
	h := hashes[p.hash]
	m := hmac.New(h.new, p.authKey)
	m.Write(covered)
	if p.esn {
		m.Write(binary.BigEndian.AppendUint32(nil, uint32(number>>32)))
	}
	return m.Sum(nil)[:h.icv]
}

// aead is the cipher, its salt, and the additional data of a packet.
func (p peer) aead(pkt []byte, number uint64) (c cipher.AEAD, salt, extra []byte) {
	key, salt := p.key[:len(p.key)-4], p.key[len(p.key)-4:]
	extra = bytes.Clone(pkt[:8])
	if p.esn {
		extra = binary.BigEndian.AppendUint64(bytes.Clone(pkt[:4]), number)
	}
	if p.cipher == "chacha20poly1305" {
		c, _ = chacha20poly1305.New(key)
	} else {
		block, _ := aes.NewCipher(key)
		c, _ = cipher.NewGCM(block)
	}
	return c, salt, extra
}

// block is the cipher of CBC.
func (p peer) block() (b cipher.Block) {
	if p.cipher == "3des" {
		b, _ = des.NewTripleDESCipher(p.key)
	} else {
		b, _ = aes.NewCipher(p.key)
	}
	return b
}

func (p peer) open(pkt []byte, number uint64) (payload []byte, next byte, err error) {
	var plain []byte
	if p.hash == "" {
		c, salt, extra := p.aead(pkt, number)
		if plain, err = c.Open(nil, append(bytes.Clone(salt), pkt[8:16]...), pkt[16:], extra); err != nil {
			return nil, 0, err
		}
	} else {
		sum := p.mac(pkt[:len(pkt)-len(p.mac(nil, 0))], number)
		end := len(pkt) - len(sum)
		if !bytes.Equal(sum, pkt[end:]) {
			return nil, 0, fmt.Errorf("ICV %x, want %x", pkt[end:], sum)
		}
		block := p.block()
		at := 8 + block.BlockSize()
		plain = make([]byte, end-at)
		cipher.NewCBCDecrypter(block, pkt[8:at]).CryptBlocks(plain, pkt[at:end])
	}
	padding := int(plain[len(plain)-2])
	payload, next = plain[:len(plain)-2-padding], plain[len(plain)-1]
	for i, b := range plain[len(payload) : len(plain)-2] {
		if int(b) != i+1 {
			return nil, 0, fmt.Errorf("padding byte %d is %d", i+1, b)
		}
	}
	return payload, next, nil
}

// seal pads with more bytes than are needed, up to 255.
func (p peer) seal(spi SPI, number uint64, payload []byte, next byte, more int) []byte {
	pkt := binary.BigEndian.AppendUint32(nil, uint32(spi))
	pkt = binary.BigEndian.AppendUint32(pkt, uint32(number))
	block := 4
	if p.hash != "" {
		block = p.block().BlockSize()
	}
	padding := block - 1 - (len(payload)+1)%block + more*block
	plain := bytes.Clone(payload)
	for i := range padding {
		plain = append(plain, byte(i+1))
	}
	plain = append(plain, byte(padding), next)
	if p.hash == "" {
		iv := binary.BigEndian.AppendUint64(nil, number^0x5555)
		c, salt, extra := p.aead(pkt, number)
		return c.Seal(append(pkt, iv...), append(bytes.Clone(salt), iv...), plain, extra)
	}
	iv := make([]byte, block)
	_, _ = rand.Read(iv)
	cipher.NewCBCEncrypter(p.block(), iv).CryptBlocks(plain, plain)
	pkt = append(append(pkt, iv...), plain...)
	return append(pkt, p.mac(pkt, number)...)
}

func TestAnotherImplementationOpensOurs(t *testing.T) {
	eachSuite(t, func(t *testing.T, sa SA) {
		o, _ := ends(t, sa)
		if sa.ESN {
			o.next = 3<<32 - 5
		}
		for size := range 200 {
			number := o.next
			payload, next, err := newPeer(sa).open(sealed(t, o, pattern(size), nextIPv6), number)
			if err != nil || next != nextIPv6 {
				t.Fatalf("size %d: next header %d, %v", size, next, err)
			}
			same(t, "payload", payload, pattern(size))
		}
	})
}

func TestWeOpenThatOfAnotherImplementation(t *testing.T) {
	eachSuite(t, func(t *testing.T, sa SA) {
		_, in := ends(t, sa)
		first := uint64(0) // OpenConnect's
		if sa.ESN {
			first = 3<<32 - 5
			in.window.Next = first
		}
		for size := range 200 {
			pkt := newPeer(sa).seal(sa.SPI, first+uint64(size), pattern(size), nextIPv4, size%14)
			payload, next, v := opened(in, pkt)
			if v != Good || next != nextIPv4 {
				t.Fatalf("size %d: next header %d, %v", size, next, v)
			}
			same(t, "payload", payload, pattern(size))
		}
	})
}

func TestPaddingLongerThanThePayloadIsMalformed(t *testing.T) {
	for _, name := range []string{"aes128gcm16", "aes128-sha1"} {
		sa := newSA(SuiteNamed(name), testSPI)
		_, in := ends(t, sa)
		pkt := newPeer(sa).seal(sa.SPI, 1, []byte{13: 200}, nextIPv4, 0)
		if _, _, v := opened(in, pkt); v != Good {
			t.Fatalf("%s: %v", name, v)
		}
		// A trailer of our own making: 14 bytes of payload, then more padding than there is.
		o, _ := ends(t, sa)
		o.next = 2
		b := framed(make([]byte, 14))
		pkt = o.frame(b, headroom, nextIPv4)
		pkt[len(pkt)-sa.Suite.ICV-2] = 15
		o.transform.seal([][]byte{pkt}, 2)
		if _, _, v := opened(in, pkt); v != Malformed {
			t.Errorf("%s: %v", name, v)
		}
	}
}
