package sstp

import (
	"encoding/binary"
	"time"

	"github.com/penstock-vpn/penstock/sdk/framing"
)

// Types of frames on the path.
const (
	TypeData    = 0
	TypeControl = 1
)

// Framing is how the host wraps packets. It answers both kinds of echo by itself, and asks
// after dpd of silence. echo answers those of LCP; ppp is how the gateway likes frames.
func Framing(dpd time.Duration, echo framing.Reply, ppp framing.PPP) framing.Spec {
	return framing.Spec{
		Header: []byte{version, 0, 0, 0}, Length: framing.Field{Offset: 2, Width: 2}, LengthAdds: headerSize,
		Type: framing.Field{Offset: 1, Width: 1}, DataType: TypeData, PPP: &ppp, MaxPayload: maxPayload,
		Rules: framing.Rules{
			Replies: []framing.Reply{
				{Match: TypeControl, With: TypeControl, Prefix: be16(EchoRequest), Patch: []framing.Match{{Value: be16(EchoResponse)}}},
				echo,
			},
			Dpd: framing.Dpd{After: dpd, Retry: dpd / 4, Dead: dpd, Type: TypeControl, Payload: Message{Type: EchoRequest}.Append(nil)},
		},
	}
}

func be16(t Type) []byte { return binary.BigEndian.AppendUint16(nil, uint16(t)) }
