package main

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// flow is datagrams from one machine to another, as fast as the tunnel takes them:
// so many are under way at a time, and more leave when some have arrived. Sent
// without that bound, they would only show how well a full queue drops. Both ends
// look for news at intervals, and take what the kernel has coalesced: they are to
// cost less than what is measured.
type flow struct {
	size    int  // of a payload, in bytes; it begins with the datagram's number
	grouped bool // the kernel gets a batch as one message to be cut (UDP_SEGMENT), as QUIC does

	sent, got atomic.Int64
	last      atomic.Int64 // number of the latest that came: what was sent before it is under way no more
}

const (
	udpHeaders = 28  // IPv4 and UDP, in bytes
	underWay   = 480 // a TUN device's queue holds 500
	batch      = 32  // datagrams a system call
	interval   = 50 * time.Microsecond
	giveUp     = 20 * time.Millisecond
)

// run sends for that long, and returns how many arrived and in what time.
func (f *flow) run(ctx context.Context, from *testlab.Machine, source string, to *testlab.Machine, target string, how time.Duration) (int64, time.Duration, error) {
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
	if f.grouped {
		if err := segment(out, f.size); err != nil {
			return 0, 0, err
		}
	}
	go f.receive(ipv4.NewPacketConn(in))
	ctx, cancel := context.WithTimeout(ctx, how)
	defer cancel()
	start := time.Now()
	err = f.send(ctx, ipv4.NewPacketConn(out))
	return f.got.Load(), time.Since(start), err
}

// send keeps datagrams under way until ctx ends. What the network refuses is lost.
func (f *flow) send(ctx context.Context, c *ipv4.PacketConn) error {
	messages, each := messagesOf(batch, f.size), int64(1)
	if f.grouped {
		messages, each = messagesOf(1, batch*f.size), batch
	}
	var last int64
	since := time.Now()
	for ctx.Err() == nil {
		if news := f.last.Load(); news != last {
			last, since = news, time.Now()
		}
		sent := f.sent.Load()
		if sent-last > underWay-batch {
			if time.Since(since) > giveUp {
				f.last.Store(sent)
			}
			pause()
			continue
		}
		f.number(messages, sent)
		n, err := c.WriteBatch(messages, 0)
		if err != nil {
			if !refused(err) {
				return err
			}
			n = 0
		}
		f.sent.Add(int64(n) * each)
	}
	return nil
}

// number writes into each datagram how many there are with it.
func (f *flow) number(messages []ipv4.Message, sent int64) {
	for _, m := range messages {
		for rest := m.Buffers[0]; len(rest) > 0; rest = rest[f.size:] {
			sent++
			binary.BigEndian.PutUint64(rest, uint64(sent))
		}
	}
}

// pause is shorter than time.Sleep can be.
func pause() { _ = unix.Nanosleep(&unix.Timespec{Nsec: interval.Nanoseconds()}, nil) }

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
	messages := messagesOf(batch, math.MaxUint16)
	for {
		n, err := c.ReadBatch(messages, 0)
		if err != nil {
			return
		}
		for _, m := range messages[:n] {
			f.count(m.Buffers[0][:m.N])
		}
		if n < batch {
			pause()
		}
	}
}

// count takes a message of datagrams that came together.
func (f *flow) count(message []byte) {
	n := len(message) / f.size
	if n == 0 {
		return
	}
	f.got.Add(int64(n))
	f.last.Store(int64(binary.BigEndian.Uint64(message[(n-1)*f.size:])))
}

func messagesOf(count, size int) []ipv4.Message {
	messages := make([]ipv4.Message, count)
	for i := range messages {
		messages[i].Buffers = [][]byte{make([]byte, size)}
	}
	return messages
}

// segment has the kernel cut what is sent into datagrams of that size.
func segment(c *net.UDPConn, size int) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	failed := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT, size) })
	return errors.Join(failed, err)
}

// listen opens a socket on a machine, with room for all that is under way, coalesced
// where the kernel has it so.
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
	raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_GRO, 1)
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20)
	})
	return c, err
}

func dial(m *testlab.Machine, source string, to *net.UDPAddr) (c *net.UDPConn, err error) {
	err = m.Do(func() error {
		c, err = net.DialUDP("udp4", &net.UDPAddr{IP: net.ParseIP(source)}, to)
		return err
	})
	return c, err
}
