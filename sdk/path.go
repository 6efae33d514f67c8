package sdk

import (
	"time"

	"github.com/penstock-vpn/penstock/sdk/framing"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// Path is an attached transport.
type Path struct {
	session *Session
	id      uint32
}

// ID is the number of the transport that it was.
func (p *Path) ID() uint32 { return p.id }

// Send sends a control frame of that type, in order with the data. It does not wait;
// a path that cannot carry it any more is a PathEvent.
func (p *Path) Send(frameType uint32, payload []byte) error {
	frame := &pluginpb.ControlFrame{Transport: p.id, Type: frameType, Payload: payload}
	return p.session.stream.say(&pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_Frame{Frame: frame}})
}

// Close removes the path and waits until it is gone. What was sent before is flushed.
func (p *Path) Close() error {
	return p.session.stream.order(p.session.stream.ctx, closing(p.id))
}

func specMessage(s framing.Spec) *pluginpb.FrameSpec {
	r := s.Rules
	m := &pluginpb.FrameSpec{
		Header: s.Header, Length: fieldMessage(s.Length), LengthAdds: int32(s.LengthAdds),
		Type: fieldMessage(s.Type), DataType: s.DataType, EtherType: fieldMessage(s.EtherType),
		OnePerRecord: s.OnePerRecord, Ppp: pppMessage(s.PPP), L2Tp: l2tpMessage(s.L2TP), MaxPayload: uint32(s.MaxPayload),
		KeepaliveIdleMs: rule(r.Keepalive.Idle), KeepaliveType: r.Keepalive.Type,
		DpdAfterMs: rule(r.Dpd.After), DpdRetryMs: rule(r.Dpd.Retry), DpdDeadMs: rule(r.Dpd.Dead), DpdType: r.Dpd.Type, DpdPayload: r.Dpd.Payload,
		Ignore: r.Ignore, Probe: r.Probe.Packet,
	}
	for _, reply := range r.Replies {
		m.Replies = append(m.Replies, &pluginpb.FrameSpec_Reply{Match: reply.Match, With: reply.With, Prefix: reply.Prefix, Patch: matchMessages(reply.Patch)})
	}
	m.ProbeAnswer = matchMessages(r.Probe.Answer)
	return m
}

func matchMessages(parts []framing.Match) (out []*pluginpb.FrameSpec_Match) {
	for _, p := range parts {
		out = append(out, &pluginpb.FrameSpec_Match{Offset: uint32(p.Offset), Value: p.Value})
	}
	return out
}

func pppMessage(p *framing.PPP) *pluginpb.FrameSpec_Ppp {
	if p == nil {
		return nil
	}
	return &pluginpb.FrameSpec_Ppp{NoAddress: p.NoAddress, ShortProtocol: p.ShortProtocol}
}

func l2tpMessage(l *framing.L2TP) *pluginpb.FrameSpec_L2Tp {
	if l == nil {
		return nil
	}
	return &pluginpb.FrameSpec_L2Tp{
		Tunnel: uint32(l.Tunnel), Session: uint32(l.Session), OwnTunnel: uint32(l.OwnTunnel), OwnSession: uint32(l.OwnSession),
		Sequence: l.Sequence,
	}
}

// fieldMessage leaves an absent field out.
func fieldMessage(f framing.Field) *pluginpb.FrameSpec_Field {
	if f.Width == 0 {
		return nil
	}
	return &pluginpb.FrameSpec_Field{Offset: uint32(f.Offset), Width: uint32(f.Width)}
}

// rule is a duration on the wire. A positive one never becomes 0, which means off.
func rule(d time.Duration) uint32 {
	if d > 0 && d < time.Millisecond {
		return 1
	}
	return milliseconds(d)
}
