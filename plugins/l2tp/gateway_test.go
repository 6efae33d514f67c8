package main

import (
	"bytes"
	"encoding/binary"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/ike1"
	"github.com/penstock-vpn/penstock/plugins/internal/ike1/gate"
	"github.com/penstock-vpn/penstock/plugins/internal/l2tp"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
)

const (
	sharedText = "Iridium-4711"
	userPass   = "Osmium-0815"
)

var marker = []byte{0, 0, 0, 0}

// gateway is a responder of IKEv1 with a server of L2TP and PPP behind it, which echoes
// packets. No datagram is lost here.
type gateway struct {
	t        *testing.T
	numbered bool // data has sequence numbers

	mu       sync.Mutex
	gate     gate.Gate
	children int
	esp      *plugintest.ESP
	conn     net.Conn // over which the client spoke last, with a marker
	ppp      server
	ns, nr   uint16
	theirs   uint16 // the client's tunnel
	call     uint16 // and session
	heard    []l2tp.Kind
	data     int           // messages with a number that has come before, or without one where there should be
	next     uint16        // number of data
	deleted  chan struct{} // closed when the client has said goodbye
	gone     bool
}

func newGateway(t *testing.T) *gateway {
	esp, err := plugintest.NewESP()
	if err != nil {
		t.Fatal(err)
	}
	esp.Datagrams(sdk.UDPPorts{Local: 1701, Remote: 1701})
	return &gateway{t: t, esp: esp, deleted: make(chan struct{}), gate: gate.Gate{Key: []byte(sharedText)}, ppp: server{password: userPass, agreed: make(chan struct{}, 8)}}
}

// serve speaks with a client on either port.
func (g *gateway) serve(c net.Conn) {
	b := make([]byte, 65536)
	for {
		n, err := c.Read(b)
		if err != nil {
			return
		}
		for _, d := range g.handle(c, bytes.Clone(b[:n])) {
			_, _ = c.Write(d)
		}
	}
}

func (g *gateway) handle(c net.Conn, b []byte) (out [][]byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	datagram, marked := bytes.CutPrefix(b, marker)
	if _, err := ike1.Parse(datagram); err != nil {
		if content, err := g.esp.Open(b); err == nil && !marked {
			out = g.content(content)
		}
		return out
	}
	for _, d := range g.gate.Receive(datagram) {
		out = append(out, wrap(d, marked))
	}
	if marked {
		g.conn = c
	}
	if g.gate.Children != g.children {
		g.children = g.gate.Children
		g.secured()
	}
	last := slices.ContainsFunc(g.gate.Deleted, func(d ike1.Delete) bool { return d.Protocol == ike1.ProtocolIKE })
	if last && !g.gone {
		g.gone = true
		close(g.deleted)
	}
	return out
}

// secured takes the keys that were agreed on; those before are understood, too.
func (g *gateway) secured() {
	for _, sa := range g.gate.SAs {
		if err := g.esp.Install(sa); err != nil {
			g.t.Error(err)
		}
	}
}

func wrap(d []byte, marked bool) []byte {
	if marked {
		return append(bytes.Clone(marker), d...)
	}
	return d
}

// renew has the gateway begin new keys.
func (g *gateway) renew() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, d := range g.gate.Renew() {
		if _, err := g.conn.Write(wrap(d, true)); err != nil {
			g.t.Error(err)
		}
	}
}

// say sends a message of L2TP by itself.
func (g *gateway) say(k l2tp.Kind, session uint16, avps ...l2tp.AVP) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, err := g.conn.Write(g.esp.Seal(g.message(k, session, avps...))); err != nil {
		g.t.Error(err)
	}
}

// renegotiate has the gateway begin PPP anew, in the middle of the call.
func (g *gateway) renegotiate() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, err := g.conn.Write(g.esp.Seal(g.frame(g.ppp.anew()))); err != nil {
		g.t.Error(err)
	}
}

// frame is a message of data.
func (g *gateway) frame(f []byte) []byte {
	g.next++
	return l2tp.Data{Tunnel: g.theirs, Session: g.call, Numbered: g.numbered, Ns: g.next - 1, Payload: f}.Append(nil)
}

// content answers a message of L2TP.
func (g *gateway) content(b []byte) (out [][]byte) {
	seal := func(b []byte) { out = append(out, g.esp.Seal(b)) }
	if !l2tp.IsControl(b) {
		d, ok := l2tp.ParseData(b)
		if !ok || d.Tunnel != 7 || d.Session != 8 {
			g.t.Errorf("data %x is not of this call", b)
			return nil
		}
		if d.Numbered != g.numbered && g.next > 1 {
			g.data++
		}
		for _, frame := range g.ppp.receive(d.Payload) {
			seal(g.frame(frame))
		}
		return out
	}
	m, err := l2tp.Parse(b)
	if err != nil {
		g.t.Error(err)
		return nil
	}
	if m.Kind() == l2tp.StartRequest && m.Ns == 0 && g.theirs != value(m, l2tp.AssignedTunnel) { // another tunnel
		g.ns, g.nr, g.ppp.began = 0, 0, false
	}
	if len(m.AVPs) == 0 || m.Ns != g.nr {
		return nil
	}
	g.nr++
	g.heard = append(g.heard, m.Kind())
	switch m.Kind() {
	case l2tp.StartRequest:
		g.theirs = value(m, l2tp.AssignedTunnel)
		seal(g.message(l2tp.StartReply, 0, avp(l2tp.AssignedTunnel, 7)))
	case l2tp.InRequest:
		g.call = value(m, l2tp.AssignedSession)
		seal(g.message(l2tp.InReply, g.call, avp(l2tp.AssignedSession, 8)))
	default:
		seal(l2tp.Message{Tunnel: g.theirs, Ns: g.ns, Nr: g.nr}.Append(nil))
	}
	return out
}

func (g *gateway) message(k l2tp.Kind, session uint16, avps ...l2tp.AVP) []byte {
	m := l2tp.Message{Tunnel: g.theirs, Session: session, Ns: g.ns, Nr: g.nr, AVPs: append([]l2tp.AVP{avp(l2tp.MessageType, uint16(k))}, avps...)}
	g.ns++
	return m.Append(nil)
}

func avp(t l2tp.Type, n uint16) l2tp.AVP {
	return l2tp.AVP{Mandatory: true, Type: t, Value: binary.BigEndian.AppendUint16(nil, n)}
}

func value(m l2tp.Message, t l2tp.Type) uint16 {
	for _, a := range m.AVPs {
		if a.Type == t && len(a.Value) == 2 {
			return binary.BigEndian.Uint16(a.Value)
		}
	}
	return 0
}

// counts are the messages that the client has sent, and the data whose numbering is wrong.
func (g *gateway) counts() ([]l2tp.Kind, int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.heard), g.data
}
