package tun

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/packet"
)

// Two namespaces, a device in each, and this process in between:
//
//	[ns a: TCP client] -- tun a ==(copy)== tun b -- [ns b: TCP server]
//
// A megabyte passes unharmed; with offload it leaves a in large packets, is cut,
// merged again and enters b in large ones.
func TestTCPPassesBothBackends(t *testing.T) {
	for name, open := range openers {
		t.Run(name, func(t *testing.T) {
			a, b := newNamespace(t), newNamespace(t)
			devA, devB := a.device(t, open, "tcp0", 1400), b.device(t, open, "tcp0", 1400)
			a.run(t, "ip", "addr", "add", "10.9.7.1/24", "dev", "tcp0")
			b.run(t, "ip", "addr", "add", "10.9.7.2/24", "dev", "tcp0")
			batches := make(chan int, 1<<16)
			go forward(devA, devB, batches)
			go forward(devB, devA, nil)

			sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
			got := transfer(t, a, b, sent)
			if !bytes.Equal(got, sent) {
				t.Fatalf("%d of %d bytes, or others", len(got), len(sent))
			}
			if largest := largestOf(batches); devA.BatchSize() > 1 && largest < 2 {
				t.Errorf("the largest batch had %d packets: no offload", largest)
			}
		})
	}
}

func forward(from, to Device, batches chan<- int) {
	bufs, sizes := packet.NewBuffers(from.BatchSize()), make([]int, from.BatchSize())
	vec := make([][]byte, from.BatchSize())
	for {
		n, err := from.Read(bufs, sizes, packet.Headroom)
		if err != nil {
			return
		}
		for i := range n {
			vec[i] = bufs[i][:packet.Headroom+sizes[i]]
		}
		select {
		case batches <- n:
		default:
		}
		if _, err := to.Write(vec[:n], packet.Headroom); isClosed(err) {
			return
		}
	}
}

func largestOf(batches chan int) (largest int) {
	for len(batches) > 0 {
		largest = max(largest, <-batches)
	}
	return largest
}

func transfer(t *testing.T, a, b *namespace, data []byte) []byte {
	t.Helper()
	var l *net.TCPListener
	b.do(t, func() (err error) {
		l, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.MustParseAddrPort("10.9.7.2:80")))
		return err
	})
	defer func() { _ = l.Close() }()
	go func() {
		a.calls <- func() {
			d := net.Dialer{Timeout: 20 * time.Second}
			c, err := d.Dial("tcp", "10.9.7.2:80")
			if err != nil {
				t.Error(err)
				_ = l.Close()
				return
			}
			go func() {
				if _, err := c.Write(data); err != nil {
					t.Error(err)
				}
				_ = c.Close()
			}()
		}
	}()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(60 * time.Second)); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return got
}
