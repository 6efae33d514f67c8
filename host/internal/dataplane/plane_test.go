package dataplane

import (
	"bytes"
	"encoding/binary"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/penstock-vpn/penstock/host/internal/packet"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// Each test runs in a bubble: the time is fake, and a goroutine that outlives the
// test is a failure. That is the leak check.

func TestPacketsLeaveFramedAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		r.stream(1, 0, 0, framing.Rules{})
		r.event(1, Up)
		for n := range uint64(3) {
			r.kernelSends(numbered(n, 40))
		}
		synctest.Wait()
		got, _ := r.sent.take()
		if len(got) != 3 {
			t.Fatalf("%d frames", len(got))
		}
		for n, f := range got {
			if want := stf(typeData, numbered(uint64(n), 40)); !bytes.Equal(f, want) {
				t.Errorf("frame %d: %x, want %x", n, f, want)
			}
		}
		if s := r.Stats(); s.TxPackets != 3 || s.TxBytes != 120 || s.Paths[0].TxPackets != 3 || !s.Paths[0].Active {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestStreamReachesTheDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		s := r.stream(1, 0, 0, framing.Rules{})
		stream := append(stf(typeData, numbered(1, 40)), stf(typeAlive, nil)...)
		stream = append(stream, stf(typeData, append(numbered(2, 600), "padding"...))...)
		stream = append(stream, stf(typeData, []byte("no packet"))...)
		s.fromGW <- stream[:13]
		s.fromGW <- stream[13:]
		for want := uint64(1); want <= 2; want++ {
			if p := r.kernelGets(); numberOf(p) != want || packet.Len(p) != len(p) {
				t.Errorf("packet %x, want number %d", p, want)
			}
		}
		synctest.Wait()
		if s := r.Stats(); s.RxPackets != 2 || s.RxBytes != 640 || s.RxDropped != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestDatagramsReachTheDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		d := r.datagram(1, 0, 0, "dtls", framing.Rules{})
		d.fromGW <- dtls(typeData, numbered(1, 40))
		d.fromGW <- nil
		d.fromGW <- dtls(typeData, numbered(2, 1400)[:1000])
		d.fromGW <- dtls(typeData, append(numbered(3, 1400), "padding"...))
		for _, want := range []uint64{1, 3} {
			if p := r.kernelGets(); numberOf(p) != want || packet.Len(p) != len(p) {
				t.Errorf("packet %x, want number %d", p, want)
			}
		}
		synctest.Wait()
		if s := r.Stats(); s.RxPackets != 2 || s.RxBytes != 1440 || s.RxDropped != 2 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestManyFramesInOneReadAllArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		s := r.stream(1, 0, 0, framing.Rules{})
		var all []byte
		const count = 3*maxBatch + 5
		for n := range uint64(count) {
			all = append(all, stf(typeData, numbered(n, 40))...)
		}
		s.fromGW <- all
		for n := range uint64(count) {
			if got := numberOf(r.kernelGets()); got != n {
				t.Fatalf("packet %d came as number %d", got, n)
			}
		}
	})
}

func TestBrokenStreamEndsThePath(t *testing.T) {
	for name, bytes := range map[string]string{
		"other protocol": "HTTP/1.1 200 OK\r\n", "too long": "STF\x01\x40\x01\x00\x00",
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, Options{})
			s := r.stream(1, 0, 0, framing.Rules{})
			r.event(1, Up)
			s.fromGW <- []byte(bytes)
			if e := r.event(1, Dead); !e.Breach || !strings.Contains(e.Reason, "broke the protocol") {
				t.Errorf("%s: reason %q", name, e.Reason)
			}
			if !s.isClosed() {
				t.Errorf("%s: the wire is open", name)
			}
		})
	}
}

func TestWithoutAPathTheDeviceIsNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		for n := range uint64(100) {
			r.kernelSends(numbered(n, 40))
		}
		synctest.Wait()
		if _, _, ok := r.Active(); ok {
			t.Error("a path is active")
		}
		bufs, sizes := [][]byte{make([]byte, 100)}, []int{0}
		if _, err := r.device.Read(bufs, sizes, 0); err != nil || numberOf(bufs[0]) != 0 {
			t.Fatalf("the first packet is gone from the device: %v", err)
		}
		r.stream(1, 0, 0, framing.Rules{})
		synctest.Wait()
		if got, _ := r.sent.take(); len(got) != 99 {
			t.Errorf("%d packets left", len(got))
		}
	})
}

