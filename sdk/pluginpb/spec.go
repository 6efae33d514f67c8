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
		OnePerRecord: x.GetOnePerRecord(), PPP: x.GetPpp().inside(), L2TP: x.GetL2Tp().inside(), MaxPayload: int(x.GetMaxPayload()),
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

func (x *FrameSpec_L2Tp) inside() *framing.L2TP {
	if x == nil {
		return nil
	}
	return &framing.L2TP{
		Tunnel: id(x.GetTunnel()), Session: id(x.GetSession()), OwnTunnel: id(x.GetOwnTunnel()), OwnSession: id(x.GetOwnSession()),
		Sequence: x.GetSequence(),
	}
}

// id is a number of 16 bits; 0, which none is, for one that is not.
func id(n uint32) uint16 {
	if n > 0xffff {
		return 0
	}
	return uint16(n)
}

func (x *FrameSpec_Field) field() framing.Field {
	return framing.Field{Offset: int(x.GetOffset()), Width: int(x.GetWidth())}
}

func ms(n uint32) time.Duration { return time.Duration(n) * time.Millisecond }
