package dataplane

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/esp"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

func TestESPCarriesPackets(t *testing.T) {
	for _, suite := range esp.Suites {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, Options{})
			g := r.esp(1, ESP{SAs: keys(suite.Name)}, framing.Rules{})
			r.event(1, Up)
			r.kernelSends(numbered(1, 40), numbered(2, 1300))
			if got, others := g.gets(); len(got) != 2 || !bytes.Equal(got[1], numbered(2, 1300)) || len(others) > 0 {
				t.Errorf("%s: the gateway got %d packets and %x", suite.Name, len(got), others)
			}
			g.sends(numbered(3, 700))
			if got := r.kernelGets(); !bytes.Equal(got, numbered(3, 700)) {
				t.Errorf("%s: the kernel got %x", suite.Name, got)
			}
			if id, kind, ok := r.Active(); id != 1 || kind != "esp" || !ok || r.Installed()[0].Kind != "esp" {
				t.Errorf("active is %d, %s", id, kind)
			}
		})
	}
}

func TestReplayedAndForgedPacketsStopAtThePath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		g := r.esp(1, ESP{SAs: keys("aes128-sha1")}, framing.Rules{})
		once := g.seal(numbered(1, 40))
		forged := g.seal(numbered(2, 40))
		forged[len(forged)-1]++
		for _, datagram := range [][]byte{once, bytes.Clone(once), forged, {0xff}, {1, 2}, []byte("no such SPI")} {
			g.fromGW <- datagram
		}
		g.sends(numbered(3, 40))
		for _, want := range []uint64{1, 3} {
			if got := numberOf(r.kernelGets()); got != want {
				t.Errorf("packet %d, want %d", got, want)
			}
		}
	})
}

func TestESPWithoutAProbeIsUpAtOnceAndAsksNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		g := r.esp(1, ESP{SAs: keys("aes128-sha1")}, framing.Rules{})
		r.event(1, Up)
		advance(time.Hour)
		r.noEvent()
		if packets, others := g.gets(); len(packets)+len(others) > 0 {
			t.Errorf("sent %x and %x", packets, others)
		}
	})
}

func TestESPWithAProbeIsUpWhenAnAuthenticPacketHasCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := newRig(t, Options{})
		g := r.esp(1, ESP{SAs: keys("aes128-sha1")}, probing())
		advance(7 * time.Second)
		g.fromGW <- []byte("\x00\x00\x10\x02 whose SPI anybody can know")
		g.fromGW <- []byte("\x00\x00\x00\x00IKE, which proves nothing")
		r.event(1, Control)
		synctest.Wait()
		r.noEvent()
		g.sends(answer)
		r.event(1, Up)
		advance(5 * time.Second) // 12: an answer is none to the next question
		frames, times := r.sent.take()
		var asked []string
		for i, f := range frames {
			if got := g.open(f); !bytes.Equal(got, probe) {
				t.Errorf("sent %x", got)
			}
			asked = append(asked, fmt.Sprint(times[i].Sub(start).Seconds()))
		}
		if got := strings.Join(asked, " "); got != "0 5" {
			t.Errorf("asked at %s", got)
		}
		// What is not wholly the answer reaches the device; the answer did not.
		g.sends(numbered(3, 28))
		if got := numberOf(r.kernelGets()); got != 3 {
			t.Errorf("the kernel got packet %d", got)
		}
		if s := r.Stats(); s.RxPackets != 1 || s.RxDropped != 0 {
			t.Errorf("%+v", s)
		}
		r.noEvent() // nor did it reach the plugin
	})
}

// A handshake proves less than an answer does.
func TestAnyDatagramsWithAProbeAreUpWhenAFrameHasCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		d := newDatagram(r.sent)
		if err := r.AddDatagram(1, d, framing.Spec{Rules: probing()}, 0, 0, "dtls", 79); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		r.noEvent()
		if sent, _ := r.sent.take(); len(sent) != 1 || !bytes.Equal(sent[0], probe) {
			t.Errorf("sent %x", sent)
		}
		d.fromGW <- answer
		r.event(1, Up)
		synctest.Wait()
		r.noEvent()
	})
}

func TestESPThatDoesNotAnswerIsDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := newRig(t, Options{})
		tls := r.stream(1, 0, 0, framing.Rules{})
		r.event(1, Up)
		g := r.esp(2, ESP{SAs: keys("aes128-sha1")}, probing())
		if e := r.event(2, Dead); time.Since(start) != 15*time.Second || !strings.Contains(e.Reason, "no sign of life") {
			t.Errorf("%v after %v", e, time.Since(start))
		}
		if packets, _ := g.gets(); len(packets) != 3 || !g.isClosed() || tls.isClosed() {
			t.Errorf("asked %d times", len(packets))
		}
	})
}

func TestNATKeepaliveAfterIdleOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := newRig(t, Options{})
		r.esp(1, ESP{SAs: keys("aes128-sha1"), NATKeepalive: 20 * time.Second}, framing.Rules{})
		advance(15 * time.Second)
		r.kernelSends(numbered(1, 40))
		advance(30 * time.Second)
		if err := r.SendControl(1, 0, []byte("IKE is traffic too")); err != nil {
			t.Error(err)
		}
		advance(21 * time.Second)
		frames, times := r.sent.take()
		var seen []string
		for i, f := range frames {
			if len(f) == 1 && f[0] == 0xff {
				seen = append(seen, fmt.Sprint(times[i].Sub(start).Seconds()))
			}
		}
		if got := strings.Join(seen, " "); got != "35 65" {
			t.Errorf("keepalives at %s", got)
		}
	})
}

func TestIKEBesideESP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		g := r.esp(1, ESP{SAs: keys("aes256gcm16")}, framing.Rules{})
		r.event(1, Up)
		g.fromGW <- []byte("\x00\x00\x00\x00from the peer")
		if e := r.event(1, Control); e.Type != 0 || string(e.Payload) != "from the peer" {
			t.Errorf("%+v", e)
		}
		message := []byte("to the peer")
		if err := r.SendControl(1, 0, message); err != nil {
			t.Error(err)
		}
		clear(message) // it is the caller's again
		if err := r.SendControl(1, 0, make([]byte, maxIKE)); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		for _, bad := range []error{
			r.SendControl(1, 0, nil), r.SendControl(1, 0, make([]byte, maxIKE+1)), r.SendControl(1, 3, []byte("typed")),
		} {
			if bad == nil || !strings.Contains(fmt.Sprintf("%+v", bad), "path 1") {
				t.Errorf("sent: %v", bad)
			}
		}
		g.carries.Store(1000) // a message that does not fit the path says nothing about packets
		if err := r.SendControl(1, 0, make([]byte, 1200)); err != nil {
			t.Error(err)
		}
		_, others := g.gets()
		r.noEvent()
		if len(others) != 2 || string(others[0]) != "\x00\x00\x00\x00to the peer" || len(others[1]) != 65507 {
			t.Errorf("the gateway got %d others: %.20q", len(others), others)
		}
		for range 2 * controlEvents {
			g.fromGW <- []byte("\x00\x00\x00\x00flood")
		}
		synctest.Wait()
		if got := len(r.Events()); got != controlEvents {
			t.Errorf("%d events wait", got)
		}
	})
}

// What a plugin said before it closed a path leaves: a DELETE, for one.
func TestIKEIsFlushedWhenThePathIsRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		g := r.esp(1, ESP{SAs: keys("aes256gcm16")}, framing.Rules{})
		for range 50 {
			if err := r.SendControl(1, 0, []byte("DELETE")); err != nil {
				t.Error(err)
			}
		}
		if err := r.Remove(1); err != nil {
			t.Error(err)
		}
		if _, others := g.gets(); len(others) != 50 || !g.isClosed() {
			t.Errorf("%d messages left", len(others))
		}
	})
}

func TestESPMTU(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{MTU: 1500})
		g := &gatewayEnd{fakeSocket: &fakeSocket{wireEnd: newWireEnd(r.sent)}, t: t}
		g.pathMTU.Store(1500)
		if err := r.AddESP(1, g.fakeSocket, ESP{SAs: keys("aes128gcm16")}, framing.Spec{}, 0, 0, 28); err != nil {
			t.Fatal(err)
		}
		r.event(1, Up)
		narrow := 1500 - 28 - esp.SuiteNamed("aes128gcm16").Overhead()
		if r.MTU() != narrow {
			t.Errorf("MTU %d, want %d", r.MTU(), narrow)
		}
		// A suite that adds more to each packet leaves less to it.
		if err := r.InstallSA(1, keyed(0x2001, "aes256-sha512", true)); err != nil {
			t.Fatal(err)
		}
		narrower := 1500 - 28 - esp.SuiteNamed("aes256-sha512").Overhead()
		if e := r.event(1, MTU); e.MTU != narrower || r.MTU() != narrower || narrower >= narrow {
			t.Errorf("%+v, the device has %d, want %d", e, r.MTU(), narrower)
		}
		// The network takes less than it took.
		g.pathMTU.Store(1400)
		g.carries.Store(1400 - 28)
		r.kernelSends(numbered(1, narrower))
		if e := r.event(1, MTU); e.MTU != narrower-100 || r.MTU() != narrower-100 {
			t.Errorf("%+v, the device has %d, want %d", e, r.MTU(), narrower-100)
		}
		r.kernelSends(numbered(2, narrower-100))
		synctest.Wait()
		if sent, _ := r.sent.take(); len(sent) != 1 {
			t.Errorf("%d packets left", len(sent))
		}
		// An SA that leaves too little room is refused, and changes nothing.
		r.SetMinMTU(narrower - 100 + 1)
		if err := r.InstallSA(1, keyed(0x2003, "aes256-sha384", true)); err != nil {
			t.Errorf("one with more room: %v", err)
		}
		r.event(1, MTU)
		if err := r.InstallSA(1, keyed(0x2004, "aes256-sha512", true)); err == nil {
			t.Error("an SA leaves less room than is needed")
		}
		if err := r.InstallSA(1, keyed(0x2005, "aes256-sha384", true)); err != nil {
			t.Error(err)
		}
	})
}
