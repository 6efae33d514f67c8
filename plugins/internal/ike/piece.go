package ike

import "encoding/binary"

// Piece is part of a whole sealed message, in the manner of IKEv1's fragmentation, which
// Cisco's gateways use in IKEv2 too. Nothing protects a piece on its own.
type Piece struct {
	ID     uint16 // the same in all pieces of a message
	Number uint8  // from 1
	Last   bool
	Data   []byte
}

// VendorPieces announces that its sender takes messages in pieces.
var VendorPieces = Vendor("\x40\x48\xb7\xd5\x6e\xbc\xe8\x85\x25\xe7\xde\x7f\x00\xd6\xc2\xd3")

const (
	pieceHeader = 4
	lastPiece   = 1
	maxPieces   = 255
)

// Type implements Payload.
func (*Piece) Type() PayloadType { return TypePiece }

func (p *Piece) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, p.ID)
	return append(append(b, p.Number, flagIf(lastPiece, p.Last)), p.Data...)
}

func parsePiece(b []byte) (*Piece, error) {
	if len(b) < pieceHeader || b[2] == 0 {
		return nil, malformed("a piece of %d bytes, or without a number", len(b))
	}
	return &Piece{binary.BigEndian.Uint16(b), b[2], b[3]&lastPiece != 0, b[pieceHeader:]}, nil
}

// InPieces returns the message with the header h as datagrams of at most size bytes, or as
// it is when that is small enough.
func InPieces(h Header, message []byte, size int) [][]byte {
	room := max(size-HeaderSize-GenericSize-pieceHeader, (len(message)+maxPieces-1)/maxPieces)
	if len(message) <= size {
		return [][]byte{message}
	}
	var all [][]byte
	for rest := message; len(rest) > 0; {
		n := min(room, len(rest))
		p := &Piece{ID: 1, Number: uint8(len(all) + 1), Last: n == len(rest), Data: rest[:n]}
		all, rest = append(all, Append(nil, h, []Payload{p})), rest[n:]
	}
	return all
}

// Pieces puts messages together again, one at a time.
type Pieces struct {
	of    Header
	id    uint16
	last  uint8 // 0: not seen yet
	parts map[uint8][]byte
	size  int
}

// maxPieced bounds a message in pieces.
const maxPieced = 64 << 10

// Add takes a piece of the message with the header h, and returns that when it is whole.
// Anybody may have made it: what it is to be worth must be sealed. Pieces that do not
// fit the others make it begin anew, so that nobody can keep a message from coming
// again.
func (a *Pieces) Add(h Header, p *Piece) []byte {
	if a.parts == nil || a.of != h || a.id != p.ID || a.size+len(p.Data) > maxPieced {
		*a = Pieces{of: h, id: p.ID, parts: map[uint8][]byte{}}
	}
	if _, twice := a.parts[p.Number]; twice || len(p.Data) > maxPieced {
		return nil
	}
	if p.Last && a.last == 0 {
		a.last = p.Number
	}
	a.parts[p.Number] = append([]byte(nil), p.Data...)
	a.size += len(p.Data)
	var whole []byte
	for i := 1; i <= int(a.last); i++ {
		part, is := a.parts[uint8(i)]
		if !is {
			return nil
		}
		whole = append(whole, part...)
	}
	if a.last != 0 {
		a.parts = nil
	}
	return whole
}
