package plugintest

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

func kindOfOpen(o *pluginpb.Open) string {
	switch o.GetKind().(type) {
	case *pluginpb.Open_Tcp:
		return "tcp"
	case *pluginpb.Open_Tls:
		return "tls"
	case *pluginpb.Open_Udp:
		return "udp"
	case *pluginpb.Open_Dtls:
		return "dtls"
	case *pluginpb.Open_Raw:
		return "raw"
	}
	return ""
}

func datagrams(kind string) bool {
	return kind == "udp" || kind == "raw" || kind == "dtls" || kind == "esp"
}

// handleOpen opens beside the stream, until the plugin takes it back.
func (r *Run) handleOpen(id uint64, o *pluginpb.Open) {
	kind, number := kindOfOpen(o), o.GetTransport()
	if id == 0 || kind == "" || number == 0 || r.used[number] || !rawly(o) {
		r.fault("opened badly: id %d, kind %q, transport %d", id, kind, number)
		r.refuse(id, diag.Newf(diag.Invalid, "transport %d cannot be opened", number))
		return
	}
	ctx, cancel := context.WithCancel(r.ctx)
	r.note(func() {
		r.used[number] = true
		r.opens = append(r.opens, o)
		r.openings[number] = cancel
	})
	r.h.goes(func() {
		defer cancel()
		l, err := r.open(ctx, kind, o)
		if err != nil {
			r.refuse(id, diag.Of(err))
			return
		}
		r.announce(ctx, id, l)
	})
}

// rawly says whether a raw transport is one that hosts have, and the others have a port.
func rawly(o *pluginpb.Open) bool {
	raw := o.GetRaw()
	if raw == nil {
		return o.GetPort() != 0
	}
	return o.GetPort() == 0 && (raw.GetProtocol() == sdk.ProtocolGRE || raw.GetProtocol() == sdk.ProtocolESP)
}

// open connects to the gateway; nothing reads or writes yet.
func (r *Run) open(ctx context.Context, kind string, o *pluginpb.Open) (*link, error) {
	g := r.h.gateway(kind, o.GetHost(), max(o.GetPort(), o.GetRaw().GetProtocol()))
	l := &link{id: o.GetTransport(), kind: kind, up: make(chan struct{}), down: make(chan struct{})}
	switch {
	case g.refuse != nil:
		return nil, g.refuse
	case g.hang:
		<-ctx.Done()
		return nil, context.Cause(ctx)
	case g.serve != nil:
		network, theirs, err := newSocketpair(socketKind(kind))
		if err != nil {
			return nil, err
		}
		l.network = network
		r.h.goes(func() {
			defer theirs.Close()
			g.serve(theirs)
		})
		return l, nil
	}
	var err error
	l.network, err = dial(ctx, kind, g.forward)
	return l, err
}

func dial(ctx context.Context, kind, address string) (net.Conn, error) {
	switch kind {
	case "tcp", "udp":
		return (&net.Dialer{}).DialContext(ctx, kind, address)
	case "tls":
		trusting := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} // the test made the server
		return trusting.DialContext(ctx, "tcp", address)
	}
	return nil, fmt.Errorf("%s cannot be forwarded", kind)
}

func socketKind(kind string) int {
	if datagrams(kind) {
		return seqpacket
	}
	return stream
}

// announce sends the descriptor and Opened, in an order that changes with each
// transport, and starts to pump.
func (r *Run) announce(ctx context.Context, id uint64, l *link) {
	descriptor := func() {}
	if l.kind != "dtls" {
		ours, theirs, err := newSocketpair(socketKind(l.kind))
		if err != nil {
			r.fault("got no socketpair: %v", err)
			return
		}
		l.plugin = ours
		descriptor = func() { _ = sendDescriptor(r.descriptors, l.id, theirs) }
	}
	taken := false
	r.note(func() {
		delete(r.openings, l.id)
		if taken = ctx.Err() != nil; !taken {
			r.links[l.id] = l
		}
	})
	if taken {
		l.close()
		return
	}
	opened := func() { r.reply(id, r.opened(l)) }
	if l.id%2 == 0 {
		opened, descriptor = descriptor, opened
	}
	descriptor()
	opened()
	if l.plugin != nil {
		r.h.goes(l.pumpUp)
		r.h.goes(l.pumpDown)
	}
}

func (r *Run) opened(l *link) *pluginpb.FromHost {
	o := &pluginpb.Opened{Local: "192.0.2.1:40000", Remote: "192.0.2.2:443", PathMtu: r.h.PathMTU, Overhead: r.h.Overhead}
	switch l.kind {
	case "tls":
		o.Tls = r.h.TLS
		o.Cipher = r.h.TLS.GetCipher()
	case "dtls":
		o.Cipher = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
	}
	return &pluginpb.FromHost{Message: &pluginpb.FromHost_Opened{Opened: o}}
}

func (r *Run) handleClose(id uint64, m *pluginpb.Close) {
	if p := m.GetPrompt(); p != 0 {
		r.note(func() {
			if cancel := r.pending[p]; cancel != nil {
				cancel()
			}
		})
		r.ok(id)
		return
	}
	number := m.GetTransport()
	var l *link
	r.note(func() {
		if cancel := r.openings[number]; cancel != nil {
			cancel()
		}
		l = r.links[number]
		delete(r.links, number)
	})
	if l != nil {
		l.close()
	}
	r.h.dropPath(number)
	if !r.used[number] {
		r.fault("closed transport %d, which it never opened", number)
	}
	r.ok(id)
}
