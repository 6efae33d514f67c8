package ike

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// The layout of a piece: header, generic header, id, number, flags, data.
func TestPieceOnTheWire(t *testing.T) {
	h := Header{Initiator: SPI{1}, Responder: SPI{2}, Exchange: Auth, FromInitiator: true, MessageID: 1}
	got := Append(nil, h, []Payload{&Piece{ID: 1, Number: 2, Last: true, Data: []byte("data")}})
	want := "0100000000000000" + "0200000000000000" + "84" + "20" + "23" + "08" + "00000001" + "00000028" + // next payload 132
		"00" + "00" + "000c" + "0001" + "02" + "01" + hex.EncodeToString([]byte("data"))
	if hex.EncodeToString(got) != want {
		t.Errorf("got  %x\nwant %s", got, want)
	}
}

func TestPieces(t *testing.T) {
	h := Header{Initiator: SPI{1}, Responder: SPI{2}, Exchange: Auth, MessageID: 3}
	for _, size := range []int{10, 1200, 1210, 5000, 60000} {
		message := bytes.Repeat([]byte("0123456789"), size/10)
		datagrams := InPieces(h, message, 1200)
		if size <= 1200 {
			if len(datagrams) != 1 || !bytes.Equal(datagrams[0], message) {
				t.Errorf("%d bytes were cut", size)
			}
			continue
		}
		var a Pieces
		var whole []byte
		for i := range datagrams { // backwards, and twice
			d := datagrams[len(datagrams)-1-i]
			m, err := Parse(d)
			if err != nil || len(d) > 1200 || len(m.Payloads) != 1 {
				t.Fatalf("%d bytes: %+v, %v", len(d), m, err)
			}
			p := m.Payloads[0].(*Piece)
			if whole = a.Add(m.Header, p); whole == nil {
				whole = a.Add(m.Header, p)
			}
		}
		if !bytes.Equal(whole, message) {
			t.Errorf("%d bytes became %d", len(message), len(whole))
		}
	}
}

func TestPiecesOfAStranger(t *testing.T) {
	h, other := Header{MessageID: 1}, Header{MessageID: 2}
	var a Pieces
	for _, p := range []*Piece{{ID: 1, Number: 3, Last: true}, {ID: 1, Number: 9, Data: []byte("x")}, {ID: 1, Number: 1}} {
		if whole := a.Add(h, p); len(whole) > maxPieced {
			t.Errorf("%+v makes %d bytes", p, len(whole))
		}
	}
	a = Pieces{}
	if a.Add(h, &Piece{ID: 1, Number: 1, Data: []byte("a")}) != nil || a.Add(other, &Piece{ID: 1, Number: 2, Last: true}) != nil {
		t.Error("pieces of two messages make one")
	}
	a = Pieces{}
	for i := range 254 {
		if whole := a.Add(h, &Piece{ID: 1, Number: uint8(i + 2), Data: make([]byte, 1000)}); whole != nil {
			t.Errorf("%d bytes", len(whole))
		}
	}
	if a.size > maxPieced {
		t.Errorf("%d bytes are kept", a.size)
	}
	// What came in between does not keep the real one from coming, at the second attempt
	// at the latest.
	a = Pieces{}
	a.Add(h, &Piece{ID: 1, Number: 9, Data: []byte("odd")})
	a.Add(h, &Piece{ID: 1, Number: 1, Data: []byte("odd")})
	var got []byte
	for range 2 {
		for i, data := range []string{"a", "b"} {
			if whole := a.Add(h, &Piece{ID: 1, Number: uint8(i + 1), Last: i == 1, Data: []byte(data)}); whole != nil {
				got = whole
			}
		}
	}
	if string(got) != "ab" {
		t.Errorf("got %q", got)
	}
}

func FuzzPieces(f *testing.F) {
	f.Add([]byte{0, 1, 1, 0, 'a'}, []byte{0, 1, 2, 1, 'b'})
	f.Add([]byte{0, 1, 2, 1}, []byte{0, 1, 1, 0})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var a Pieces
		for _, b := range [][]byte{first, second} {
			p, err := parsePiece(b)
			if err != nil {
				continue
			}
			if got := p.append(nil); b[3] <= lastPiece && !bytes.Equal(got, b) {
				t.Fatalf("%x, then %x", b, got)
			}
			if whole := a.Add(Header{}, p); len(whole) > len(first)+len(second) {
				t.Fatalf("%x and %x make %x", first, second, whole)
			}
		}
	})
}
