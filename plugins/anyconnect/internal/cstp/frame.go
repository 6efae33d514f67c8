package cstp

import (
	"strings"
	"time"
	"unicode"

	"github.com/penstock-vpn/penstock/sdk/framing"
)

// Frame types, the same over TLS and DTLS.
const (
	typeData       = 0
	typeDPD        = 3
	typeDPDReply   = 4
	TypeDisconnect = 5 // a byte and a text follow
	typeKeepalive  = 7
	TypeCompressed = 8 // never negotiated
	TypeTerminate  = 9
)

// goodbye is the first byte of a disconnect that a person wanted: the gateway then
// ends the session and its cookie.
const goodbye = 0xb0

// maxFrame is what a gateway may send: more than the MTU, at most a TLS record.
const maxFrame = 16384

// TLSFraming is a frame over TLS: "STF", 1, length, type, 0.
func TLSFraming(t Timers) framing.Spec {
	return framing.Spec{
		Header:       []byte{'S', 'T', 'F', 1, 0, 0, 0, 0},
		Length:       framing.Field{Offset: 4, Width: 2},
		Type:         framing.Field{Offset: 6, Width: 1},
		DataType:     typeData,
		OnePerRecord: true,
		MaxPayload:   maxFrame,
		Rules:        t.rules(t.DPD),
	}
}

// DTLS is asked sooner than the gateway wishes, and given up sooner: where UDP was
// blocked, every second until TLS takes over is an outage.
const (
	maxQuiet   = 15 * time.Second // without a frame from the gateway
	maxSilence = 8 * time.Second  // without an answer
)

// DTLSFraming is a frame over DTLS: its type.
func DTLSFraming(t Timers) framing.Spec {
	t.DPD = min(t.DPD, maxQuiet)
	return framing.Spec{
		Header:     []byte{0},
		Type:       framing.Field{Offset: 0, Width: 1},
		DataType:   typeData,
		MaxPayload: maxFrame,
		Rules:      t.rules(min(t.DPD, maxSilence)),
	}
}

func (t Timers) rules(dead time.Duration) framing.Rules {
	r := framing.Rules{
		Keepalive: framing.Keepalive{Idle: t.Keepalive, Type: typeKeepalive},
		Replies:   []framing.Reply{{Match: typeDPD, With: typeDPDReply}},
		Ignore:    []uint32{typeDPDReply, typeKeepalive},
	}
	if t.DPD > 0 {
		r.Dpd = framing.Dpd{After: t.DPD, Retry: max(dead/5, time.Second), Dead: dead, Type: typeDPD}
	}
	return r
}

// Goodbye is the payload of the disconnect that logs out.
func Goodbye(text string) []byte { return append([]byte{goodbye}, text...) }

// AppendDisconnect writes a whole frame that logs out, for a connection that is no
// path yet.
func AppendDisconnect(b []byte, text string) []byte {
	payload := Goodbye(text)
	b = append(b, 'S', 'T', 'F', 1, byte(len(payload)>>8), byte(len(payload)), TypeDisconnect, 0)
	return append(b, payload...)
}

// ParseDisconnect returns the text of a disconnect in one printable line, "" when
// there is none.
func ParseDisconnect(payload []byte) string {
	if len(payload) < 2 {
		return ""
	}
	text := strings.ToValidUTF8(string(payload[1:min(len(payload), 513)]), "?")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text))
}
