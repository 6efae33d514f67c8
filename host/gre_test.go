package host

import (
	"bytes"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/transport"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

func someMPPE() *pluginpb.Mppe {
	direction := func() *pluginpb.Mppe_Direction {
		return &pluginpb.Mppe_Direction{Key: bytes.Repeat([]byte{7}, 16), Bits: 128, Stateless: true}
	}
	return &pluginpb.Mppe{Send: direction(), Receive: direction()}
}

func keyless(m *pluginpb.Mppe) bool {
	return !bytes.Contains(m.GetSend().GetKey(), []byte{7}) && !bytes.Contains(m.GetReceive().GetKey(), []byte{7})
}

// rawRig is an espRig whose transport is a raw one of GRE, and the gateway's socket.
func rawRig(t *testing.T) (*espRig, *net.IPConn) {
	t.Helper()
	if os.Geteuid() != 0 && os.Getenv("CI") == "" {
		t.Skip("needs root")
	}
	gateway, err := net.ListenIP("ip4:47", &net.IPAddr{IP: net.IPv4(127, 0, 0, 7)})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := transport.New(transport.Config{}).OpenRaw(t.Context(), "127.0.0.7", 47)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(gateway.Close(), raw.Close()) })
	r := newESPRig(t)
	r.transports[1] = &link{kind: "raw", opened: raw, info: raw.Info()}
	return r, gateway
}

// A raw transport becomes a path that numbers and encrypts, and forgets the keys.
func TestAPathOfGRE(t *testing.T) {
	r, gateway := rawRig(t)
	a := &pluginpb.Attach{Transport: 1, Framing: &pluginpb.FrameSpec{Ppp: &pluginpb.FrameSpec_Ppp{}}, Gre: &pluginpb.Gre{Call: 0x1234, OwnCall: 0x5678, Next: 9, Mppe: someMPPE()}}
	if err := errors.Join(mayCarryGRE(r.transports[1], a.GetGre()), r.attachESP(a)); err != nil {
		t.Fatal(err)
	}
	if !keyless(a.GetGre().GetMppe()) {
		t.Error("the keys are still there")
	}
	r.planeEvent(<-r.plane.Events())
	if s := r.connection.status(); s.Transport != "gre" || s.Cipher != "mppe128-stateless" {
		t.Errorf("status %+v", s)
	}
	packet := make([]byte, 40)
	packet[0], packet[3] = 0x45, 40
	if _, err := r.kernel.Write([][]byte{packet}, 0); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 2000)
	_ = gateway.SetReadDeadline(time.Now().Add(20 * time.Second))
	n, _, err := gateway.ReadFrom(b)
	if want := []byte{0x30, 0x81, 0x88, 0x0b, 0, 48, 0x12, 0x34, 0, 0, 0, 9}; err != nil || !bytes.HasPrefix(b[:n], want) || !bytes.HasPrefix(b[16:n], []byte{0xff, 0x03, 0x00, 0xfd, 0x90, 0x00}) || bytes.Contains(b[:n], packet) {
		t.Errorf("%x, %v", b[:n], err)
	}
}

func TestInstallMPPE(t *testing.T) {
	r, _ := rawRig(t)
	a := &pluginpb.Attach{Transport: 1, Framing: &pluginpb.FrameSpec{Ppp: &pluginpb.FrameSpec_Ppp{}}, Gre: &pluginpb.Gre{Call: 1, OwnCall: 2}}
	if err := r.attachESP(a); err != nil {
		t.Fatal(err)
	}
	r.planeEvent(<-r.plane.Events())
	if cipher := r.connection.status().Cipher; cipher != "" {
		t.Errorf("cipher %q without any", cipher)
	}
	m := &pluginpb.InstallMppe{Transport: 1, Mppe: someMPPE()}
	if err := r.installMPPE(m); err != nil || !keyless(m.GetMppe()) || r.connection.status().Cipher != "mppe128-stateless" {
		t.Errorf("%v, %+v", err, r.connection.status())
	}
	if err := r.installMPPE(&pluginpb.InstallMppe{Transport: 1, Mppe: &pluginpb.Mppe{}}); err != nil || r.connection.status().Cipher != "" {
		t.Errorf("%v, %+v", err, r.connection.status())
	}
	bad := someMPPE()
	bad.Send.Bits = 64
	for _, m := range []*pluginpb.InstallMppe{{Transport: 1, Mppe: bad}, {Transport: 2, Mppe: someMPPE()}} {
		if err := r.installMPPE(m); diag.Of(err).Code != diag.Invalid || !keyless(m.GetMppe()) {
			t.Errorf("%v", err)
		}
	}
}

// What no path of GRE can be is refused before the handover.
func TestBadGRE(t *testing.T) {
	for _, c := range []struct {
		kind string
		gre  *pluginpb.Gre
	}{{"udp", &pluginpb.Gre{}}, {"raw", &pluginpb.Gre{Call: 0x10000}}, {"raw", &pluginpb.Gre{OwnCall: 0x10000}}} {
		if err := mayCarryGRE(&link{kind: c.kind}, c.gre); diag.Of(err).Code != diag.Invalid {
			t.Errorf("%s, %v: %v", c.kind, c.gre, err)
		}
	}
	if err := mayCarryGRE(&link{kind: "tls"}, nil); err != nil {
		t.Error(err)
	}
}
