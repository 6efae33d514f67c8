package tun

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
)

const (
	channelDepth = 256 // packets between the two ends
	channelBatch = 32  // packets a Read
)

// Channel is one end of a pair for tests: what is written to one end is read from
// the other. It needs no rights, blocks when the other end does not read, and does
// not allocate once packets flow.
type Channel struct {
	name    string
	in, out chan []byte // packets
	inFree  chan []byte // buffers back to the other end
	outFree chan []byte
	mtu     atomic.Int64
	done    chan struct{}
	close   func()
}

// NewChannel returns two ends that are closed each by itself.
func NewChannel(name string, mtu int) (host, kernel *Channel) {
	a, b := make(chan []byte, channelDepth), make(chan []byte, channelDepth)
	aFree, bFree := make(chan []byte, channelDepth+channelBatch), make(chan []byte, channelDepth+channelBatch)
	end := func(in, inFree, out, outFree chan []byte) *Channel {
		c := &Channel{name: name, in: in, out: out, inFree: inFree, outFree: outFree, done: make(chan struct{})}
		c.mtu.Store(int64(mtu))
		c.close = sync.OnceFunc(func() { close(c.done) })
		return c
	}
	return end(a, aFree, b, bFree), end(b, bFree, a, aFree)
}

// Read returns what the other end wrote; see Device.
func (c *Channel) Read(bufs [][]byte, sizes []int, offset int) (int, error) {
	select {
	case <-c.done:
		return 0, os.ErrClosed
	case p := <-c.in:
		sizes[0] = c.take(bufs[0][offset:], p)
	}
	for n := 1; n < len(bufs); n++ {
		select {
		case p := <-c.in:
			sizes[n] = c.take(bufs[n][offset:], p)
		default:
			return n, nil
		}
	}
	return len(bufs), nil
}

func (c *Channel) take(to, p []byte) int {
	n := copy(to, p)
	select {
	case c.inFree <- p:
	default:
	}
	return n
}

// Write hands packets to the other end; see Device.
func (c *Channel) Write(bufs [][]byte, offset int) (int, error) {
	select {
	case <-c.done:
		return 0, os.ErrClosed
	default:
	}
	for i, b := range bufs {
		p := append(c.buffer(), b[offset:]...)
		select {
		case <-c.done:
			return i, os.ErrClosed
		case c.out <- p:
		}
	}
	return len(bufs), nil
}

func (c *Channel) buffer() []byte {
	select {
	case p := <-c.outFree:
		return p[:0]
	default:
		return nil
	}
}

// BatchSize is the number of bufs that Read wants.
func (c *Channel) BatchSize() int { return channelBatch }

// Name is what NewChannel was told.
func (c *Channel) Name() string { return c.name }

// SetMTU notes the MTU, for MTU.
func (c *Channel) SetMTU(mtu int) error {
	if mtu < 68 || mtu > 65535 {
		return fmt.Errorf("tun: set MTU %d on %s: out of range", mtu, c.name)
	}
	c.mtu.Store(int64(mtu))
	return nil
}

// MTU is what SetMTU was told last.
func (c *Channel) MTU() int { return int(c.mtu.Load()) }

// Close ends this end: its blocked Read and Write return os.ErrClosed.
func (c *Channel) Close() error {
	c.close()
	return nil
}
