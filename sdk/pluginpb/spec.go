package pluginpb

import (
	"time"

	"github.com/penstock-vpn/penstock/sdk/framing"
)

// Spec reads the message, for hosts. The error says what no host can run.
func (x *FrameSpec) Spec() (framing.Spec, error) {
	s := framing.Spec{
		Header: x.GetHeader(), Length: x.GetLength().field(), LengthAdds: int(x.GetLengthAdds()),
		Type: x.GetType().field(), DataType: x.GetDataType(), EtherType: x.GetEtherType().field(),
		OnePerRecord: x.GetOnePerRecord(), MaxPayload: int(x.GetMaxPayload()),
		Rules: framing.Rules{
			Keepalive: framing.Keepalive{Idle: ms(x.GetKeepaliveIdleMs()), Type: x.GetKeepaliveType()},
			Dpd:       framing.Dpd{After: ms(x.GetDpdAfterMs()), Retry: ms(x.GetDpdRetryMs()), Dead: ms(x.GetDpdDeadMs()), Type: x.GetDpdType()},
			Ignore:    x.GetIgnore(),
			Probe:     framing.Probe{Packet: x.GetProbe()},
		},
	}
	for _, r := range x.GetReplies() {
		s.Rules.Replies = append(s.Rules.Replies, framing.Reply{Match: r.GetMatch(), With: r.GetWith()})
	}
	for _, m := range x.GetProbeAnswer() {
		s.Rules.Probe.Answer = append(s.Rules.Probe.Answer, framing.Match{Offset: int(m.GetOffset()), Value: m.GetValue()})
	}
	return s, s.Validate()
}

func (x *FrameSpec_Field) field() framing.Field {
	return framing.Field{Offset: int(x.GetOffset()), Width: int(x.GetWidth())}
}

func ms(n uint32) time.Duration { return time.Duration(n) * time.Millisecond }
