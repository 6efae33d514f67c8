//go:build !purego

package esp

import (
	"crypto/aes"
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// laneCount is how many texts are encrypted side by side, and how many blocks of one
// are decrypted: two rounds a cycle, each four cycles long, fill the processors of today.
const laneCount = 8

// schedule is a key schedule (FIPS 197 section 5.2), 16 bytes a round key.
type schedule [15 * 4]uint32

// lanes is cbc by the processor's AES instructions.
type lanes struct {
	rounds   int
	enc, dec schedule
}

//go:noescape
func hasAES() bool

// subWord substitutes each byte of w.
//
//go:noescape
func subWord(w uint32) uint32

// inverseKeys makes the schedule that decrypts of the one that encrypts.
//
//go:noescape
func inverseKeys(rounds int, dec, enc *schedule)

// encryptLanes encrypts the blocks that follow the first one of each text, which it is
// chained to. Lanes may be the same.
//
//go:noescape
func encryptLanes(rounds int, keys *schedule, texts *[laneCount]*byte, blocks int)

// decryptBlocks decrypts the blocks that follow the first one of text.
//
//go:noescape
func decryptBlocks(rounds int, keys *schedule, dst, text *byte, blocks int)

var canLanes = hasAES()

func newLanes(key []byte) (cbc, bool) {
	if !canLanes {
		return nil, false
	}
	l := &lanes{rounds: len(key)/4 + 6}
	l.expand(key)
	inverseKeys(l.rounds, &l.dec, &l.enc)
	return l, true
}

// expand fills the schedule; words are as memory has them, little endian.
func (l *lanes) expand(key []byte) {
	n, constant := len(key)/4, uint32(1)
	for i := range n {
		l.enc[i] = binary.LittleEndian.Uint32(key[4*i:])
	}
	for i := n; i < 4*(l.rounds+1); i++ {
		w := l.enc[i-1]
		switch {
		case i%n == 0:
			w = subWord(bits.RotateLeft32(w, -8)) ^ constant
			if constant <<= 1; constant > 0xff {
				constant ^= 0x11b
			}
		case n > 6 && i%n == 4:
			w = subWord(w)
		}
		l.enc[i] = l.enc[i-n] ^ w
	}
}

// encrypt gives each lane a text, and the next one when it is through. Lanes without one
// do again what the first does.
func (l *lanes) encrypt(texts [][]byte) {
	var at [laneCount]*byte
	var left [laneCount]int // blocks
	used := 0
	for {
		for ; used < laneCount && len(texts) > 0; texts = texts[1:] {
			if n := len(texts[0])/aes.BlockSize - 1; n > 0 {
				at[used], left[used] = &texts[0][0], n
				used++
			}
		}
		if used == 0 {
			return
		}
		blocks := left[0]
		for i := range laneCount {
			if i < used {
				blocks = min(blocks, left[i])
			} else {
				at[i] = at[0]
			}
		}
		encryptLanes(l.rounds, &l.enc, &at, blocks)
		running := 0
		for i := range used {
			if left[i] > blocks {
				left[running] = left[i] - blocks
				at[running] = (*byte)(unsafe.Add(unsafe.Pointer(at[i]), blocks*aes.BlockSize))
				running++
			}
		}
		used = running
	}
}

func (l *lanes) decrypt(dst, text []byte) {
	if blocks := len(text)/aes.BlockSize - 1; blocks > 0 {
		_ = dst[blocks*aes.BlockSize-1]
		decryptBlocks(l.rounds, &l.dec, &dst[0], &text[0], blocks)
	}
}
