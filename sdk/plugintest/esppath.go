package plugintest

import (
	"bytes"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// ikeMarker stands in front of a message of IKE on the port of ESP (RFC 3948).
var ikeMarker = []byte{0, 0, 0, 0}

// natKeepalive is a datagram that keeps a NAT's mapping.
var natKeepalive = []byte{0xff}

// readESP checks what a plugin wants carried; its errors are the plugin's fault. nil
// without ESP.
func readESP(m *pluginpb.Attach, kind string) (*ESP, error) {
	if m.GetEsp() == nil {
		return nil, nil
	}
	var sas []sdk.SA
	outbound := 0
	for _, sa := range m.GetEsp().GetSas() {
		sas = append(sas, readSA(sa))
		if sa.GetDirection() == pluginpb.Sa_OUTBOUND {
			outbound++
		}
	}
	transport := m.GetEsp().GetTransport()
	switch f := m.GetFraming(); {
	case (transport == nil) != (f.GetL2Tp() == nil):
		return nil, diag.Newf(diag.Invalid, "ESP in transport mode without L2TP, or L2TP without that")
	case transport != nil && (transport.GetLocal()-1 > 65534 || transport.GetRemote()-1 > 65534):
		return nil, diag.Newf(diag.Invalid, "ESP around datagrams of the ports %d and %d", transport.GetLocal(), transport.GetRemote())
	case kind != "udp" && kind != "raw":
		return nil, diag.Newf(diag.Invalid, "ESP over a %s transport", kind)
	case len(f.GetHeader()) > 0 || f.GetKeepaliveIdleMs() > 0:
		return nil, diag.Newf(diag.Invalid, "ESP with a framing that has a header or a keepalive")
	case f.GetDpdAfterMs() > 0 && len(f.GetProbe()) == 0 && transport == nil:
		return nil, diag.Newf(diag.Invalid, "ESP with dead peer detection, and no probe to ask with")
	case outbound != 1 || len(sas) < 2:
		return nil, diag.Newf(diag.Invalid, "ESP with %d outbound SAs of %d, want one, and one inbound at least", outbound, len(sas))
	}
	e, err := NewESP(sas...)
	if err == nil && transport != nil {
		e.Datagrams(sdk.UDPPorts{Local: uint16(transport.GetLocal()), Remote: uint16(transport.GetRemote())})
	}
	return e, err
}

func readSA(m *pluginpb.Sa) sdk.SA {
	return sdk.SA{
		Direction: sdk.Direction(m.GetDirection()), SPI: m.GetSpi(), Suite: m.GetSuite(),
		Key: m.GetKey(), AuthKey: m.GetAuthKey(), ESN: m.GetEsn(),
		Bytes:   sdk.Limit{Soft: m.GetSoftBytes(), Hard: m.GetHardBytes()},
		Packets: sdk.Limit{Soft: m.GetSoftPackets(), Hard: m.GetHardPackets()},
		First:   m.GetFirst(),
	}
}

// SAs are those of a path of ESP, the outbound one first, then by SPI.
func (p *Path) SAs() []sdk.SA {
	if p.esp == nil {
		return nil
	}
	return p.esp.SAs()
}

func (r *Run) handleInstallSA(id uint64, m *pluginpb.InstallSa) {
	r.onESP(id, "InstallSa", m.GetTransport(), func(e *ESP) error { return e.Install(readSA(m.GetSa())) })
}

func (r *Run) handleRemoveSA(id uint64, m *pluginpb.RemoveSa) {
	r.onESP(id, "RemoveSa", m.GetTransport(), func(e *ESP) error {
		e.Remove(m.GetSpi())
		return nil
	})
}

// onESP does something to the SAs of a path. One that has just died is the plugin's
// fault no more than the host's.
func (r *Run) onESP(id uint64, what string, transport uint32, do func(*ESP) error) {
	r.h.mu.Lock()
	p := r.h.paths[transport]
	r.h.mu.Unlock()
	var err error
	switch {
	case id == 0 && what == "InstallSa":
		err = diag.Newf(diag.Invalid, "it wants an answer and has no id")
	case p == nil && r.used[transport]:
		r.refuse(id, diag.Newf(diag.Invalid, "there is no path %d", transport))
		return
	case p == nil || p.esp == nil:
		err = diag.Newf(diag.Invalid, "path %d is none of ESP", transport)
	default:
		err = do(p.esp)
	}
	if err != nil {
		r.fault("sent %s badly: %v", what, err)
		r.refuse(id, diag.New(diag.Invalid, err.Error(), ""))
		return
	}
	r.note(func() {})
	r.ok(id)
}

// takeESP does with one datagram what a host does.
func (p *Path) takeESP(datagram []byte) {
	switch {
	case bytes.Equal(datagram, natKeepalive):
	case bytes.HasPrefix(datagram, ikeMarker):
		p.tellFrame(frame{0, bytes.Clone(datagram[len(ikeMarker):])})
	default:
		packet, err := p.esp.Open(datagram)
		if err != nil {
			p.h.t.Logf("plugintest: path %d: dropped %v", p.ID, err)
			return
		}
		if p.Spec.L2TP == nil {
			p.receive(frame{p.Spec.DataType, packet})
		} else if f, ok := outOfL2TP(p.Spec, packet); ok {
			p.receive(f)
		}
	}
}

// answersProbe says whether packet is what the path's probe asks for.
func (p *Path) answersProbe(packet []byte) bool {
	parts := p.Spec.Rules.Probe.Answer
	for _, part := range parts {
		if len(packet) < part.Offset || !bytes.HasPrefix(packet[part.Offset:], part.Value) {
			return false
		}
	}
	return len(parts) > 0
}
