package ike1

import (
	"encoding/binary"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
)

const (
	pieceHead = 4
	lastPiece = 1
	maxPieces = 255
)

// ParsePiece reads a part of a message in the manner of Cisco's fragmentation.
func ParsePiece(b []byte) (*ike.Piece, error) {
	if len(b) < pieceHead || b[2] == 0 {
		return nil, malformed("a piece of %d bytes, or without a number", len(b))
	}
	return &ike.Piece{ID: binary.BigEndian.Uint16(b), Number: b[2], Last: b[3]&lastPiece != 0, Data: b[pieceHead:]}, nil
}

// InPieces returns the message with the header h as datagrams of at most size bytes, or as
// it is when that is small enough. id tells it from others.
func InPieces(h Header, id uint16, message []byte, size int) [][]byte {
	if len(message) <= size {
		return [][]byte{message}
	}
	room := max(size-HeaderSize-GenericSize-pieceHead, (len(message)+maxPieces-1)/maxPieces)
	h.Encrypted = false
	var all [][]byte
	for rest := message; len(rest) > 0; {
		n := min(room, len(rest))
		b := append(binary.BigEndian.AppendUint16(nil, id), byte(len(all)+1), 0)
		if n == len(rest) {
			b[3] = lastPiece
		}
		body := AppendPayloads(nil, []Payload{{TypePiece, append(b, rest[:n]...)}})
		m := Message{Header: h, First: TypePiece, Body: body}
		all, rest = append(all, m.Append(nil)), rest[n:]
	}
	return all
}
