package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// chunks are what bytes pass through.
var chunks = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// halfOpen is how long one way may go on when the other has ended: the client may be gone
// altogether, which shows when something is sent to it, and not before.
const halfOpen = time.Hour

// relay carries bytes both ways until both have ended, or one has failed, and closes both
// connections.
func (s *Server) relay(client, remote net.Conn) {
	end := func() {
		_ = client.Close()
		_ = remote.Close()
	}
	stop := context.AfterFunc(s.ctx, end)
	defer stop()
	defer end()
	var up sync.WaitGroup
	up.Go(func() { oneWay(remote, client, end) })
	oneWay(client, remote, end)
	up.Wait()
}

// oneWay copies to the end, and passes it on; a failure ends both ways.
func oneWay(to, from net.Conn, end func()) {
	chunk := chunks.Get().(*[64 << 10]byte)
	defer chunks.Put(chunk)
	for {
		n, err := from.Read(chunk[:])
		if n > 0 {
			if _, failed := to.Write(chunk[:n]); failed != nil {
				end()
				return
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) || closeWrite(to) != nil {
				end()
			}
			_ = to.SetReadDeadline(time.Now().Add(halfOpen))
			return
		}
	}
}

// closeWrite ends what is sent on c.
func closeWrite(c net.Conn) error {
	if h, ok := c.(interface{ CloseWrite() error }); ok {
		return h.CloseWrite()
	}
	return errors.New("it cannot be closed by half")
}

// addrPort is a as netip has it; the zero value when it is something else.
func addrPort(a net.Addr) netip.AddrPort {
	if p, ok := a.(interface{ AddrPort() netip.AddrPort }); ok {
		return p.AddrPort()
	}
	return netip.AddrPort{}
}
