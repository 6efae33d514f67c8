package plugintest

import (
	"encoding/binary"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// call is what a path of GRE has around its frames (RFC 2637 section 4.1). Messages are
// numbered, and taken in whatever order they come; MPPE is not done: packets stay in the
// clear here, and it is only noted what they would be encrypted with.
type call struct {
	peer, own      uint16
	next, received uint32
	mppe           []sdk.MPPE
}

// readGRE checks what a plugin wants carried; its errors are the plugin's fault. nil
// without GRE.
func readGRE(m *pluginpb.Attach, kind string) (*call, error) {
	g := m.GetGre()
	switch {
	case g == nil:
		return nil, nil
	case kind != "raw":
		return nil, diag.Newf(diag.Invalid, "GRE over a %s transport", kind)
	case m.GetFraming().GetPpp() == nil || len(m.GetFraming().GetHeader()) > 0:
		return nil, diag.Newf(diag.Invalid, "GRE with a framing that is not of PPP, without a header")
	case max(g.GetCall(), g.GetOwnCall()) > 0xffff:
		return nil, diag.Newf(diag.Invalid, "calls of GRE have numbers of 16 bits, not %d and %d", g.GetCall(), g.GetOwnCall())
	}
	c := &call{peer: uint16(g.GetCall()), own: uint16(g.GetOwnCall()), next: g.GetNext(), received: g.GetReceived()}
	if g.GetMppe() == nil {
		return c, nil
	}
	return c, c.install(g.GetMppe())
}

func (c *call) install(m *pluginpb.Mppe) error {
	var keys [2]sdk.MPPEKey
	for i, d := range []*pluginpb.Mppe_Direction{m.GetSend(), m.GetReceive()} {
		n := map[uint32]int{0: 0, 40: 8, 56: 8, 128: 16}
		least, known := n[d.GetBits()]
		if !known || len(d.GetKey()) < least {
			return diag.Newf(diag.Invalid, "MPPE of %d bits with a key of %d bytes", d.GetBits(), len(d.GetKey()))
		}
		keys[i] = sdk.MPPEKey{Key: d.GetKey(), Bits: int(d.GetBits()), Stateless: d.GetStateless()}
	}
	c.mppe = append(c.mppe, sdk.MPPE{Send: keys[0], Receive: keys[1]})
	return nil
}

// MPPE is what was installed on a path of GRE, in order.
func (p *Path) MPPE() []sdk.MPPE {
	p.h.mu.Lock()
	defer p.h.mu.Unlock()
	if p.call == nil {
		return nil
	}
	return append([]sdk.MPPE(nil), p.call.mppe...)
}

func (r *Run) handleInstallMPPE(id uint64, m *pluginpb.InstallMppe) {
	r.h.mu.Lock()
	p := r.h.paths[m.GetTransport()]
	var err error
	gone := p == nil && r.used[m.GetTransport()]
	switch {
	case gone:
		err = diag.Newf(diag.Invalid, "there is no path %d", m.GetTransport())
	case p == nil || p.call == nil:
		err = diag.Newf(diag.Invalid, "path %d is none of GRE", m.GetTransport())
	default:
		err = p.call.install(m.GetMppe())
	}
	r.h.mu.Unlock()
	if err != nil {
		if !gone {
			r.fault("sent InstallMppe badly: %v", err)
		}
		r.refuse(id, diag.Of(err))
		return
	}
	r.note(func() {})
	r.ok(id)
}

const (
	greSequence = 0x1000
	greAck      = 0x0080
	greFlags    = 0x2001 // with a key, of version 1
	grePPP      = 0x880b
)

// wrap puts GRE around a frame. The caller holds writing.
func (c *call) wrap(b []byte) []byte {
	out := binary.BigEndian.AppendUint16(nil, greFlags|greSequence|greAck)
	out = binary.BigEndian.AppendUint16(out, grePPP)
	out = binary.BigEndian.AppendUint16(out, uint16(len(b)))
	out = binary.BigEndian.AppendUint16(out, c.peer)
	out = binary.BigEndian.AppendUint32(out, c.next)
	out = binary.BigEndian.AppendUint32(out, c.received)
	c.next++
	return append(out, b...)
}

// unwrap is the frame in a message; nil: there is none.
func (c *call) unwrap(b []byte) []byte {
	if len(b) < 12 || binary.BigEndian.Uint16(b)&greSequence == 0 || binary.BigEndian.Uint16(b[6:]) != c.own {
		return nil
	}
	c.received = binary.BigEndian.Uint32(b[8:])
	if binary.BigEndian.Uint16(b)&greAck != 0 && len(b) >= 16 {
		return b[16:]
	}
	return b[12:]
}
