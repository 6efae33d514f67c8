package main

import (
	"errors"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/pptp/internal/pptp"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
)

func profile() plugintest.Profile {
	return plugintest.Profile{Protocol: "pptp", Trace: true, Options: map[string]string{
		"gateway": "vpn.example.com", "auth-methods": methods, "eap-methods": "tls,mschapv2", insecureKey: "true", requireKey: "true",
	}}
}

func TestConformance(t *testing.T) {
	plugintest.Conformance(t, func() sdk.Plugin { return &plugin{} }, plugintest.Scenario{
		Prepare: func(h *plugintest.Host) { newGate(h) },
		Profile: open(),
	})
}

func TestWholeSession(t *testing.T) {
	g, run, path := up(t)
	c := run.Config()
	if len(c.Addresses) != 1 || c.Addresses[0].String() != "10.0.0.2/32" || c.MTU != 1400 || c.Routes[0].String() != "0.0.0.0/0" {
		t.Errorf("configured %+v", c)
	}
	if m := path.MPPE(); len(m) > 0 {
		t.Errorf("encrypted by %v", m)
	}
	packet := append([]byte{0x45}, "a packet"...)
	path.Send(packet)
	if got := path.Packet(); !slices.Equal(got, packet) {
		t.Errorf("%q came back", got)
	}
	run.Stop(true)
	if err := run.Wait(); err != nil {
		t.Fatal(err)
	}
	path.Gone()
	for _, said := range []pptp.Type{pptp.SetLinkInfo, pptp.CallClearRequest, pptp.StopRequest} {
		if n := g.count(said); n != 1 {
			t.Errorf("%s was said %d times", said, n)
		}
	}
	for _, line := range run.Progress() {
		if strings.Contains(line.Text, "Iridium") {
			t.Errorf("the password is in %q", line.Text)
		}
	}
}

// What ends a tunnel says when to try again.
func TestEnds(t *testing.T) {
	for name, test := range map[string]struct {
		end   func(*gate, *plugintest.Run, *plugintest.Path)
		retry sdk.Retry
		code  diag.Code
	}{
		"lost path": {func(_ *gate, r *plugintest.Run, p *plugintest.Path) {
			r.Send(sdk.PathEvent{Path: p.ID, Kind: sdk.PathDead, Reason: "silence"})
		}, sdk.Backoff, diag.Unreachable},
		"another network": {func(_ *gate, r *plugintest.Run, _ *plugintest.Path) { r.Send(sdk.NetworkChange{Reachable: true}) }, sdk.Now, diag.Unreachable},
		"sleep":           {func(_ *gate, r *plugintest.Run, _ *plugintest.Path) { r.Send(sdk.Wake{}) }, sdk.Now, diag.Unreachable},
		"the call's end": {func(g *gate, _ *plugintest.Run, _ *plugintest.Path) {
			g.tell <- pptp.Message{Type: pptp.CallDisconnectNotify, Body: make([]byte, 136)}
		}, sdk.Backoff, diag.SessionEnded},
		"the connection's end": {func(g *gate, _ *plugintest.Run, _ *plugintest.Path) { g.tell <- pptp.Stop() }, sdk.Backoff, diag.SessionEnded},
	} {
		t.Run(name, func(t *testing.T) {
			g, run, path := up(t)
			test.end(g, run, path)
			var f *sdk.Failure
			if err := run.Wait(); !errors.As(err, &f) || f.Retry != test.retry || f.Diagnostics[0].Code != test.code {
				t.Errorf("ended with %+v, want to try again %v", err, test.retry)
			}
		})
	}
}

// The gateway's own questions are answered, and nobody may call us.
func TestQuestions(t *testing.T) {
	g, run, _ := up(t)
	g.tell <- pptp.Echo(7)
	g.tell <- pptp.Message{Type: pptp.IncomingCallRequest, Body: make([]byte, 208)}
	for g.count(pptp.EchoReply) != 1 || g.count(pptp.IncomingCallReply) != 1 {
		<-g.got // the test's own limit is the deadline
	}
	run.Stop(true)
	if err := run.Wait(); err != nil {
		t.Error(err)
	}
}

