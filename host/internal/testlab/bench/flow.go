package main

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// flow is datagrams from one machine to another, as fast as the tunnel takes them:
// so many are under way at a time, and a new one leaves when one arrives. Sent
// without that bound, they would only show how well a full queue drops.
type flow struct {
	size int // of a payload, in bytes

	sent, got, lost atomic.Int64
	came            chan struct{} // something arrived
}

const (
	udpHeaders = 28  // IPv4 and UDP, in bytes
	underWay   = 256 // half of a TUN device's queue
	batch      = 32  // datagrams a system call
	giveUp     = 20 * time.Millisecond
)

// run sends for that long, and returns how many arrived and in what time.
func (f *flow) run(ctx context.Context, from *testlab.Machine, source string, to *testlab.Machine, target string, how time.Duration) (int64, time.Duration, error) {
	f.came = make(chan struct{}, 1)
	in, err := listen(to, target)
	if err != nil {
		return 0, 0, err
	}
	defer in.Close()
	out, err := dial(from, source, in.LocalAddr().(*net.UDPAddr))
	if err != nil {
		return 0, 0, err
	}
	defer out.Close()
	go f.receive(ipv4.NewPacketConn(in))
	ctx, cancel := context.WithTimeout(ctx, how)
	defer cancel()
	start := time.Now()
	err = f.send(ctx, ipv4.NewPacketConn(out))
	return f.got.Load(), time.Since(start), err
}

// send keeps datagrams under way until ctx ends. What the network refuses is lost.
func (f *flow) send(ctx context.Context, c *ipv4.PacketConn) error {
	timer := time.NewTimer(giveUp)
	defer timer.Stop()
	messages := batchOf(f.size)
	for ctx.Err() == nil {
		if f.sent.Load()-f.got.Load()-f.lost.Load() > underWay-batch {
			timer.Reset(giveUp)
			select {
			case <-f.came:
			case <-timer.C:
				f.lost.Store(f.sent.Load() - f.got.Load())
			}
			continue
		}
		n, err := c.WriteBatch(messages, 0)
		if err != nil {
			if !refused(err) {
				return err
			}
			n = 0
		}
		f.sent.Add(int64(n))
	}
	return nil
}

// refused says that the network, not the socket, is behind err.
func refused(err error) bool {
	for _, e := range []syscall.Errno{unix.ECONNREFUSED, unix.ENOBUFS, unix.ENETUNREACH, unix.EHOSTUNREACH, unix.EPERM} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// receive counts until the socket is closed.
func (f *flow) receive(c *ipv4.PacketConn) {
	messages := batchOf(f.size)
	for {
		n, err := c.ReadBatch(messages, 0)
		if err != nil {
			return
		}
		f.got.Add(int64(n))
		select {
		case f.came <- struct{}{}:
		default:
		}
	}
}

func batchOf(size int) []ipv4.Message {
	messages := make([]ipv4.Message, batch)
	for i := range messages {
		messages[i].Buffers = [][]byte{make([]byte, size)}
	}
	return messages
}

// listen opens a socket on a machine, with room for all that is under way.
func listen(m *testlab.Machine, address string) (c *net.UDPConn, err error) {
	err = m.Do(func() error {
		c, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(address)})
		return err
	})
	if err != nil {
		return nil, err
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20) })
	return c, err
}

func dial(m *testlab.Machine, source string, to *net.UDPAddr) (c *net.UDPConn, err error) {
	err = m.Do(func() error {
		c, err = net.DialUDP("udp4", &net.UDPAddr{IP: net.ParseIP(source)}, to)
		return err
	})
	return c, err
}
