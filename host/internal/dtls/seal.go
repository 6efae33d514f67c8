package dtls

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
)

// ErrExhausted says that the record numbers are used up: a new handshake is needed.
var ErrExhausted = errors.New("dtls: record numbers are used up")

// half is one direction of epoch 1.
//
//	| header (13) | explicit nonce (0 or 8) | payload | tag (16) |
//	              |<---------------- length ------------------->|
//
// The nonce is salt and explicit nonce (RFC 5288), or the IV xor the epoch and
// sequence number (RFC 7905); both are 12 bytes.
type half struct {
	aead     cipher.AEAD
	explicit int
	iv       [12]byte

	// Scratch that the AEAD sees through an interface: kept here, or every record would allocate.
	nonce [12]byte
	extra [13]byte
}

func newHalf(s *Suite, key, iv []byte) (*half, error) {
	aead, err := s.aead(key)
	if err != nil {
		return nil, err
	}
	h := &half{aead: aead, explicit: s.explicit}
	copy(h.iv[:], iv)
	return h, nil
}

// prepare sets nonce and additional data (RFC 6347 section 4.1.2.1) for a record
// whose payload has size bytes. explicit is the record's nonce field.
func (h *half) prepare(hd header, explicit []byte, size int) {
	h.nonce = h.iv
	number := uint64(hd.epoch)<<48 | hd.sequence
	if h.explicit > 0 {
		copy(h.nonce[4:], explicit)
	} else {
		binary.BigEndian.PutUint64(h.nonce[4:], binary.BigEndian.Uint64(h.nonce[4:])^number)
	}
	binary.BigEndian.PutUint64(h.extra[:], number)
	h.extra[8] = hd.kind
	binary.BigEndian.PutUint16(h.extra[9:], hd.version)
	binary.BigEndian.PutUint16(h.extra[11:], uint16(size))
}

// seal makes a record of b[offset:] in place. The header goes in front, so offset
// must leave headerSize+explicit bytes; the capacity must leave tagSize behind. It
// returns b with the tag; the record begins at offset-headerSize-explicit.
func (h *half) seal(hd header, b []byte, offset int) []byte {
	size := len(b) - offset
	hd.length = h.explicit + size + tagSize
	start := offset - headerSize - h.explicit
	hd.put(b[start:])
	field := b[offset-h.explicit : offset]
	if h.explicit > 0 {
		copy(field, b[start+3:start+11]) // epoch and sequence number: never repeats
	}
	h.prepare(hd, field, size)
	sealed := h.aead.Seal(b[offset:offset], h.nonce[:], b[offset:], h.extra[:])
	return b[:offset+len(sealed)]
}

// open decrypts a record's payload into dst, which may not overlap it, and returns
// how long the plaintext is; -1 when it is not authentic or does not fit.
func (h *half) open(hd header, dst, payload []byte) int {
	size := len(payload) - h.explicit - tagSize
	if size < 0 || size > maxPlain || size > len(dst) {
		return -1
	}
	h.prepare(hd, payload[:h.explicit], size)
	plain, err := h.aead.Open(dst[:0:size], h.nonce[:], payload[h.explicit:], h.extra[:])
	if err != nil {
		return -1
	}
	return len(plain)
}
