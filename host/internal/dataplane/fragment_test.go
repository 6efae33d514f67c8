package dataplane

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/penstock-vpn/penstock/host/internal/esp"
	"github.com/penstock-vpn/penstock/host/internal/mtu"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// cuttingSocket carries everything once it may cut it.
type cuttingSocket struct{ *fakeSocket }

func (s cuttingSocket) Fragment() { s.carries.Store(0) }

// narrow is a path of ESP over a socket of that path MTU.
func (r *rig) narrow(path int64, fragment bool) (cuttingSocket, error) {
	s := cuttingSocket{&fakeSocket{wireEnd: newWireEnd(r.sent)}}
	s.pathMTU.Store(path)
	s.carries.Store(path - 28)
	return s, r.AddESP(1, s, ESP{SAs: keys("aes128gcm16"), Fragment: fragment}, framing.Spec{}, 0, 0, 28)
}

func wholeOn(path int) mtu.Inner {
	return mtu.Wire(path).Inner(28 + esp.SuiteNamed("aes128gcm16").Overhead())
}

// A path that is too narrow for IPv6 inside carries it in fragments, if it may, and TCP
// in packets that go whole.
func TestNarrowPathOfESPFragments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{MTU: 1400, MinMTU: 1280})
		if _, err := r.narrow(1280, false); err == nil || !strings.Contains(err.Error(), "1280 are needed") {
			t.Fatalf("without fragments: %v", err)
		}
		s, err := r.narrow(1280, true)
		if err != nil {
			t.Fatal(err)
		}
		if e := r.event(1, MTU); e.MTU != 1280 || !strings.Contains(e.Reason, "go in fragments") {
			t.Errorf("%+v", e)
		}
		if r.MTU() != 1280 || r.device.MTU() != 1280 || r.whole.Load() != int64(wholeOn(1280)) {
			t.Errorf("plane %d, device %d, whole ones of %d", r.MTU(), r.device.MTU(), r.whole.Load())
		}
		r.kernelSends(numbered(1, 1280), numbered(2, 100))
		synctest.Wait()
		if sent, _ := s.sent.take(); len(sent) != 2 || len(sent[0]) < 1280 {
			t.Errorf("%d datagrams", len(sent))
		}
	})
}

// So does one that becomes too narrow, and it is told of once.
func TestPathOfESPThatNarrowsFragments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{MTU: 1400, MinMTU: 1280})
		s, err := r.narrow(1500, true)
		if err != nil {
			t.Fatal(err)
		}
		r.event(1, Up)
		s.pathMTU.Store(1280)
		s.carries.Store(1252)
		r.kernelSends(numbered(1, 1400))
		if e := r.event(1, MTU); e.MTU != 1280 || e.Reason == "" || r.device.MTU() != 1280 {
			t.Errorf("%+v, device %d", e, r.device.MTU())
		}
		s.sent.take()
		r.kernelSends(numbered(2, 1280))
		synctest.Wait()
		if sent, _ := s.sent.take(); len(sent) != 1 {
			t.Errorf("%d datagrams", len(sent))
		}
		r.noEvent()
		// A suite that takes more of each packet leaves less for whole ones.
		if err := r.InstallSA(1, keyed(0x2001, "aes256-sha512", true)); err != nil {
			t.Fatal(err)
		}
		if e := r.event(1, MTU); e.MTU != 1280 || r.whole.Load() >= int64(wholeOn(1280)) {
			t.Errorf("%+v, whole ones of %d", e, r.whole.Load())
		}
	})
}
