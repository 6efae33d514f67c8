package host

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/dataplane"
	"github.com/penstock-vpn/penstock/host/internal/esp"
	"github.com/penstock-vpn/penstock/host/internal/transport"
	"github.com/penstock-vpn/penstock/host/internal/tun"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

func someSA(d pluginpb.Sa_Direction, spi uint32, suite string) *pluginpb.Sa {
	sa := &pluginpb.Sa{Direction: d, Spi: spi, Suite: suite}
	if s := esp.SuiteNamed(suite); s != nil {
		sa.Key, sa.AuthKey = bytes.Repeat([]byte{7}, s.KeySize), bytes.Repeat([]byte{7}, s.AuthKeySize)
	}
	return sa
}

const in, out = pluginpb.Sa_INBOUND, pluginpb.Sa_OUTBOUND

type onLoopback struct{}

func (onLoopback) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil
}

// espRig is a connection with a device and a udp transport 1, and the gateway's socket.
type espRig struct {
	*connection
	gateway *net.UDPConn
	kernel  *tun.Channel
	told    chan *pluginpb.FromHost
	log     *bytes.Buffer
}

func newESPRig(t *testing.T) *espRig {
	t.Helper()
	gateway, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	p, err := transport.New(transport.Config{Resolver: onLoopback{}}).OpenUDP(t.Context(), "vpn.test", gateway.LocalAddr().(*net.UDPAddr).Port)
	if err != nil {
		t.Fatal(err)
	}
	device, kernel := tun.NewChannel("test0", 1400)
	l := &life{outbox: make(chan *pluginpb.FromHost, outboxSize)}
	r := &espRig{gateway: gateway, kernel: kernel, told: l.outbox, log: &bytes.Buffer{}}
	r.connection = &connection{
		life: l, plane: dataplane.New(device, dataplane.Options{MTU: 1400}),
		log:        slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		transports: map[uint32]*link{1: {kind: "udp", opened: p, info: p.Info()}},
	}
	t.Cleanup(func() {
		if err := errors.Join(r.plane.Close(), p.Close(), gateway.Close()); err != nil {
			t.Error(err)
		}
	})
	return r
}

// attachESP is the end of a handover.
func (r *espRig) attachESP(a *pluginpb.Attach) error {
	t := r.transports[1]
	t.attach = a
	r.install(&pluginpb.FromPlugin{Id: 3}, t, nil)
	if refused := (<-r.told).GetRefused(); refused != nil {
		return errors.New(refused.GetDiagnostic().GetSummary())
	}
	return nil
}

func zeroed(sas ...*pluginpb.Sa) bool {
	for _, sa := range sas {
		if bytes.Contains(sa.GetKey(), []byte{7}) || bytes.Contains(sa.GetAuthKey(), []byte{7}) {
			return false
		}
	}
	return true
}

// hears waits for a datagram at the gateway and returns its SPI.
func (r *espRig) hears(t *testing.T) string {
	t.Helper()
	b := make([]byte, 2000)
	_ = r.gateway.SetReadDeadline(time.Now().Add(20 * time.Second))
	n, err := r.gateway.Read(b)
	if err != nil || n < 8 {
		t.Fatalf("%d bytes, %v", n, err)
	}
	return string(b[:4])
}

func TestAPathOfESP(t *testing.T) {
	r := newESPRig(t)
	a := &pluginpb.Attach{Transport: 1, Esp: &pluginpb.Esp{NatKeepaliveMs: 20000, Sas: []*pluginpb.Sa{someSA(out, 0x1001, "aes128-sha1"), someSA(in, 0x1002, "aes128-sha1")}}}
	if err := errors.Join(mayCarry(r.transports[1], a.GetEsp()), r.attachESP(a)); err != nil {
		t.Fatal(err)
	}
	if !zeroed(a.GetEsp().GetSas()...) {
		t.Error("the keys are still there")
	}
	r.planeEvent(<-r.plane.Events())
	if up := (<-r.told).GetPath(); up.GetKind() != pluginpb.PathEvent_UP || up.GetTransport() != 1 {
		t.Errorf("told %v", up)
	}
	if s := r.connection.status(); s.Transport != "esp" || s.Cipher != "aes128-sha1" {
		t.Errorf("status %+v", s)
	}
	packet := make([]byte, 40)
	packet[0], packet[3] = 0x45, 40
	sends := func(spi string) {
		t.Helper()
		if _, err := r.kernel.Write([][]byte{packet}, 0); err != nil {
			t.Fatal(err)
		}
		if got := r.hears(t); got != spi {
			t.Errorf("SPI %x, want %x", got, spi)
		}
	}
	sends("\x00\x00\x10\x01")
	next := someSA(out, 0x2001, "aes256gcm16")
	next.SoftPackets, next.HardPackets = 1, 2
	for _, sa := range []*pluginpb.Sa{someSA(in, 0x2002, "aes256gcm16"), next} {
		if err := r.installSA(&pluginpb.InstallSa{Transport: 1, Sa: sa}); err != nil || !zeroed(sa) {
			t.Errorf("%v: %v", sa, err)
		}
	}
	if s := r.connection.status(); s.Cipher != "aes256gcm16" {
		t.Errorf("status %+v", s)
	}
	for _, hard := range []bool{false, true} {
		sends("\x00\x00\x20\x01")
		r.planeEvent(<-r.plane.Events())
		e := (<-r.told).GetSaExpire()
		if e.GetTransport() != 1 || e.GetSpi() != 0x2001 || !e.GetOutbound() || e.GetHard() != hard {
			t.Errorf("told %v", e)
		}
	}
	for range 2 {
		if err := r.removeSA(&pluginpb.RemoveSa{Transport: 1, Spi: 0x1002}); err != nil {
			t.Error(err)
		}
	}
	if log := r.log.String(); !strings.Contains(log, "installed outbound SA 0x00002001 aes256gcm16") {
		t.Errorf("log %q", log)
	}
}

