package packet

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/framing"
)

func TestBuffersHoldTheLongestPacketAndItsEnvelope(t *testing.T) {
	const dtlsRecord, nonce, vnetHeader = 13, 16, 10
	if Headroom < framing.MaxHeader+dtlsRecord+nonce || Headroom < vnetHeader {
		t.Fatalf("Headroom %d is too small", Headroom)
	}
	bufs := NewBuffers(3)
	for i, b := range bufs {
		if len(b) < Headroom+MaxSize+Tailroom || cap(b) != len(b) {
			t.Fatalf("buffer %d: len %d cap %d", i, len(b), cap(b))
		}
		for j := range b {
			b[j] = byte(i)
		}
	}
	for i, b := range bufs {
		if bytes.Count(b, []byte{byte(i)}) != len(b) {
			t.Errorf("buffer %d overlaps another", i)
		}
	}
}

func TestLen(t *testing.T) {
	v4 := ipv4(t, protoTCP, 10, make([]byte, 20))
	v6 := ipv6(t, protoTCP, make([]byte, 20))
	short := bytes.Clone(v4)
	binary.BigEndian.PutUint16(short[2:], 19)
	options := bytes.Clone(v4)
	options[0] = 0x4f // 60 bytes of header in a packet of 40
	cases := map[string]struct {
		pkt  []byte
		want int
	}{
		"empty":                   {nil, 0},
		"ipv4":                    {v4, 40},
		"ipv4 padded":             {append(bytes.Clone(v4), 0, 0), 40},
		"ipv4 cut":                {v4[:39], 0},
		"ipv4 header cut":         {v4[:19], 0},
		"ipv4 total below header": {short, 0},
		"ipv4 options lie":        {options, 0},
		"ipv6":                    {v6, 60},
		"ipv6 cut":                {v6[:59], 0},
		"ipv6 header cut":         {v6[:39], 0},
		"ethernet":                {[]byte("\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x08\x00EEEEEEEEEE"), 0},
	}
	for name, c := range cases {
		if got := Len(c.pkt); got != c.want {
			t.Errorf("%s: Len = %d, want %d", name, got, c.want)
		}
	}
	if Version(v4) != 4 || Version(v6) != 6 || Version([]byte{0x50}) != 0 || Version(nil) != 0 {
		t.Error("Version is wrong")
	}
}

func TestChecksumMatchesTheNaiveSum(t *testing.T) {
	b, ones := make([]byte, 261), bytes.Repeat([]byte{0xff}, 261)
	for i := range b {
		b[i] = byte(255 - i*7)
	}
	for n := range b {
		for _, b := range [][]byte{b[:n], ones[:n]} {
			if got, want := Checksum(Sum(b, 0)), naive(b); got != want {
				t.Errorf("%d bytes: %04x, want %04x", n, got, want)
			}
		}
	}
	// The example of RFC 1071 section 3.
	if got := Checksum(Sum([]byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}, 0)); got != ^uint16(0xddf2) {
		t.Errorf("RFC 1071 example: %04x", got)
	}
}

func naive(b []byte) uint16 {
	var sum uint32
	for i := range b {
		sum += uint32(b[i]) << (8 * (1 - i%2))
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum&0xffff + sum>>16)
}

// ipv4 wraps payload in a 20-byte header with the given identification.
func ipv4(t testing.TB, proto uint8, id uint16, payload []byte) []byte {
	t.Helper()
	b := append(make([]byte, ipv4Header), payload...)
	b[0], b[8], b[9] = 0x45, 64, proto
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	binary.BigEndian.PutUint16(b[4:], id)
	copy(b[12:], []byte{10, 0, 0, 1, 10, 0, 0, 2})
	binary.BigEndian.PutUint16(b[10:], Checksum(Sum(b[:ipv4Header], 0)))
	return b
}

// ipv6 wraps payload, which begins with what next announces.
func ipv6(t testing.TB, next uint8, payload []byte) []byte {
	t.Helper()
	b := append(make([]byte, ipv6Header), payload...)
	b[0], b[6], b[7] = 0x60, next, 64
	binary.BigEndian.PutUint16(b[4:], uint16(len(payload)))
	b[8], b[23], b[24], b[39] = 0xfd, 1, 0xfd, 2
	return b
}
