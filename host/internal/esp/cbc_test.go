package esp

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"math/rand/v2"
	"testing"
)

// eachCBC runs f for every implementation that this machine has, and key size.
func eachCBC(t *testing.T, f func(t *testing.T, c cbc, block cipher.Block)) {
	for _, size := range []int{16, 24, 32} {
		key := pattern(size)
		block, err := aes.NewCipher(key)
		if err != nil {
			t.Fatal(err)
		}
		p, err := newPortable(block, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(fmt.Sprintf("portable-%d", size), func(t *testing.T) { f(t, p, block) })
		if c, ok := newLanes(key); ok {
			t.Run(fmt.Sprintf("lanes-%d", size), func(t *testing.T) { f(t, c, block) })
		}
	}
}

// randomText is an IV and blocks, between bytes that are not to be touched.
func randomText(random *rand.Rand, blocks int) (whole, text []byte) {
	whole = make([]byte, 32+(blocks+1)*16)
	for i := range whole {
		whole[i] = byte(random.Uint32())
	}
	at := random.IntN(17) // seldom aligned
	return whole, whole[at : at+(blocks+1)*16]
}

func TestCBCEncryptsAsTheStandardLibraryDoes(t *testing.T) {
	eachCBC(t, func(t *testing.T, c cbc, block cipher.Block) {
		random := rand.New(rand.NewPCG(1, 1))
		for range 400 {
			var wholes, texts, want [][]byte
			for range random.IntN(25) {
				blocks := random.IntN(20)
				if random.IntN(3) == 0 {
					blocks = 7 // several of one length, as a bulk has
				}
				whole, text := randomText(random, blocks)
				wholes, texts, want = append(wholes, whole), append(texts, text), append(want, bytes.Clone(whole))
				w := want[len(want)-1][cap(whole)-cap(text):][:len(text)]
				cipher.NewCBCEncrypter(block, w[:16]).CryptBlocks(w[16:], w[16:])
			}
			c.encrypt(texts)
			for i := range wholes {
				if !bytes.Equal(wholes[i], want[i]) {
					t.Fatalf("text %d of %d, %d blocks", i, len(texts), len(texts[i])/16-1)
				}
			}
		}
	})
}

func TestCBCDecryptsAsTheStandardLibraryDoes(t *testing.T) {
	eachCBC(t, func(t *testing.T, c cbc, block cipher.Block) {
		random := rand.New(rand.NewPCG(2, 2))
		for blocks := range 100 {
			whole, text := randomText(random, blocks)
			before := bytes.Clone(whole)
			want := make([]byte, blocks*16)
			cipher.NewCBCDecrypter(block, text[:16]).CryptBlocks(want, text[16:])

			apart := bytes.Repeat([]byte{0xaa}, blocks*16+32)
			c.decrypt(apart[16:16+blocks*16], text)
			same(t, "apart", apart, bytes.Join([][]byte{bytes.Repeat([]byte{0xaa}, 16), want, bytes.Repeat([]byte{0xaa}, 16)}, nil))
			same(t, "the text", whole, before)

			c.decrypt(text[16:], text)
			copy(before[cap(whole)-cap(text)+16:], want)
			same(t, "in place", whole, before)
		}
	})
}

// NIST's vector for TDEA in CBC with three keys (TCBCMMT3, the first).
func TestVectorOf3DES(t *testing.T) {
	c, err := newCBC(8, unhex(t, "627f460e08104a10 43cd265d5840eaf1 313edf97df2a8a8c"))
	if err != nil {
		t.Fatal(err)
	}
	iv, plain, text := unhex(t, "8e29f75ea77e5475"), unhex(t, "326a494cd33fe756"), unhex(t, "b22b8d66de970692")
	got := append(bytes.Clone(iv), plain...)
	c.encrypt([][]byte{got})
	same(t, "encrypted", got[8:], text)
	c.decrypt(got[8:], got)
	same(t, "decrypted", got[8:], plain)
}

// BenchmarkCBC is 1408 bytes, in eights when they are encrypted.
func BenchmarkCBC(b *testing.B) {
	key := pattern(16)
	p, _ := newPortable(aes.NewCipher(key))
	all := map[string]cbc{"portable": p}
	if c, ok := newLanes(key); ok {
		all["lanes"] = c
	}
	var texts [][]byte
	for range 8 {
		texts = append(texts, make([]byte, 1424))
	}
	for name, c := range all {
		b.Run("encrypt/"+name, func(b *testing.B) {
			b.SetBytes(1408)
			for i := 0; b.Loop(); i++ {
				if i%len(texts) == 0 {
					c.encrypt(texts)
				}
			}
		})
		b.Run("encrypt-one/"+name, func(b *testing.B) {
			b.SetBytes(1408)
			for b.Loop() {
				c.encrypt(texts[:1])
			}
		})
		b.Run("decrypt/"+name, func(b *testing.B) {
			b.SetBytes(1408)
			for b.Loop() {
				c.decrypt(texts[0][16:], texts[0])
			}
		})
	}
}
