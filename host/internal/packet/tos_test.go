package packet

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// Figure 4 of RFC 6040, written as there: a row an inner codepoint, in the order
// Not-ECT, ECT(0), ECT(1), CE of the outer one.
func TestFigure4(t *testing.T) {
	order := []ECN{NotECT, ECT0, ECT1, CE}
	const drop = ECN(99)
	for inner, row := range map[ECN][4]ECN{
		NotECT: {NotECT, NotECT, NotECT, drop},
		ECT0:   {ECT0, ECT0, ECT1, CE},
		ECT1:   {ECT1, ECT1, ECT1, CE},
		CE:     {CE, CE, CE, CE},
	} {
		for i, want := range row {
			got, ok := CombineECN(inner, order[i])
			if ok != (want != drop) || ok && got != want {
				t.Errorf("inner %d, outer %d: %d, %v", inner, order[i], got, ok)
			}
		}
	}
}

// eachPacket calls f with packets of both families, each with this octet.
func eachPacket(t *testing.T, tos byte, f func(p []byte)) {
	t.Helper()
	random := rand.New(rand.NewPCG(uint64(tos), 1))
	v4 := ipv4(t, protoTCP, uint16(random.Uint32()), make([]byte, 20))
	v4[1], v4[10], v4[11] = tos, 0, 0
	sum := Checksum(Sum(v4[:ipv4Header], 0))
	v4[10], v4[11] = byte(sum>>8), byte(sum)
	v6 := ipv6(t, protoTCP, make([]byte, 20))
	v6[0], v6[1], v6[2], v6[3] = 0x60|tos>>4, tos<<4|0x0a, 0xbc, 0xde // a flow label
	for _, p := range [][]byte{v4, v6} {
		if TOS(p) != tos {
			t.Fatalf("TOS of % x is %#x", p, TOS(p))
		}
		f(p)
	}
}

func valid(p []byte) bool { return Version(p) == 6 || Checksum(Sum(p[:ipv4Header], 0)) == 0 }

// Whatever it was, the octet becomes what it should, and nothing else of the packet
// changes but a checksum, which stays right, or as wrong as it was.
func TestSetTOS(t *testing.T) {
	for old := range 256 {
		eachPacket(t, byte(old), func(p []byte) {
			for tos := range 256 {
				changed := bytes.Clone(p)
				SetTOS(changed, byte(tos))
				if TOS(changed) != byte(tos) || !valid(changed) {
					t.Fatalf("%#x to %#x: % x", old, tos, changed)
				}
				SetTOS(changed, byte(old))
				if !bytes.Equal(changed, p) {
					t.Fatalf("%#x to %#x and back: % x, was % x", old, tos, changed, p)
				}
				if Version(p) == 4 {
					changed[10] ^= 0x40
					if SetTOS(changed, byte(tos)); valid(changed) {
						t.Fatalf("%#x to %#x: a wrong checksum is right", old, tos)
					}
				}
			}
		})
	}
	if TOS(nil) != 0 || TOS([]byte{0x45}) != 0 || TOS([]byte{0x55, 7}) != 0 {
		t.Error("what is no packet has an octet")
	}
}

// The sums at which one's complement has two zeros (RFC 1624 section 3).
func TestSetTOSAtTheTwoZeros(t *testing.T) {
	p := ipv4(t, protoTCP, 0, nil)
	for id := range 1 << 16 {
		p[1], p[4], p[5], p[10], p[11] = 0, byte(id>>8), byte(id), 0, 0
		sum := Checksum(Sum(p, 0))
		p[10], p[11] = byte(sum>>8), byte(sum)
		if SetTOS(p, 0xff); !valid(p) {
			t.Fatalf("with the identification %#x the checksum is wrong", id)
		}
	}
}

func TestOuter(t *testing.T) {
	for name, c := range map[string]struct {
		m    Marking
		want byte
	}{
		"compatibility mode":   {Marking{}, 0},
		"normal mode":          {Marking{Normal: true}, 0x02},
		"DSCP":                 {Marking{PassDSCP: true}, 0xb8},
		"DSCP and normal mode": {Marking{Normal: true, PassDSCP: true}, 0xba},
	} {
		eachPacket(t, 0xba, func(p []byte) {
			if got := c.m.Outer(p); got != c.want {
				t.Errorf("%s: %#x, want %#x", name, got, c.want)
			}
		})
	}
}

// A packet that goes through a tunnel in normal mode, marked on the way or not, leaves
// it as it would have left the way without a tunnel; its DSCP is its own.
func TestThroughATunnel(t *testing.T) {
	for tos := range 256 {
		for _, congested := range []bool{false, true} {
			eachPacket(t, byte(tos), func(p []byte) {
				want := bytes.Clone(p)
				outer := Marking{Normal: true, PassDSCP: true}.Outer(p)
				if congested && ECN(tos&3) == NotECT {
					return // a router drops it
				}
				if congested {
					outer |= byte(CE)
					SetTOS(want, byte(tos)|byte(CE))
				}
				outer = outer&ecnBits | 0x28 // remarked
				if ok := Decapsulate(p, outer); !ok || !bytes.Equal(p, want) {
					t.Errorf("%#x, congested %v: %v, % x, want % x", tos, congested, ok, p, want)
				}
			})
		}
	}
	eachPacket(t, 0xb8, func(p []byte) {
		if Decapsulate(p, byte(CE)) {
			t.Error("a mark on what understands none is passed over")
		}
	})
}

func TestMarkingDoesNotAllocate(t *testing.T) {
	p := ipv4(t, protoTCP, 1, make([]byte, 20))
	p[1] = byte(ECT0)
	if n := testing.AllocsPerRun(100, func() {
		_ = Decapsulate(p, Marking{Normal: true}.Outer(p)|byte(CE))
		SetTOS(p, byte(ECT0))
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
