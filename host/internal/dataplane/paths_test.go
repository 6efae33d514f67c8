package dataplane

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-vpn/penstock/sdk/framing"
)

// sends has the kernel send packet n and returns the frame that left.
func (r *rig) sends(n uint64) []byte {
	r.t.Helper()
	r.kernelSends(numbered(n, 40))
	synctest.Wait()
	got, _ := r.sent.take()
	if len(got) != 1 {
		r.t.Fatalf("%d frames left", len(got))
	}
	return got[0]
}

func TestHighestLivingPathCarriesPackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		tls := r.stream(1, 10, 0, framing.Rules{})
		if f := r.sends(1); f[0] != 'S' {
			t.Errorf("%x did not leave by TLS", f)
		}
		udp := r.datagram(2, 20, 0, "dtls", framing.Rules{})
		r.stream(3, 5, 0, framing.Rules{})
		if f := r.sends(2); f[0] != typeData {
			t.Errorf("%x did not leave by DTLS", f)
		}
		if id, kind, ok := r.Active(); id != 2 || kind != "dtls" || !ok {
			t.Error("active:", id, kind, ok)
		}
		for id := uint32(1); id <= 3; id++ {
			r.event(id, Up)
		}
		close(udp.fromGW)
		if e := r.event(2, Dead); !strings.Contains(e.Reason, "gateway closed") || e.Replaced {
			t.Errorf("%+v", e)
		}
		if f := r.sends(3); f[0] != 'S' {
			t.Errorf("%x did not leave by TLS", f)
		}
		if id, _, _ := r.Active(); id != 1 {
			t.Error("active:", id)
		}
		if got := r.Installed(); len(got) != 2 || got[0] != (Installed{1, "tls", 10}) || got[1] != (Installed{3, "tls", 5}) {
			t.Errorf("installed %v", got)
		}
		if tls.isClosed() || !udp.isClosed() {
			t.Error("the wrong wire is closed")
		}
	})
}

func TestPlainUDPIsUpAfterItsFirstFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		r.stream(1, 0, 0, framing.Rules{})
		udp := r.datagram(2, 10, 0, "udp", framing.Rules{})
		r.event(1, Up)
		synctest.Wait()
		r.noEvent()
		if id, _, _ := r.Active(); id != 1 {
			t.Error("active before a sign of life:", id)
		}
		udp.fromGW <- nil // no frame
		synctest.Wait()
		r.noEvent()
		udp.fromGW <- dtls(typeAnswer, nil)
		r.event(2, Up)
		if id, _, _ := r.Active(); id != 2 {
			t.Error("active:", id)
		}
	})
}

func TestABatchThatADyingStreamRefusedGoesToTheNextPath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		r.datagram(1, 0, 0, "dtls", framing.Rules{})
		tls := r.stream(2, 10, 0, framing.Rules{})
		tls.cut.Store(true)
		if f := r.sends(7); !bytes.Equal(f, dtls(typeData, numbered(7, 40))) {
			t.Errorf("%x", f)
		}
		r.event(1, Up)
		r.event(2, Up)
		if e := r.event(2, Dead); !strings.Contains(e.Reason, errCut.Error()) {
			t.Errorf("%+v", e)
		}
		if s := r.Stats(); s.TxPackets != 1 || s.TxDropped != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestABatchThatADatagramWireSpoiledIsCountedAsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		r.stream(1, 0, 0, framing.Rules{})
		r.datagram(2, 10, 0, "dtls", framing.Rules{}).cut.Store(true)
		r.kernelSends(numbered(1, 40))
		synctest.Wait()
		if got, _ := r.sent.take(); len(got) != 0 {
			t.Errorf("%x left", got)
		}
		if s := r.Stats(); s.TxPackets != 0 || s.TxDropped != 1 {
			t.Errorf("%+v", s)
		}
		if f := r.sends(2); f[0] != 'S' {
			t.Errorf("%x did not leave by TLS", f)
		}
	})
}