// Nothing is opened, and nobody asked, unless the user has said that it may be insecure.
func TestInsecureIsRefused(t *testing.T) {
	h := plugintest.NewHost(t)
	p := profile()
	delete(p.Options, insecureKey)
	var f *sdk.Failure
	run := h.Run(&plugin{}, p)
	if err := run.Wait(); !errors.As(err, &f) || f.Retry != sdk.Never || f.Diagnostics[0].Option != insecureKey || !strings.Contains(f.Error(), insecureKey) {
		t.Errorf("%+v", err)
	}
	if len(run.Opens()) > 0 || len(run.Prompts()) > 0 {
		t.Error("it began all the same")
	}
	if d := (&plugin{}).Validate(p.Options); len(d) != 1 || d[0].Option != insecureKey {
		t.Errorf("%+v", d)
	}
}

// answering is a gateway that answers each message with what it is told to; nil: it hangs up.
func answering(answers map[pptp.Type][]pptp.Message) func(net.Conn) {
	return func(c net.Conn) {
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
				answer, known := answers[m.Type]
				if known && answer == nil {
					return
				}
				for _, a := range answer {
					if a.Type == pptp.OutgoingCallReply {
						copy(a.Body[2:], m.Body[:2])
					}
					if _, err := c.Write(a.Append(nil)); err != nil {
						return
					}
				}
			}
		}
	}
}

func started(result byte) pptp.Message {
	b := make([]byte, 144)
	b[2] = result
	return pptp.Message{Type: pptp.StartReply, Body: b}
}

func called(result byte) pptp.Message {
	b := make([]byte, 20)
	b[0], b[4] = 0x55, result
	return pptp.Message{Type: pptp.OutgoingCallReply, Body: b}
}

// What a gateway refuses is told in its words.
func TestRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		answers map[pptp.Type][]pptp.Message
		words   string
		code    diag.Code
	}{
		"the connection": {map[pptp.Type][]pptp.Message{pptp.StartRequest: {started(4)}}, "authorized", diag.Protocol},
		"the call":       {map[pptp.Type][]pptp.Message{pptp.StartRequest: {started(1)}, pptp.OutgoingCallRequest: {called(4)}}, "busy", diag.Protocol},
		"silently":       {map[pptp.Type][]pptp.Message{pptp.StartRequest: {started(1)}, pptp.OutgoingCallRequest: nil}, "closed the control connection", diag.Unreachable},
		"after the call": {map[pptp.Type][]pptp.Message{pptp.StartRequest: {started(1)}, pptp.OutgoingCallRequest: {called(1)}, pptp.SetLinkInfo: {
			{Type: pptp.CallDisconnectNotify, Body: append([]byte{0x55, 0, 3, 0}, make([]byte, 132)...)}}}, "ended there", diag.SessionEnded},
		"by its end":          {map[pptp.Type][]pptp.Message{pptp.StartRequest: {{Type: pptp.StopRequest, Body: []byte{3, 0, 0, 0}}}}, "shuts down", diag.SessionEnded},
		"in another language": {map[pptp.Type][]pptp.Message{pptp.StartRequest: {{Type: 0x6363, Body: make([]byte, 300)}}}, "no PPTP", diag.Protocol},
	} {
		t.Run(name, func(t *testing.T) {
			h := plugintest.NewHost(t)
			h.Answer("main", map[string]string{"username": "alice", "password": "Iridium-4711"})
			h.Gateway("tcp", "vpn.example.com:1723", answering(test.answers))
			h.Gateway("raw", "vpn.example.com:47", func(c net.Conn) {
				b := make([]byte, 2048)
				for {
					if _, err := c.Read(b); err != nil {
						return
					}
				}
			})
			var f *sdk.Failure
			err := h.Run(&plugin{}, profile()).Wait()
			if !errors.As(err, &f) || f.Retry != sdk.Never || f.Diagnostics[0].Code != test.code || !strings.Contains(f.Diagnostics[0].Error(), test.words) {
				t.Errorf("%+v, want %s", err, test.words)
			}
		})
	}
}

func TestOptions(t *testing.T) {
	for key, value := range map[string]string{"gateway": "vpn.example.com:0", "auth-methods": "none-such", "eap-methods": "sim"} {
		values := maps.Clone(profile().Options)
		values[key] = value
		var d *diag.Diagnostic
		if _, err := readOptions(values); !errors.As(err, &d) || d.Option != key {
			t.Errorf("%s=%s: %v", key, value, err)
		}
	}
	o, err := readOptions(profile().Options)
	if err != nil || o.port != 1723 || len(o.mppe.Bits) != 1 || o.mppe.Stateful || !o.mppe.Required {
		t.Errorf("%+v, %v", o, err)
	}
	for _, o := range schema() {
		if o.Key == "auth-methods" && strings.Contains(o.Default, "pap") {
			t.Error("PAP is allowed by default")
		}
	}
}
