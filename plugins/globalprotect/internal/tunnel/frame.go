package tunnel

import (
	"time"

	"github.com/penstock-vpn/penstock/sdk/framing"
)

// Times of the protocol: both ends speak at least every ten seconds.
const (
	keepaliveAfter = 10 * time.Second
	maxFrame       = 16384
)

// Frame types over TLS: a packet, or a sign of life. Either end answers the other's, so
// that an answer must not be answered; a keepalive of our own does for one.
const (
	typePacket    = 0x01000000
	typeKeepalive = 0
)

// tlsFraming is a frame over TLS: a constant, the packet's EtherType, its length, and
// whether it is one.
//
//	1a 2b 3c 4d | 08 00 or 86 dd | length | 01 00 00 00 00 00 00 00 | packet
//	1a 2b 3c 4d | 00 00          | 00 00  | 00 00 00 00 00 00 00 00
func tlsFraming(dpd time.Duration) framing.Spec {
	if dpd == 0 {
		dpd = keepaliveAfter + time.Second
	}
	return framing.Spec{
		Header:       []byte{0x1a, 0x2b, 0x3c, 0x4d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		Length:       framing.Field{Offset: 6, Width: 2},
		Type:         framing.Field{Offset: 8, Width: 4},
		DataType:     typePacket,
		EtherType:    framing.Field{Offset: 4, Width: 2},
		OnePerRecord: true,
		MaxPayload:   maxFrame,
		Rules: framing.Rules{
			Keepalive: framing.Keepalive{Idle: keepaliveAfter, Type: typeKeepalive},
			Dpd:       framing.Dpd{After: dpd, Retry: 2 * time.Second, Dead: 9 * time.Second, Type: typeKeepalive},
			Ignore:    []uint32{typeKeepalive},
		},
	}
}

// espDPD notices within ten seconds that nothing comes through any more, and within
// five that nothing ever did: after three pings and a last one.
func espDPD(dpd time.Duration) framing.Dpd {
	if dpd == 0 {
		dpd = 5 * time.Second
	}
	return framing.Dpd{After: dpd, Retry: 1500 * time.Millisecond, Dead: 5 * time.Second}
}
