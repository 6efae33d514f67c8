package esp

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/host/internal/packet"
)

const (
	testSPI  SPI = 0xc0ffee01
	headroom     = packet.Headroom
)

// eachSuite runs f for every suite, with and without extended sequence numbers.
func eachSuite(t *testing.T, f func(t *testing.T, sa SA)) {
	for _, s := range Suites {
		t.Run(s.Name, func(t *testing.T) { f(t, newSA(s, testSPI)) })
		t.Run(s.Name+"-esn", func(t *testing.T) {
			sa := newSA(s, testSPI)
			sa.ESN = true
			f(t, sa)
		})
	}
}

// newSA is an SA with keys that follow from spi.
func newSA(s *Suite, spi SPI) SA {
	random := rand.NewChaCha8([32]byte{byte(spi), byte(spi >> 8), byte(spi >> 16), byte(spi >> 24)})
	sa := SA{SPI: spi, Suite: s, Key: make([]byte, s.KeySize), AuthKey: make([]byte, s.AuthKeySize)}
	_, _ = random.Read(sa.Key)
	_, _ = random.Read(sa.AuthKey)
	return sa
}

// ends are both ends of sa.
func ends(t testing.TB, sa SA) (*Outbound, *Inbound) {
	t.Helper()
	o, err := sa.Outbound()
	if err != nil {
		t.Fatal(err)
	}
	in, err := sa.Inbound()
	if err != nil {
		t.Fatal(err)
	}
	return o, in
}

// framed is payload in a buffer with what a wire owns around it.
func framed(payload []byte) []byte {
	b := make([]byte, headroom+len(payload), headroom+len(payload)+packet.Tailroom)
	copy(b[headroom:], payload)
	return b
}

// sealed is a packet with payload.
func sealed(t testing.TB, o *Outbound, payload []byte, next byte) []byte {
	t.Helper()
	pkt, err := o.Seal(framed(payload), headroom, next)
	if err != nil {
		t.Fatal(err)
	}
	return pkt
}

// opened is what Open makes of pkt.
func opened(in *Inbound, pkt []byte) ([]byte, byte, Verdict) {
	dst := make([]byte, len(pkt))
	n, next, v := in.Open(dst, pkt)
	return dst[:n], next, v
}

// ipv4 is an IPv4 packet of size bytes, at least 20.
func ipv4(size int) []byte {
	b := pattern(size)
	b[0], b[9] = 0x45, 17
	binary.BigEndian.PutUint16(b[2:], uint16(size))
	return b
}

// ipv6 is an IPv6 packet of size bytes, at least 40.
func ipv6(size int) []byte {
	b := pattern(size)
	b[0] = 0x60
	binary.BigEndian.PutUint16(b[4:], uint16(size-40))
	return b
}

// pattern is size bytes that do not look alike.
func pattern(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func same(t testing.TB, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s:\n got %x\nwant %x", what, got, want)
	}
}
