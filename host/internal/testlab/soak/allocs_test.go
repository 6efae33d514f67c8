package main

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/esp"
	"github.com/penstock-vpn/penstock/host/internal/packet"
	"github.com/penstock-vpn/penstock/host/internal/transport"
	"github.com/penstock-vpn/penstock/host/internal/tun"
)

// reads is how often crypto/tls may read for a batch: it allocates 24 bytes each time.
const reads = batch / 2

// A packet's whole way, from the kernel's hands into those of the other end's kernel,
// allocates nothing: read, sealed, sent, received, opened, written.
func TestNothingIsAllocatedForAPacket(t *testing.T) {
	joins := map[string]func(context.Context, *pair) error{
		"tcp":  func(ctx context.Context, p *pair) error { return joinTCP(t, ctx, p) },
		"tls":  func(ctx context.Context, p *pair) error { return p.joinTLS(ctx) },
		"dtls": func(ctx context.Context, p *pair) error { return p.joinDTLS(ctx) },
	}
	for _, suite := range esp.Suites {
		joins["esp "+suite.Name] = func(_ context.Context, p *pair) error { return p.joinESP(&keys{suite: suite}) }
	}
	for name, join := range joins {
		t.Run(name, func(t *testing.T) {
			p := newPair()
			p.quiet()
			if err := join(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			for way, ends := range map[string][2]*tun.Channel{"there": {p.kernel[0], p.kernel[1]}, "back": {p.kernel[1], p.kernel[0]}} {
				carry := carrier(t, ends[0], ends[1])
				for range 20 { // buffers grow
					carry()
				}
				// A batch: less than one allocation is none, even of the runtime.
				if n := testing.AllocsPerRun(50, carry); n != 0 && !(name == "tls" && n <= reads) {
					t.Errorf("%s: %v allocations for %d packets", way, n, batch)
				}
			}
			if err := p.close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// joinTCP joins p by two connections to a program that joins them.
func joinTCP(t *testing.T, ctx context.Context, p *pair) error {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	defer l.Close()
	var near [2]*net.TCPConn
	for i, plane := range p.plane {
		s, err := transport.New(transport.Config{}).OpenTCP(ctx, "127.0.0.1", l.Addr().(*net.TCPAddr).Port)
		if err != nil {
			return err
		}
		if near[i], err = l.AcceptTCP(); err != nil {
			return err
		}
		t.Cleanup(func() { near[i].Close() })
		if err := plane.AddStream(path, s.Wire(nil), inStream, 1, 0, "tcp", 40); err != nil {
			return err
		}
	}
	for i := range near {
		go io.Copy(near[i], near[1-i]) // until one of them closes
	}
	return nil
}

// carrier returns a function that carries a batch from one kernel to the other.
func carrier(t *testing.T, from, to *tun.Channel) func() {
	vec := vector()
	bufs, sizes := packet.NewBuffers(to.BatchSize()), make([]int, to.BatchSize())
	return func() {
		if _, err := from.Write(vec, 0); err != nil {
			t.Fatal(err)
		}
		for got := 0; got < batch; {
			n, err := to.Read(bufs, sizes, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, size := range sizes[:n] {
				if size != inner {
					t.Fatalf("a packet of %d bytes came", size)
				}
			}
			got += n
		}
	}
}

// What is keyed anew loses nothing on the way.
func TestRekeyOfAPair(t *testing.T) {
	k, p := &keys{suite: esp.SuiteNamed(espSuite)}, newPair()
	p.quiet()
	if err := p.joinESP(k); err != nil {
		t.Fatal(err)
	}
	carry := carrier(t, p.kernel[0], p.kernel[1])
	over := make(chan time.Time)
	close(over) // no grace
	for range 10 {
		carry()
		if err := p.rekey(k, over); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.close(); err != nil {
		t.Error(err)
	}
}
