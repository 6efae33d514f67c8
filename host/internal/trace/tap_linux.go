package trace

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const (
	maxAddresses = 16       // of gateways and proxies
	maxPacket    = 64 << 10 // of what the kernel sends or received in one piece
	tapBuffer    = 8 << 20  // bytes
	// keysFirst is how long packets wait when the file is to have the keys of TLS: a key
	// opens only what comes after it.
	keysFirst = 300 * time.Millisecond
	everyone  = 0x0300 // ETH_P_ALL in the network's byte order
)

// tap is a packet socket that sees what goes to and comes from some addresses.
type tap struct {
	r    *Recorder
	file *os.File
	raw  syscall.RawConn
	stop chan struct{}
	done chan struct{}

	mu        sync.Mutex
	addresses []netip.Addr
}

// newTap needs CAP_NET_RAW. It sees nothing yet.
func newTap(r *Recorder) (*tap, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("a packet socket needs the capability CAP_NET_RAW: %w", err)
	}
	t := &tap{r: r, file: os.NewFile(uintptr(fd), "packets"), stop: make(chan struct{}), done: make(chan struct{})}
	t.raw, err = t.file.SyscallConn()
	if err == nil {
		err = errors.Join(attach(fd, nil), unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
			unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: everyone}))
	}
	if err != nil {
		return nil, errors.Join(err, t.file.Close())
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, tapBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, tapBuffer)
	}
	go t.run()
	return t, nil
}

// Around has packets to and from an address recorded from now on: it is about to be
// connected to.
func (r *Recorder) Around(addr netip.Addr) {
	if r == nil || r.tap == nil {
		return
	}
	r.tap.add(addr.Unmap().WithZone(""))
}

func (t *tap) add(addr netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, known := range t.addresses {
		if known == addr {
			return
		}
	}
	if len(t.addresses) == maxAddresses { // names that move: the oldest is least likely to be used
		t.addresses = t.addresses[1:]
	}
	t.addresses = append(t.addresses, addr)
	var failed error
	err := t.raw.Control(func(fd uintptr) { failed = attach(int(fd), t.addresses) })
	if err = errors.Join(err, failed); err != nil {
		t.r.o.Warn(fmt.Sprintf("the packets of %v are not recorded: %v", addr, err))
	}
}

// run reads until the end.
func (t *tap) run() {
	defer close(t.done)
	buf, control := make([]byte, maxPacket), make([]byte, 128)
	for {
		var err error
		if failed := t.raw.Read(func(fd uintptr) bool {
			err = t.receive(int(fd), buf, control)
			return !errors.Is(err, unix.EAGAIN)
		}); failed != nil {
			break
		}
	}
	_ = t.raw.Control(func(fd uintptr) { // what has come before the end
		for t.receive(int(fd), buf, control) == nil {
		}
		t.lost(int(fd))
	})
	_ = t.file.Close()
}

// receive takes one packet. ENETDOWN, of a device that went down, comes between two.
func (t *tap) receive(fd int, buf, control []byte) error {
	n, controls, _, from, err := unix.Recvmsg(fd, buf, control, 0)
	if errors.Is(err, unix.ENETDOWN) || errors.Is(err, unix.EINTR) {
		return nil
	}
	if err != nil {
		return err
	}
	link, ok := from.(*unix.SockaddrLinklayer)
	if !ok || !ours(link) {
		return nil
	}
	at := stamp(control[:controls])
	if t.r.o.Secrets {
		t.wait(keysFirst - time.Since(at))
	}
	data := append([]byte(nil), buf[:n]...)
	if !t.r.o.Secrets {
		t.r.hidden.clean(data)
	}
	t.r.put(record{from: Outer, at: at, flags: direction(link.Pkttype == unix.PACKET_OUTGOING), data: data})
	if t.r.count[Outer].received.Load()%1024 == 0 {
		t.lost(fd)
	}
	return nil
}

// ours leaves out what is others', and one of two copies that a loopback shows.
func ours(link *unix.SockaddrLinklayer) bool {
	switch link.Pkttype {
	case unix.PACKET_HOST:
		return true
	case unix.PACKET_OUTGOING:
		return link.Hatype != unix.ARPHRD_LOOPBACK
	}
	return false
}

// stamp is when the kernel saw a packet.
func stamp(control []byte) time.Time {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return time.Now()
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS && len(m.Data) >= 16 {
			return time.Unix(int64(order.Uint64(m.Data)), int64(order.Uint64(m.Data[8:])))
		}
	}
	return time.Now()
}

func (t *tap) wait(d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-time.After(d):
	case <-t.stop:
	}
}

// lost counts what the kernel had no room for; asking begins its count anew.
func (t *tap) lost(fd int) {
	if s, err := unix.GetsockoptTpacketStats(fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
		t.r.count[Outer].received.Add(uint64(s.Drops))
		t.r.count[Outer].dropped.Add(uint64(s.Drops))
	}
}

func (t *tap) close() {
	if t == nil {
		return
	}
	close(t.stop)
	_ = t.file.SetReadDeadline(time.Unix(1, 0))
	<-t.done
}

// KeyLog takes the keys of TLS; nil: they are not wanted.
func (r *Recorder) KeyLog() io.Writer {
	if r == nil || !r.o.Secrets {
		return nil
	}
	return keyLog{r}
}

// attach lets packets of addresses alone through, and of ICMP what speaks of one to them.
func attach(fd int, addresses []netip.Addr) error {
	raw, err := bpf.Assemble(filter(addresses))
	if err != nil {
		return err
	}
	program := make([]unix.SockFilter, len(raw))
	for i, in := range raw {
		program[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
}
