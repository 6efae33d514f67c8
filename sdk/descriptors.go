package sdk

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// descriptors receives transports' plaintext ends from the host. Each message of
// the SEQPACKET socket is a transport's number, four bytes big-endian, with exactly
// one descriptor. They outlive a session, because the process may serve a next one:
// numbers are never used twice.
type descriptors struct {
	socket *net.UnixConn // nil: the host gave none
	gone   chan struct{} // closed when the socket has ended

	mu      sync.Mutex
	last    uint32                        // the highest number used
	waiting map[uint32]chan *net.UnixConn // transports whose descriptor may come, capacity 1
}

var errNoDescriptors = errors.New("the host gave no descriptor socket: is " + EnvFD + " set?")

func newDescriptors(socket *net.UnixConn) *descriptors {
	d := &descriptors{socket: socket, gone: make(chan struct{}), waiting: map[uint32]chan *net.UnixConn{}}
	if socket != nil {
		go d.run()
	}
	return d
}

// skip makes numbers up to id count as used.
func (d *descriptors) skip(id uint32) {
	d.mu.Lock()
	d.last = max(d.last, id)
	d.mu.Unlock()
}

// expect returns an unused number; a descriptor may come for it until forget.
func (d *descriptors) expect(descriptor bool) (uint32, error) {
	if descriptor && d.socket == nil {
		return 0, errNoDescriptors
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last++
	if descriptor {
		d.waiting[d.last] = make(chan *net.UnixConn, 1)
	}
	return d.last, nil
}

// take waits for the descriptor of a number that is expected.
func (d *descriptors) take(ctx, session context.Context, id uint32) (*net.UnixConn, error) {
	d.mu.Lock()
	arrival := d.waiting[id]
	d.mu.Unlock()
	select {
	case c := <-arrival:
		return c, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-session.Done():
		return nil, context.Cause(session)
	case <-d.gone:
		return nil, errHostGone
	}
}

// forget closes the descriptor that nobody took, now or when it comes.
func (d *descriptors) forget(id uint32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case c := <-d.waiting[id]:
		_ = c.Close()
	default:
	}
	delete(d.waiting, id)
}

// run receives until the host closes the socket or breaks the contract.
func (d *descriptors) run() {
	defer close(d.gone)
	defer d.socket.Close()
	for {
		id, c, err := receiveDescriptor(d.socket)
		if err != nil {
			return
		}
		d.deliver(id, c)
	}
}

func (d *descriptors) deliver(id uint32, c *net.UnixConn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case d.waiting[id] <- c:
	default: // nobody expects it, or it came twice
		_ = c.Close()
	}
}

// receiveDescriptor reads one message; Go receives descriptors close-on-exec.
func receiveDescriptor(socket *net.UnixConn) (uint32, *net.UnixConn, error) {
	number, control := make([]byte, 5), make([]byte, unix.CmsgSpace(4*4))
	n, oobn, flags, _, err := socket.ReadMsgUnix(number, control)
	if err != nil {
		return 0, nil, err
	}
	files := filesIn(control[:oobn])
	if n != 4 || len(files) != 1 || flags&(unix.MSG_CTRUNC|unix.MSG_TRUNC) != 0 {
		for _, f := range files {
			_ = f.Close()
		}
		return 0, nil, fmt.Errorf("a message of %d bytes with %d descriptors", n, len(files))
	}
	defer files[0].Close()
	c, err := net.FileConn(files[0])
	if err != nil {
		return 0, nil, err
	}
	stream, ok := c.(*net.UnixConn)
	if !ok {
		_ = c.Close()
		return 0, nil, fmt.Errorf("descriptor is a %T, want a unix socket", c)
	}
	return binary.BigEndian.Uint32(number), stream, nil
}

func filesIn(control []byte) []*os.File {
	var files []*os.File
	messages, _ := unix.ParseSocketControlMessage(control)
	for i := range messages {
		fds, _ := unix.ParseUnixRights(&messages[i])
		for _, fd := range fds {
			syscall.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "transport"))
		}
	}
	return files
}
