package main

import (
	"bytes"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/ike1"
	"github.com/penstock-vpn/penstock/plugins/internal/ike1/gate"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
)

const (
	groupKey = "Iridium-4711"
	userPass = "Osmium-0815"
)

var marker = []byte{0, 0, 0, 0}

// gateway is a gate behind a transport, whose tunnel echoes packets.
type gateway struct {
	t *testing.T

	mu       sync.Mutex
	gate     gate.Gate
	children int
	esp      *plugintest.ESP
	conn     net.Conn      // over which the client spoke last, with a marker
	deleted  chan struct{} // closed when the client has said goodbye
	gone     bool
}

func newGateway(t *testing.T) *gateway {
	return &gateway{t: t, deleted: make(chan struct{}), gate: gate.Gate{Key: []byte(groupKey),
		Rounds: []gate.Round{{Ask: []ike1.Attribute{{Type: ike1.XAuthUser}, {Type: ike1.XAuthPassword}},
			Right: map[uint16]string{ike1.XAuthUser: "alice", ike1.XAuthPassword: userPass}}},
		Settings: []ike1.Attribute{{Type: ike1.InternalIP4Address, Value: []byte{10, 0, 0, 2}}, {Type: ike1.InternalIP4DNS, Value: []byte{10, 0, 0, 1}},
			{Type: ike1.UnitySplitInclude, Value: []byte{10, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0}}, {Type: ike1.UnitySplitDNS, Value: []byte("corp.test,lab.test")},
			{Type: ike1.UnityDefaultDomain, Value: []byte("corp.test")}, {Type: ike1.UnityBanner, Value: []byte("Hello")}}}}
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
		if packet, err := g.esp.Open(b); err == nil && !marked {
			out = append(out, g.esp.Seal(packet)) // an echo
		}
		return out
	}
	for _, d := range g.gate.Receive(datagram) {
		out = append(out, g.wrap(d, marked))
	}
	if marked {
		g.conn = c
	}
	if g.gate.Children != g.children {
		var err error
		if g.esp, err = plugintest.NewESP(g.gate.SAs[0], g.gate.SAs[1]); err != nil {
			g.t.Error(err)
		}
		g.children = g.gate.Children
	}
	last := slices.ContainsFunc(g.gate.Deleted, func(d ike1.Delete) bool { return d.Protocol == ike1.ProtocolIKE })
	if last && !g.gone {
		g.gone = true
		close(g.deleted)
	}
	return out
}

func (g *gateway) wrap(d []byte, marked bool) []byte {
	if marked {
		return append(bytes.Clone(marker), d...)
	}
	return d
}

// say sends what the gate says by itself.
func (g *gateway) say(what func(*gate.Gate) [][]byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, d := range what(&g.gate) {
		if _, err := g.conn.Write(g.wrap(d, true)); err != nil {
			g.t.Error(err)
		}
	}
}
