package userstack

import (
	"testing"
	"testing/synctest"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

func packetOf(p tcpip.TransportProtocolNumber, size int) *stack.PacketBuffer {
	pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(make([]byte, size))})
	pkt.TransportProtocolNumber = p
	return pkt
}

// What does not wait is lost when there is too much of it.
func TestQueueIsBounded(t *testing.T) {
	q := newQueue()
	for i := range queuePackets + 10 {
		if took := q.put(packetOf(header.UDPProtocolNumber, 100)); took != (i < queuePackets) {
			t.Fatalf("packet %d: taken %t", i, took)
		}
	}
	for range queuePackets {
		if q.take(true) == nil {
			t.Fatal("one is missing")
		}
	}
	if q.take(false) != nil || q.bytes != 0 {
		t.Errorf("%d bytes are left", q.bytes)
	}
	q.close()
	if q.put(packetOf(header.UDPProtocolNumber, 100)) || q.take(true) != nil {
		t.Error("it is not closed")
	}
}

// A stream waits for room, its acknowledgements do not, and the end ends the wait.
func TestStreamsWaitForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, put := newQueue(), 0
		ended := make(chan int)
		go func() {
			for q.put(packetOf(header.TCPProtocolNumber, 50<<10)) {
				put++
			}
			ended <- put
		}()
		synctest.Wait()
		full := put
		if full == 0 || full*50<<10 < queueBytes || (full-1)*50<<10 >= queueBytes {
			t.Errorf("%d packets fit", full)
		}
		if !q.put(packetOf(header.TCPProtocolNumber, 0)) {
			t.Error("an acknowledgement is lost")
		}
		q.take(true).DecRef()
		synctest.Wait()
		if put != full+1 {
			t.Errorf("%d packets after one has left, %d before", put, full)
		}
		q.close()
		if got := <-ended; got != full+1 {
			t.Errorf("%d packets after the end", got)
		}
	})
}
