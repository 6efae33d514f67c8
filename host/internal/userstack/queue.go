package userstack

import (
	"sync"

	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

const (
	// queueBytes is what may wait for the tunnel before streams wait too: some packets of
	// the largest size, so that the one that reads always finds more, and few enough that
	// a packet behind them is not late.
	queueBytes = 256 << 10
	// queuePackets is how many may wait before those that do not wait are lost.
	queuePackets = 4096
)

// queue is packets on their way out. What carries a stream's data waits for room, and
// its sender with it, as a program waits for a socket: nothing is lost for being fast.
// The rest, acknowledgements and datagrams, is taken until there is too much of it: what
// comes in may be answered on the goroutine that brought it, and that must never wait for
// what goes out. When nobody reads, as while the tunnel reconnects, streams stand still.
type queue struct {
	mu      sync.Mutex
	some    sync.Cond // there is a packet, or the end
	room    sync.Cond
	first   int // of packets
	packets []*stack.PacketBuffer
	bytes   int
	closed  bool
}

func newQueue() *queue {
	q := &queue{}
	q.some.L, q.room.L = &q.mu, &q.mu
	return q
}

// put takes a packet, and is false when it is lost.
func (q *queue) put(pkt *stack.PacketBuffer) bool {
	waits := pkt.TransportProtocolNumber == header.TCPProtocolNumber && pkt.Data().Size() > 0
	q.mu.Lock()
	defer q.mu.Unlock()
	for waits && q.bytes >= queueBytes && !q.closed {
		q.room.Wait()
	}
	if q.closed || !waits && len(q.packets)-q.first >= queuePackets {
		return false
	}
	q.packets = append(q.packets, pkt.IncRef())
	q.bytes += pkt.Size()
	q.some.Signal()
	return true
}

// take returns the next packet, which the caller lets go. With wait it returns nil at the
// end alone.
func (q *queue) take(wait bool) *stack.PacketBuffer {
	q.mu.Lock()
	defer q.mu.Unlock()
	for wait && q.first == len(q.packets) && !q.closed {
		q.some.Wait()
	}
	if q.first == len(q.packets) || q.closed {
		return nil
	}
	pkt := q.packets[q.first]
	q.packets[q.first] = nil
	if q.first++; q.first == len(q.packets) {
		q.first, q.packets = 0, q.packets[:0]
	} else if q.first == queuePackets {
		q.packets = append(q.packets[:0], q.packets[q.first:]...)
		q.first = 0
	}
	q.bytes -= pkt.Size()
	if q.bytes < queueBytes {
		q.room.Signal()
	}
	return pkt
}

// close ends every wait and lets go of what is there.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for _, pkt := range q.packets[q.first:] {
		pkt.DecRef()
	}
	q.packets, q.first, q.bytes = nil, 0, 0
	q.some.Broadcast()
	q.room.Broadcast()
}
