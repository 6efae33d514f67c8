package esp

import (
	"bytes"
	"fmt"
	"testing"
)

// between has both ends of a pair carry datagrams.
func between(from, to *Wire) {
	from.Datagrams(Ports{1701, 1702})
	to.Datagrams(Ports{1702, 1701})
}

func TestTransportModeCarriesDatagrams(t *testing.T) {
	eachSuite(t, func(t *testing.T, sa SA) {
		from, to, _ := wires(t, sa, Handler{})
		between(from, to)
		var want [][]byte
		for i := range 300 {
			want = append(want, fmt.Appendf(nil, "%*d", i, i))
		}
		send(t, from, want...)
		var got [][]byte
		for len(got) < len(want) {
			got = append(got, receive(t, to)...)
			if len(got) == 0 {
				t.Fatal("nothing came")
			}
		}
		for i := range want {
			same(t, "content", got[i], want[i])
		}
	})
}

func TestWhatIsNoDatagramBetweenThePorts(t *testing.T) {
	sa := newSA(SuiteNamed("aes128-sha1"), testSPI)
	_, to, at := wires(t, sa, Handler{})
	to.Datagrams(Ports{1702, 1701})
	o, err := sa.Outbound()
	if err != nil {
		t.Fatal(err)
	}
	good := "\x06\xa5\x06\xa6\x00\x0a\xbe\xefhi" // with a checksum that is wrong
	for _, test := range []struct {
		payload string
		next    byte
		v       Verdict
	}{
		{good, 4, Foreign},
		{good, 6, Foreign},
		{"\x06\xa6\x06\xa5\x00\x0a\x00\x00hi", nextUDP, Foreign},
		{"\x06\xa5\x06\xa6\x00\x0b\x00\x00hi", nextUDP, Malformed},
		{"\x06\xa5\x06\xa6\x00\x07\x00\x00hi", nextUDP, Malformed},
		{"\x06\xa5\x06\xa6\x00\x0a\x00", nextUDP, Foreign},
		{good, nextDummy, Dummy},
	} {
		before := to.Count(test.v)
		at.arrived <- [][]byte{sealed(t, o, []byte(test.payload), test.next), sealed(t, o, []byte(good+"padding"), nextUDP)}
		if got := receive(t, to); len(got) != 1 || string(got[0]) != "hi" {
			t.Errorf("%q, %d: received %q", test.payload, test.next, got)
		}
		if to.Count(test.v) != before+1 {
			t.Errorf("%q, %d: it is not %v", test.payload, test.next, test.v)
		}
	}
}

// Somebody else has used the SA up to a number: what it sent is not taken again, and its
// numbers are not used again.
func TestFirst(t *testing.T) {
	for _, first := range []uint32{0, 1, 5, windowBits + 77, 1 << 31} {
		sa := newSA(SuiteNamed("aes128gcm16"), testSPI)
		sa.First = first
		o, in := ends(t, sa)
		pkt := sealed(t, o, ipv4(40), nextIPv4)
		number := uint32(pkt[4])<<24 | uint32(pkt[5])<<16 | uint32(pkt[6])<<8 | uint32(pkt[7])
		if number != max(first, 1) {
			t.Errorf("from %d: the first number is %d", first, number)
		}
		dst := make([]byte, 100)
		if first > 1 {
			sa.First = first - 1
			before, _ := ends(t, sa)
			if _, _, v := in.Open(dst, sealed(t, before, ipv4(40), nextIPv4)); v != Replayed {
				t.Errorf("from %d: a packet from before is %v", first, v)
			}
		}
		if _, _, v := in.Open(dst, pkt); v != Good {
			t.Errorf("from %d: the first packet is %v", first, v)
		}
	}
}

func TestTransportModeDoesNotAllocate(t *testing.T) {
	sa := newSA(SuiteNamed("aes128-sha1"), testSPI)
	w := NewWire(nil, Handler{})
	w.Datagrams(Ports{1702, 1701})
	o, in := ends(t, sa)
	out, bufs := make([][]byte, 1), [][]byte{framed(bytes.Repeat([]byte{1}, 1400))}
	all := []*Inbound{in}
	dst := make([]byte, 2048)
	if n := testing.AllocsPerRun(100, func() {
		if n, err := o.sealBatch(out, bufs, headroom, Ports{1701, 1702}); n != 1 || err != nil {
			t.Error("seal")
		}
		if n, v := w.take(all, dst, out[0]); n != 1400 || v != Good {
			t.Error("open", n, v)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Nothing is read of a payload that is not there.
func FuzzDatagram(f *testing.F) {
	f.Add([]byte("\x06\xa5\x06\xa6\x00\x0a\xbe\xefhi"), byte(nextUDP))
	f.Fuzz(func(t *testing.T, payload []byte, next byte) {
		n, v := Ports{1702, 1701}.inside(payload[:len(payload):len(payload)], next)
		if v == Good && (n < 0 || UDPHeader+n > len(payload)) {
			t.Fatalf("%d bytes of %d", n, len(payload))
		}
	})
}
