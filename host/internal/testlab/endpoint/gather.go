package endpoint

import (
	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/internal/dataplane"
)

// A client that sends packets one by one would wake the gateway for each, and the
// gateway would then cost as much as the client. So it looks again only after a
// moment, as a network card does with its interrupts, and takes what has come
// meanwhile together. What comes to an idle gateway does not wait.

// moment is short beside a round trip under load; the kernel adds 50 us.
const moment = 50_000 // nanoseconds

func pause() {
	// time.Sleep would take a millisecond where the runtime polls the network.
	_ = unix.Nanosleep(&unix.Timespec{Nsec: moment}, nil)
}

// gatheredStream pauses after a Read that was small.
type gatheredStream struct {
	dataplane.Stream
	much bool
}

func (w *gatheredStream) Read(p []byte) (int, error) {
	if !w.much {
		pause()
	}
	n, err := w.Stream.Read(p)
	w.much = n > len(p)/4
	return n, err
}

// gatheredDatagrams pauses after a Recv that was small.
type gatheredDatagrams struct {
	dataplane.Datagram
	much bool
}

func (w *gatheredDatagrams) Recv(bufs [][]byte, sizes []int, offset int) (int, error) {
	if !w.much {
		pause()
	}
	n, err := w.Datagram.Recv(bufs, sizes, offset)
	w.much = n > len(bufs)/2
	return n, err
}