func TestIKEOfAPathOfESP(t *testing.T) {
	r := newESPRig(t)
	if err := r.attachESP(&pluginpb.Attach{Transport: 1, Esp: &pluginpb.Esp{Sas: []*pluginpb.Sa{someSA(out, 0x1001, "aes128gcm16"), someSA(in, 0x1002, "aes128gcm16")}}}); err != nil {
		t.Fatal(err)
	}
	r.planeEvent(<-r.plane.Events())
	<-r.told // that it is up
	if err := r.sendControl(&pluginpb.ControlFrame{Transport: 1, Payload: []byte("question")}); err != nil {
		t.Fatal(err)
	}
	if got := r.hears(t); got != "\x00\x00\x00\x00" {
		t.Errorf("the gateway got %x", got)
	}
	local := r.transports[1].info.Local
	if _, err := r.gateway.WriteToUDPAddrPort([]byte("\x00\x00\x00\x00answer"), local); err != nil {
		t.Fatal(err)
	}
	r.planeEvent(<-r.plane.Events())
	if f := (<-r.told).GetFrame(); f.GetTransport() != 1 || f.GetType() != 0 || string(f.GetPayload()) != "answer" {
		t.Errorf("told %v", f)
	}
	// Frames that nobody reads make no plugin look hung.
	for range outboxSize + 1 {
		r.planeEvent(dataplane.Event{Path: 1, Kind: dataplane.Control, Payload: []byte("flood")})
	}
	if got := len(r.told); got != maxFramesUnread {
		t.Errorf("%d frames wait", got)
	}
}

func TestESPThatAPluginGetsWrong(t *testing.T) {
	good := []*pluginpb.Sa{someSA(out, 0x1001, "aes128-sha1"), someSA(in, 0x1002, "aes128-sha1")}
	past := someSA(in, 0x1003, "aes128-sha1")
	past.SoftBytes, past.HardBytes = 100, 99
	for why, sas := range map[string][]*pluginpb.Sa{
		`suite "rot13" of an SA is unknown`:    {good[0], someSA(in, 0x1003, "rot13")},
		"direction 7, which is neither":        {good[0], someSA(7, 0x1003, "aes128-sha1")},
		"soft limit past its hard one":         {good[0], past},
		"one outbound SA and at least one inb": {good[1]},
		"needs an integrity key of 20 bytes":   {good[0], {Direction: in, Spi: 0x1003, Suite: "aes128-sha1", Key: make([]byte, 16)}},
	} {
		r := newESPRig(t)
		if err := r.attachESP(&pluginpb.Attach{Transport: 1, Esp: &pluginpb.Esp{Sas: sas}}); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%v, want %s", err, why)
		}
		if !zeroed(sas...) {
			t.Errorf("%s: the keys are still there", why)
		}
	}
}

// Keys do not stay in a message that came to nothing.
func TestKeysOfAnAttachThatFailsAreForgotten(t *testing.T) {
	r := newESPRig(t)
	a := &pluginpb.Attach{Transport: 1, Esp: &pluginpb.Esp{Sas: []*pluginpb.Sa{someSA(out, 0x1001, "aes128-sha1"), someSA(in, 0x1002, "aes128-sha1")}}}
	a.Framing = &pluginpb.FrameSpec{Probe: []byte("no packet")}
	r.attach(&pluginpb.FromPlugin{Id: 4}, a)
	if (<-r.told).GetRefused() == nil || !zeroed(a.GetEsp().GetSas()...) {
		t.Error("a bad framing was taken, or its keys are still there")
	}
	a.Esp.Sas = []*pluginpb.Sa{someSA(out, 0x1001, "aes128-sha1"), someSA(in, 0x1002, "aes128-sha1")}
	r.transports[1].attach = a // closed before the handover was done
	r.closeLink(1)
	r.closing.Wait()
	if !zeroed(a.GetEsp().GetSas()...) {
		t.Error("the keys are still there")
	}
}

func TestSAsOnNoPathOfESP(t *testing.T) {
	r := newESPRig(t)
	for name, err := range map[string]error{
		"install on what is no path": r.installSA(&pluginpb.InstallSa{Transport: 1, Sa: someSA(in, 0x1003, "aes128-sha1")}),
		"install on nothing":         r.installSA(&pluginpb.InstallSa{Transport: 2, Sa: someSA(in, 0x1003, "aes128-sha1")}),
		"install of nothing":         r.installSA(&pluginpb.InstallSa{Transport: 1}),
		"remove from nothing":        r.removeSA(&pluginpb.RemoveSa{Transport: 2, Spi: 0x1003}),
		"ESP over a stream":          mayCarry(&link{kind: "tls", opened: &transport.Stream{}}, &pluginpb.Esp{}),
	} {
		var d *diag.Diagnostic
		if !errors.As(err, &d) || d.Code != diag.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := mayCarry(&link{kind: "tls", opened: &transport.Stream{}}, nil); err != nil {
		t.Errorf("a stream without ESP: %v", err)
	}
}
