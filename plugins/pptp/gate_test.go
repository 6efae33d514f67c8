package main

import (
	"encoding/binary"
	"net"
	"sync"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/ppp"
	"github.com/penstock-vpn/penstock/plugins/pptp/internal/pptp"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
)

// gate is a gateway that takes any password by PAP, and encrypts nothing. What takes more is
// proven against pptpd.
type gate struct {
	mu    sync.Mutex
	line  pptp.Line
	begun map[uint16]bool   // protocols of which it has asked for something
	heard map[pptp.Type]int // messages that came
	tell  chan pptp.Message // what it says by itself
	got   chan pptp.Type    // what came, but for what is not looked at
}

const (
	gateCall  = 0x5500
	clientIP  = "\x03\x06\x0a\x00\x00\x02"
	gatewayIP = "\x03\x06\x0a\x00\x00\x01"
)

// newGate has h lead to a gate.
func newGate(h *plugintest.Host) *gate {
	g := &gate{heard: map[pptp.Type]int{}, tell: make(chan pptp.Message, 4), got: make(chan pptp.Type, 64)}
	h.Answer("main", map[string]string{"username": "alice", "password": "Iridium-4711"})
	h.Gateway("tcp", "vpn.example.com:1723", g.control)
	h.Gateway("raw", "vpn.example.com:47", g.data)
	return g
}

// control is the control connection.
func (g *gate) control(c net.Conn) {
	over := make(chan struct{})
	defer close(over)
	go func() {
		for {
			select {
			case m := <-g.tell:
				_, _ = c.Write(m.Append(nil))
			case <-over:
				return
			}
		}
	}()
	var unread []byte
	b := make([]byte, 4096)
	for {
		n, err := c.Read(b)
		if err != nil {
			return
		}
		unread = append(unread, b[:n]...)
		for {
			m, n, err := pptp.Cut(unread)
			if err != nil || n == 0 {
				break
			}
			unread = unread[n:]
			g.hear(m)
			if m.Type == pptp.StopRequest {
				_, _ = c.Write(pptp.Stopped().Append(nil))
				return
			}
		}
	}
}

func (g *gate) hear(m pptp.Message) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.heard[m.Type]++
	select {
	case g.got <- m.Type:
	default:
	}
	switch m.Type {
	case pptp.StartRequest:
		g.tell <- started(1)
	case pptp.OutgoingCallRequest:
		own := called(1)
		copy(own.Body[2:], m.Body[:2])
		g.line = pptp.Line{Call: binary.BigEndian.Uint16(m.Body), OwnCall: gateCall}
		g.begun = map[uint16]bool{}
		g.tell <- own
	case pptp.EchoRequest:
		g.tell <- m.Echoed()
	case pptp.CallClearRequest:
		g.tell <- pptp.Message{Type: pptp.CallDisconnectNotify, Body: make([]byte, 136)}
	}
}

// count is how many messages of a type came.
func (g *gate) count(t pptp.Type) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.heard[t]
}

// data is the other side of PPP.
func (g *gate) data(c net.Conn) {
	b := make([]byte, 4096)
	for {
		n, err := c.Read(b)
		if err != nil {
			return
		}
		g.mu.Lock()
		frame := g.line.Take(b[:n])
		if protocol, payload, err := ppp.ParseFrame(frame); frame != nil && err == nil && len(payload) >= 4 {
			g.answer(c, protocol, payload)
		}
		g.mu.Unlock()
	}
}

func (g *gate) say(c net.Conn, protocol uint16, code, id byte, data string) {
	p := append([]byte{code, id, 0, byte(4 + len(data))}, data...)
	_, _ = c.Write(g.line.Append(nil, ppp.AppendFrame(nil, protocol, p)))
}

func (g *gate) answer(c net.Conn, protocol uint16, p []byte) {
	const request, ack, nak, reject, protocolReject = 1, 2, 3, 4, 8
	code, id, data := p[0], p[1], string(p[4:])
	switch {
	case protocol == 0x0021: // a packet comes back
		_, _ = c.Write(g.line.Append(nil, ppp.AppendFrame(nil, protocol, p)))
	case protocol == ppp.ProtocolPAP:
		g.say(c, protocol, ack, id, "\x00")
	case protocol == ppp.ProtocolLCP && code == 5, protocol == ppp.ProtocolLCP && code == 9:
		g.say(c, protocol, code+1, id, data)
	case protocol == ppp.ProtocolCCP:
		g.say(c, ppp.ProtocolLCP, protocolReject, id, "\x80\xfd"+string(p))
	case code != request:
	case protocol == ppp.ProtocolIPCP && len(data) > len(clientIP):
		g.say(c, protocol, reject, id, data[len(clientIP):])
	case protocol == ppp.ProtocolIPCP && data != clientIP:
		g.say(c, protocol, nak, id, clientIP)
	default:
		g.say(c, protocol, ack, id, data)
		if own := map[uint16]string{ppp.ProtocolLCP: "\x03\x04\xc0\x23", ppp.ProtocolIPCP: gatewayIP}[protocol]; !g.begun[protocol] {
			g.begun[protocol] = true
			g.say(c, protocol, request, 1, own)
		}
	}
}

// open is a profile that takes what a gate can do.
func open() plugintest.Profile {
	p := profile()
	p.Options["auth-methods"], p.Options[requireKey] = "pap", "false"
	return p
}

// up brings a tunnel up.
func up(t *testing.T) (*gate, *plugintest.Run, *plugintest.Path) {
	t.Helper()
	h := plugintest.NewHost(t)
	g := newGate(h)
	run := h.Run(&plugin{}, open())
	return g, run, run.Path()
}