func TestSYNIsClampedBothWays(t *testing.T) {
	syn := make([]byte, 44)
	syn[0], syn[9], syn[32], syn[33] = 0x45, 6, 6<<4, 2
	binary.BigEndian.PutUint16(syn[2:], 44)
	copy(syn[40:], []byte{2, 4, 0x05, 0xb4})
	mss := func(p []byte) int { return int(binary.BigEndian.Uint16(p[42:])) }
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{MTU: 1300})
		s := r.stream(1, 0, 0, framing.Rules{})
		d := r.datagram(2, -1, 0, "dtls", framing.Rules{})
		r.kernelSends(syn)
		synctest.Wait()
		out, _ := r.sent.take()
		if got := mss(out[0][8:]); got != 1260 {
			t.Errorf("out: MSS %d", got)
		}
		s.fromGW <- stf(typeData, syn)
		if got := mss(r.kernelGets()); got != 1260 {
			t.Errorf("in by stream: MSS %d", got)
		}
		d.fromGW <- dtls(typeData, syn)
		if got := mss(r.kernelGets()); got != 1260 {
			t.Errorf("in by datagram: MSS %d", got)
		}
	})
}

func TestLostDeviceIsAnEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		r.stream(1, 0, 0, framing.Rules{})
		r.event(1, Up)
		if err := r.device.Close(); err != nil {
			t.Fatal(err)
		}
		if e := r.event(0, DeviceLost); !strings.Contains(e.Reason, os.ErrClosed.Error()) {
			t.Errorf("reason %q", e.Reason)
		}
	})
}

func TestCloseFlushesEndsAllAndClosesEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		s, d := r.stream(1, 0, 0, rules()), r.datagram(2, 1, 0, "dtls", rules())
		r.event(1, Up)
		r.event(2, Up)
		if err := r.SendControl(1, typeBye, []byte("bye")); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
		if got, _ := r.sent.take(); len(got) != 1 || !bytes.Equal(got[0], stf(typeBye, []byte("bye"))) {
			t.Errorf("sent %x", got)
		}
		if e, open := <-r.Events(); open {
			t.Errorf("event %+v", e)
		}
		if !s.isClosed() || !d.isClosed() {
			t.Error("a wire is open")
		}
		if err := r.AddStream(3, newStream(r.sent), cstp(rules()), 0, 0, "tls", 60); err == nil {
			t.Error("a closed plane took a path")
		}
		if _, err := r.device.Write([][]byte{{1}}, 0); err == nil {
			t.Error("the device is open")
		}
	})
}

func TestCloseDoesNotWaitForAReaderOfEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		for id := uint32(1); id <= (controlEvents+stateEvents)/2+5; id++ {
			s := newStream(r.sent)
			close(s.fromGW)
			if err := r.AddStream(id, s, cstp(framing.Rules{}), 0, 0, "tls", 60); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestAttachRefusesWhatCannotWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{MinMTU: 1280})
		r.stream(1, 0, 0, framing.Rules{})
		add := func(id uint32, spec framing.Spec) error {
			return r.AddStream(id, newStream(r.sent), spec, 0, 0, "tls", 60)
		}
		fast := framing.Rules{Dpd: framing.Dpd{After: 1}}
		for name, err := range map[string]error{
			"attached already": add(1, cstp(rules())), "number 0": add(0, cstp(rules())),
			"need a length field": add(2, oneByte(rules())), "at least 100ms": add(2, cstp(fast)),
		} {
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %v", name, err)
			}
		}
		d := newDatagram(r.sent)
		d.pathMTU.Store(1359)
		if err := r.AddDatagram(2, d, oneByte(rules()), 0, 0, "dtls", 79); err == nil || !strings.Contains(err.Error(), "1280 are needed") {
			t.Errorf("narrow path: %v", err)
		}
		for id := uint32(2); id <= maxPaths; id++ {
			r.stream(id, 0, 0, framing.Rules{})
		}
		if err := add(100, cstp(rules())); err == nil {
			t.Error("one path too many was taken")
		}
	})
}
