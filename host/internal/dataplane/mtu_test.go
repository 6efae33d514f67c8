package dataplane

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/penstock-vpn/penstock/host/internal/tun"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// A datagram path with 79 bytes of overhead and one of header: path MTU 1380 is 1300 inside.
func TestRefusedDatagramLowersTheMTUWithoutAReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{MTU: 1400})
		tls := r.stream(1, 0, 0, framing.Rules{})
		udp := r.datagram(2, 10, 0, "dtls", framing.Rules{})
		r.event(1, Up)
		r.event(2, Up)
		udp.carries.Store(1301)
		udp.pathMTU.Store(1380)
		r.kernelSends(numbered(1, 1400), numbered(2, 40))
		if e := r.event(2, MTU); e.MTU != 1300 {
			t.Errorf("%+v", e)
		}
		if r.MTU() != 1300 || r.device.MTU() != 1300 || r.Stats().MTU != 1300 {
			t.Errorf("plane %d, device %d", r.MTU(), r.device.MTU())
		}
		synctest.Wait()
		if s := r.Stats(); s.TxPackets != 1 || s.TxDropped != 1 {
			t.Errorf("%+v", s)
		}
		// A packet that was under way teaches nothing.
		r.kernelSends(numbered(3, 1390))
		synctest.Wait()
		r.noEvent()

		close(udp.fromGW)
		r.event(2, Dead)
		if r.MTU() != 1400 || r.device.MTU() != 1400 {
			t.Errorf("after the fall to TLS: plane %d, device %d", r.MTU(), r.device.MTU())
		}
		if tls.isClosed() {
			t.Error("TLS is closed")
		}
	})
}

func TestUnknownPathMTUFallsByPlateaus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{MTU: 1400})
		udp := r.datagram(1, 0, 0, "dtls", framing.Rules{})
		r.event(1, Up)
		udp.carries.Store(1301)
		last := 1400
		for r.MTU() > 1300 {
			r.kernelSends(numbered(1, r.MTU()))
			e := r.event(1, MTU)
			if e.MTU >= last || e.MTU != r.device.MTU() {
				t.Fatalf("%+v after %d", e, last)
			}
			last = e.MTU
		}
		if r.MTU() < 1200 {
			t.Errorf("fell to %d", r.MTU())
		}
		if f := r.sends(2); f[0] != typeData {
			t.Errorf("%x", f)
		}
	})
}

func TestPathThatIsTooNarrowIsDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{MTU: 1400, MinMTU: 1280})
		r.stream(1, 0, 0, framing.Rules{})
		udp := r.datagram(2, 10, 0, "dtls", framing.Rules{})
		r.event(1, Up)
		r.event(2, Up)
		udp.carries.Store(1280)
		udp.pathMTU.Store(1359)
		r.kernelSends(numbered(1, 1400))
		if e := r.event(2, Dead); !strings.Contains(e.Reason, "carries packets of 1279 bytes inside the tunnel, 1280 are needed") {
			t.Errorf("%+v", e)
		}
		if r.MTU() != 1400 {
			t.Error("MTU", r.MTU())
		}
	})
}

func TestSetMTU(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{MTU: 1400})
		if err := r.SetMTU(1350); err != nil || r.device.MTU() != 1350 {
			t.Error(err, r.device.MTU())
		}
		d := newDatagram(r.sent)
		d.pathMTU.Store(1380)
		if err := r.AddDatagram(1, d, oneByte(framing.Rules{}), 0, 0, "dtls", 79); err != nil {
			t.Fatal(err)
		}
		if r.device.MTU() != 1300 {
			t.Errorf("a path of 1300 made it %d", r.device.MTU())
		}
		if err := r.SetMTU(1400); err != nil || r.device.MTU() != 1300 {
			t.Error("more is allowed than the path carries:", err, r.device.MTU())
		}
		if err := r.SetMTU(1200); err != nil || r.device.MTU() != 1200 {
			t.Error(err, r.device.MTU())
		}
		r.SetMinMTU(1280)
		for _, bad := range []int{1279, 65536, 0} {
			if r.SetMTU(bad) == nil {
				t.Errorf("MTU %d was accepted", bad)
			}
		}
	})
}

// A plugin's oversized probe is no reason to end the path.
func TestRefusedProbeLowersTheMTU(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{MTU: 1400})
		udp := r.datagram(1, 0, 0, "dtls", framing.Rules{})
		r.event(1, Up)
		udp.carries.Store(1301)
		udp.pathMTU.Store(1380)
		if err := r.SendControl(1, typeAsk, make([]byte, 1350)); err != nil {
			t.Fatal(err)
		}
		if e := r.event(1, MTU); e.MTU != 1300 || r.device.MTU() != 1300 {
			t.Errorf("%+v, device %d", e, r.device.MTU())
		}
	})
}

// narrowStream knows its path MTU.
type narrowStream struct{ *fakeStream }

func (narrowStream) PathMTU() int { return 1300 }

// A stream carries what is needed whatever the path: TCP cuts it.
func TestStreamOnANarrowPathCarriesTheLeast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{MTU: 1400, MinMTU: 1280})
		s := narrowStream{newStream(r.sent)}
		if err := r.AddStream(1, s, cstp(framing.Rules{}), 0, 0, "tls", 60); err != nil {
			t.Fatal(err)
		}
		if r.device.MTU() != 1280 {
			t.Errorf("MTU %d", r.device.MTU())
		}
	})
}

// stubborn is a device that keeps its MTU, and counts how often it was asked.
type stubborn struct {
	tun.Device
	asked int
}

func (s *stubborn) SetMTU(int) error {
	s.asked++
	return errors.New("device busy")
}

func TestMTUThatCannotBeSetIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		device, _ := tun.NewChannel("test0", 1400)
		dev := &stubborn{Device: device}
		p := New(dev, Options{MTU: 1400})
		defer func() { _ = p.Close() }()
		if err := p.SetMTU(1400); err != nil || dev.asked != 0 {
			t.Errorf("nothing changed: %v, asked %d times", err, dev.asked)
		}
		d := newDatagram(&record{})
		d.pathMTU.Store(1380)
		if err := p.AddDatagram(1, d, oneByte(framing.Rules{}), 0, 0, "dtls", 79); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if e := <-p.Events(); e.Kind == MTU && (e.MTU != 1400 || !strings.Contains(e.Reason, "busy")) {
				t.Errorf("%+v", e)
			}
		}
		if p.SetMTU(1250) == nil {
			t.Error("no error")
		}
	})
}
