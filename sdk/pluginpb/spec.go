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
		OnePerRecord: x.GetOnePerRecord(), PPP: x.GetPpp().inside(), MaxPayload: int(x.GetMaxPayload()),
		Rules: framing.Rules{
			Keepalive: framing.Keepalive{Idle: ms(x.GetKeepaliveIdleMs()), Type: x.GetKeepaliveType()},
			Dpd:       framing.Dpd{After: ms(x.GetDpdAfterMs()), Retry: ms(x.GetDpdRetryMs()), Dead: ms(x.GetDpdDeadMs()), Type: x.GetDpdType(), Payload: x.GetDpdPayload()},
			Ignore:    x.GetIgnore(),
			Probe:     framing.Probe{Packet: x.GetProbe()},
		},
	}
	for _, r := range x.GetReplies() {
		s.Rules.Replies = append(s.Rules.Replies, framing.Reply{Match: r.GetMatch(), With: r.GetWith(), Prefix: r.GetPrefix(), Patch: parts(r.GetPatch())})
	}
	s.Rules.Probe.Answer = parts(x.GetProbeAnswer())
	return s, s.Validate()
}

func parts(all []*FrameSpec_Match) (out []framing.Match) {
	for _, m := range all {
		out = append(out, framing.Match{Offset: int(m.GetOffset()), Value: m.GetValue()})
	}
	return out
}

func (x *FrameSpec_Ppp) inside() *framing.PPP {
	if x == nil {
		return nil
	}
	return &framing.PPP{NoAddress: x.GetNoAddress(), ShortProtocol: x.GetShortProtocol()}
}

func (x *FrameSpec_Field) field() framing.Field {
	return framing.Field{Offset: int(x.GetOffset()), Width: int(x.GetWidth())}
}

func ms(n uint32) time.Duration { return time.Duration(n) * time.Millisecond }
