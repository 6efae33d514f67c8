package dtls

import (
	"net"
	"testing"

	pion "github.com/pion/dtls/v3"
)

func TestSealAndOpenDoNotAllocate(t *testing.T) {
	eachSuite(t, func(t *testing.T, s *Suite) {
		a, b := sessions(t, s)
		buf, dst := make([]byte, 1600), make([]byte, 1600)
		allocs := testing.AllocsPerRun(200, func() {
			d, err := a.Seal(buf[:1450:1600], 50)
			if err != nil {
				t.Fatal(err)
			}
			if n, _, _ := b.Open(dst, d[50-a.Front():]); n != 1400 {
				t.Fatal("not opened")
			}
		})
		if allocs != 0 {
			t.Errorf("%v allocations a record", allocs)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	for _, s := range suites[:3] {
		b.Run(s.Name, func(b *testing.B) {
			session, _ := sessions(b, s)
			buf := make([]byte, 1600)
			b.SetBytes(1400)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := session.Seal(buf[:1450:1600], 50); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, s := range suites[:3] {
		b.Run(s.Name, func(b *testing.B) {
			from, to := sessions(b, s)
			d, dst := sealed(b, from, make([]byte, 1400)), make([]byte, 1600)
			b.SetBytes(1400)
			b.ReportAllocs()
			for b.Loop() {
				to.window = window{}
				if n, _, _ := to.Open(dst, d); n != 1400 {
					b.Fatal("not opened")
				}
			}
		})
	}
}

// BenchmarkPionWrite is what this package's record layer replaces; it includes a
// write to a socket that drops.
func BenchmarkPionWrite(b *testing.B) {
	psk := pion.WithPSK(func([]byte) ([]byte, error) { return testPSK, nil })
	suite := pion.WithCipherSuites(pion.TLS_PSK_WITH_AES_128_GCM_SHA256)
	listener, err := pion.ListenWithOptions("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, psk, suite)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	go func() {
		if conn, err := listener.Accept(); err == nil {
			buf := make([]byte, 2048)
			for err == nil {
				_, err = conn.Read(buf)
			}
		}
	}()
	conn, err := pion.DialWithOptions("udp", listener.Addr().(*net.UDPAddr), psk, suite, pion.WithPSKIdentityHint([]byte("psk")))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	buf := make([]byte, 1400)
	b.SetBytes(1400)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := conn.Write(buf); err != nil {
			b.Fatal(err)
		}
	}
}
