package packet

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// tcp returns a TCP header with these options, checksum unset.
func tcp(flags uint8, options ...byte) []byte {
	for len(options)%4 != 0 {
		options = append(options, optEnd)
	}
	b := append(make([]byte, tcpHeader), options...)
	b[12] = byte(len(b)/4) << 4
	b[13] = flags
	return b
}

// seal sets the TCP checksum of pkt, whose TCP header begins at at.
func seal(pkt []byte, at int) []byte {
	binary.BigEndian.PutUint16(pkt[at+16:], 0)
	binary.BigEndian.PutUint16(pkt[at+16:], tcpSum(pkt, at))
	return pkt
}

// tcpSum is 0 for a packet whose checksum is right.
func tcpSum(pkt []byte, at int) uint16 {
	src, dst := pkt[12:16], pkt[16:20]
	if pkt[0]>>4 == 6 {
		src, dst = pkt[8:24], pkt[24:40]
	}
	return Checksum(Sum(pkt[at:], PseudoSum(src, dst, protoTCP, len(pkt)-at)))
}

func TestClampMSS(t *testing.T) {
	mss := []byte{optMSS, 4, 0x05, 0xb4} // 1460
	odd := []byte{optNop, optMSS, 4, 0x05, 0xb4}
	hop := append([]byte{protoTCP, 0, 1, 4, 0, 0, 0, 0}, tcp(tcpFlagSYN, mss...)...)
	cases := map[string]struct {
		pkt  []byte
		at   int // of TCP
		mtu  int
		want uint16 // 0: unchanged
	}{
		"ipv4":               {ipv4(t, protoTCP, 1, tcp(tcpFlagSYN, mss...)), 20, 1300, 1260},
		"ipv4 syn ack":       {ipv4(t, protoTCP, 1, tcp(0x12, mss...)), 20, 1300, 1260},
		"ipv4 odd offset":    {ipv4(t, protoTCP, 1, tcp(tcpFlagSYN, odd...)), 20, 1300, 1260},
		"ipv4 fits":          {ipv4(t, protoTCP, 1, tcp(tcpFlagSYN, mss...)), 20, 1500, 0},
		"ipv4 no syn":        {ipv4(t, protoTCP, 1, tcp(0x10, mss...)), 20, 1300, 0},
		"ipv4 no option":     {ipv4(t, protoTCP, 1, tcp(tcpFlagSYN)), 20, 1300, 0},
		"ipv4 udp":           {ipv4(t, 17, 1, tcp(tcpFlagSYN, mss...)), 20, 1300, 0},
		"ipv4 tiny mtu":      {ipv4(t, protoTCP, 1, tcp(tcpFlagSYN, mss...)), 20, 40, 0},
		"ipv6":               {ipv6(t, protoTCP, tcp(tcpFlagSYN, mss...)), 40, 1300, 1240},
		"ipv6 hop by hop":    {ipv6(t, 0, hop), 48, 1300, 1240},
		"ipv6 behind others": {ipv6(t, 58, tcp(tcpFlagSYN, mss...)), 40, 1300, 0},
		"option after sack":  {ipv4(t, protoTCP, 1, tcp(tcpFlagSYN, append([]byte{4, 2}, mss...)...)), 20, 1300, 1260},
	}
	for name, c := range cases {
		pkt := seal(c.pkt, c.at)
		before := bytes.Clone(pkt)
		changed := ClampMSS(pkt, c.mtu)
		if c.want == 0 {
			if changed || !bytes.Equal(pkt, before) {
				t.Errorf("%s: changed", name)
			}
			continue
		}
		i := mssOption(pkt, c.at+tcpHeader)
		if got := binary.BigEndian.Uint16(pkt[i:]); !changed || got != c.want {
			t.Errorf("%s: changed %v, MSS %d, want %d", name, changed, got, c.want)
		}
		if tcpSum(pkt, c.at) != 0 {
			t.Errorf("%s: checksum is wrong", name)
		}
	}
}

func TestClampMSSLeavesLaterFragmentsAlone(t *testing.T) {
	pkt := ipv4(t, protoTCP, 1, tcp(tcpFlagSYN, optMSS, 4, 0x05, 0xb4))
	binary.BigEndian.PutUint16(pkt[6:], 185)
	if ClampMSS(pkt, 600) {
		t.Error("a later fragment has no TCP header to change")
	}
}

func TestHotFunctionsDoNotAllocate(t *testing.T) {
	pkt := seal(ipv4(t, protoTCP, 1, tcp(tcpFlagSYN, optMSS, 4, 0x05, 0xb4)), 20)
	if n := testing.AllocsPerRun(100, func() {
		Len(pkt)
		ClampMSS(pkt, 1300)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A hostile packet never breaks the clamp, which keeps its length and a checksum
// that was right.
func FuzzClampMSS(f *testing.F) {
	f.Add(seal(ipv4(f, protoTCP, 1, tcp(tcpFlagSYN, optNop, optMSS, 4, 0x05, 0xb4)), 20), 1300)
	f.Add(seal(ipv6(f, protoTCP, tcp(tcpFlagSYN, optMSS, 4, 0xff, 0xff)), 40), 1280)
	f.Add(ipv6(f, 0, []byte{43, 255, 0, 0}), 1280)
	f.Add(ipv4(f, protoTCP, 1, []byte{0}), 576)
	f.Fuzz(func(t *testing.T, pkt []byte, mtu int) {
		n := Len(pkt)
		if n < 0 || n > len(pkt) {
			t.Fatalf("Len = %d of %d", n, len(pkt))
		}
		at, _ := tcpOffset(pkt)
		whole := at > 0 && at+tcpHeader <= len(pkt)
		var before uint16
		if whole {
			before = tcpSum(pkt, at)
		}
		if ClampMSS(pkt, mtu) && !sameSum(tcpSum(pkt, at), before) {
			t.Errorf("sum %04x became %04x", before, tcpSum(pkt, at))
		}
		if ClampMSS(pkt, mtu) {
			t.Error("the second clamp changed it again")
		}
	})
}

// sameSum compares in one's complement, where 0 and 0xffff are both zero.
func sameSum(a, b uint16) bool { return a%0xffff == b%0xffff }

func BenchmarkClampMSSOnData(b *testing.B) {
	pkt := ipv4(b, protoTCP, 1, append(tcp(0x10), make([]byte, 1360)...))
	for b.Loop() {
		ClampMSS(pkt, 1300)
	}
}