// A batch that waits for its turn on a path goes elsewhere when the path is
// replaced meanwhile: what it began with, a control frame, is finished.
func TestReplacedPathStopsAtAFrameBoundary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		old := r.blockedStream(1, 0)
		if err := r.SendControl(1, typeAsk, nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		r.kernelSends(numbered(1, 40))
		synctest.Wait()
		r.datagram(2, 0, 1, "dtls", framing.Rules{})
		close(old.block)
		synctest.Wait()
		got, _ := r.sent.take()
		if len(got) != 2 || !bytes.Equal(got[0], stf(typeAsk, nil)) || !bytes.Equal(got[1], dtls(typeData, numbered(1, 40))) {
			t.Errorf("sent %x", got)
		}
	})
}

func TestEndedPathLeavesNoTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		s := r.stream(1, 0, 0, rules())
		r.event(1, Up)
		x := r.paths[1]
		close(s.fromGW)
		r.event(1, Dead)
		if x.keeper.timer.Stop() {
			t.Error("the timer runs on")
		}
	})
}

func TestReplacedPathReadsUntilItIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		old := r.stream(1, 0, 0, rules())
		r.stream(2, -1, 1, rules())
		r.event(1, Up)
		r.event(2, Up)
		if id, _, _ := r.Active(); id != 2 {
			t.Error("active:", id)
		}
		if err := r.SendControl(1, typeBye, nil); err == nil {
			t.Error("a replaced path took a control frame")
		}
		advance(4 * time.Second)
		old.fromGW <- stf(typeData, numbered(9, 40))
		old.fromGW <- stf(typeAsk, nil)
		if got := numberOf(r.kernelGets()); got != 9 {
			t.Error("packet", got)
		}
		silentSince := time.Now()
		if got := r.Installed(); len(got) != 1 || got[0].ID != 2 {
			t.Errorf("installed %v", got)
		}
		if s := r.Stats(); len(s.Paths) != 2 || !s.Paths[0].Replaced {
			t.Errorf("stats %+v", s)
		}
		e := r.event(1, Dead)
		if !e.Replaced || time.Since(silentSince) != silence || !old.isClosed() {
			t.Errorf("%+v after %v", e, time.Since(silentSince))
		}
		if got, _ := r.sent.take(); len(got) != 0 {
			t.Errorf("sent %x", got)
		}
	})
}

func TestReplacedPathThatTheGatewayClosesEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		old := r.stream(1, 0, 0, rules())
		r.stream(2, 0, 1, rules())
		r.event(1, Up)
		r.event(2, Up)
		start := time.Now()
		close(old.fromGW)
		if e := r.event(1, Dead); !e.Replaced || time.Since(start) != 0 {
			t.Errorf("%+v", e)
		}
		r.stream(3, 0, 1, rules()) // 1 is gone already: nothing to replace
		r.event(3, Up)
		if len(r.Installed()) != 2 {
			t.Error(r.Installed())
		}
	})
}

func TestRemoveFlushesAndMakesNoEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		s := r.blockedStream(1, 0)
		r.event(1, Up)
		r.kernelSends(numbered(1, 40))
		synctest.Wait()
		for n := range byte(50) {
			if err := r.SendControl(1, typeBye, []byte{n}); err != nil {
				t.Fatal(err)
			}
		}
		removed := make(chan error)
		go func() { removed <- r.Remove(1) }()
		synctest.Wait()
		close(s.block)
		if err := <-removed; err != nil {
			t.Fatal(err)
		}
		got, _ := r.sent.take()
		if len(got) != 51 || !bytes.Equal(got[50], stf(typeBye, []byte{49})) || !s.isClosed() {
			t.Errorf("%d frames, closed %v", len(got), s.isClosed())
		}
		if r.Remove(1) == nil {
			t.Error("removed twice")
		}
		synctest.Wait()
		r.noEvent()
	})
}

func TestRemoveDoesNotWaitForAGatewayThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		r.blockedStream(1, 0)
		r.kernelSends(numbered(1, 40))
		synctest.Wait()
		start := time.Now()
		if err := r.Remove(1); err != nil || time.Since(start) != flushTime {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		r.stream(2, 0, 0, rules())
		synctest.Wait()
		if got, _ := r.sent.take(); len(got) != 1 {
			t.Errorf("%d frames left on the next path", len(got))
		}
	})
}
