package esp

import (
	"fmt"
	"testing"
)

func TestSealAndOpenDoNotAllocate(t *testing.T) {
	eachSuite(t, func(t *testing.T, sa SA) {
		o, in := ends(t, sa)
		buf, dst := framed(pattern(1400)), make([]byte, 1600)
		allocs := testing.AllocsPerRun(200, func() {
			pkt, err := o.Seal(buf, headroom, nextIPv4)
			if err != nil {
				t.Fatal(err)
			}
			if n, _, v := in.Open(dst, pkt); v != Good || n != 1400 {
				t.Fatal(v)
			}
		})
		if allocs != 0 {
			t.Errorf("%v allocations a packet", allocs)
		}
	})
}

var benchSizes = []int{64, 512, 1400}

// eachBench runs f for the suites that differ in speed, and sizes.
func eachBench(b *testing.B, f func(b *testing.B, sa SA, size int)) {
	for _, s := range Suites {
		if s.Name[:6] == "aes192" {
			continue
		}
		for _, size := range benchSizes {
			b.Run(fmt.Sprintf("%s/%d", s.Name, size), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				f(b, newSA(s, testSPI), size)
			})
		}
	}
}

// BenchmarkSeal is one packet at a time.
func BenchmarkSeal(b *testing.B) {
	eachBench(b, func(b *testing.B, sa SA, size int) {
		o, _ := ends(b, sa)
		buf := framed(ipv4(size))
		for b.Loop() {
			if _, err := o.Seal(buf, headroom, nextIPv4); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkSealBatch is a packet of a batch of 44, as one read of a TUN device gives.
func BenchmarkSealBatch(b *testing.B) {
	eachBench(b, func(b *testing.B, sa SA, size int) {
		o, _ := ends(b, sa)
		bufs, plain, out := make([][]byte, 44), ipv4(size), make([][]byte, 44)
		for i := range bufs {
			bufs[i] = framed(plain)
		}
		for i := 0; b.Loop(); i++ {
			if i%len(bufs) == 0 {
				for _, buf := range bufs {
					buf[headroom] = 0x45 // it was encrypted
				}
				if n, err := o.SealBatch(out, bufs, headroom); n != len(bufs) || err != nil {
					b.Fatal(n, err)
				}
			}
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	eachBench(b, func(b *testing.B, sa SA, size int) {
		o, in := ends(b, sa)
		pkt, dst := sealed(b, o, ipv4(size), nextIPv4), make([]byte, 1600)
		for b.Loop() {
			in.window = window{}
			if n, _, v := in.Open(dst, pkt); v != Good || n != size {
				b.Fatal(v)
			}
		}
	})
}
