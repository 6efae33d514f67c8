package transport

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
)

// maxDatagram is the largest UDP payload there is, in bytes.
const maxDatagram = 65535

// packetPump moves datagrams between the plugin's socketpair and the network. An
// empty datagram cannot pass: in a socketpair it would mean end of file.
type packetPump struct {
	*Packets
	pair *net.UnixConn

	upDone, downDone chan struct{}
}

func startPacketPump(packets *Packets, pair *net.UnixConn) *packetPump {
	p := &packetPump{Packets: packets, pair: pair, upDone: make(chan struct{}), downDone: make(chan struct{})}
	go p.run(p.upDone, p.pair, p.conn)
	go p.run(p.downDone, p.conn, p.pair)
	return p
}

// run copies datagrams until from ends or to is closed.
func (p *packetPump) run(done chan<- struct{}, from, to net.Conn) {
	defer close(done)
	buf := make([]byte, maxDatagram)
	for {
		n, err := from.Read(buf)
		datagram := buf[:n]
		if from == net.Conn(p.conn) {
			datagram = p.payload(datagram)
		}
		if len(datagram) > 0 {
			_, err = to.Write(datagram)
			if errors.Is(err, syscall.EMSGSIZE) && to == net.Conn(p.conn) {
				err = sendFragmented(p.conn, datagram)
			}
		} else if err == nil && from == net.Conn(p.pair) {
			return // end of file of a SEQPACKET socket
		}
		if err != nil && !passing(err) {
			return
		}
	}
}

// passing says whether err costs one datagram and not the socket.
func passing(err error) bool {
	for _, e := range []error{
		syscall.ECONNREFUSED, syscall.EMSGSIZE, syscall.ENETUNREACH, syscall.EHOSTUNREACH,
		syscall.ENETDOWN, syscall.EHOSTDOWN, syscall.EPERM, syscall.ENOBUFS,
		syscall.ENOPROTOOPT, syscall.EPROTO, // of a raw socket: the other side knows no such protocol, or header
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// drain is pump.drain for datagrams: one that arrives in between may be lost.
func (p *packetPump) drain(ctx context.Context) error {
	select {
	case <-p.upDone:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	_ = p.conn.SetReadDeadline(past)
	_ = p.pair.SetWriteDeadline(past)
	<-p.downDone
	_ = p.pair.Close()
	err := p.conn.SetReadDeadline(noDeadline)
	if errors.Is(err, os.ErrClosed) {
		return net.ErrClosed
	}
	return err
}
