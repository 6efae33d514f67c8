package dtls

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

const (
	firstWait = time.Second // for an answer, then twice as long each time (RFC 6347 section 4.2.4.1)
	lastWait  = 60 * time.Second
	maxResend = 16 // flights sent before the server is given up

	maxDatagram = 65535 // bytes
)

// Conn is what a handshake needs of a connected datagram socket.
type Conn interface {
	Read(p []byte) (int, error)
	Write(p []byte) (int, error)
	SetReadDeadline(t time.Time) error
}

// past is a deadline that has gone by.
var past = time.Unix(1, 0)

// exchange sends hs's flights and feeds it the answers until it is done.
func exchange(ctx context.Context, conn Conn, hs *handshake) error {
	defer interruptible(ctx, conn)()
	buf, scratch := make([]byte, maxDatagram), make([]byte, maxDatagram)
	wait, resend, sent := firstWait, time.Time{}, 0
	var trouble error // what the network last said
	for {
		if hs.send {
			if sent++; sent > maxResend {
				return errors.New("dtls: the server asks for the same flight again and again")
			}
			if err := transmit(conn, hs); err != nil && !passing(err) {
				return err
			} else if err != nil {
				trouble = err
			}
			resend = time.Now().Add(wait)
		}
		if hs.done {
			return nil
		}
		n, err := receive(ctx, conn, buf, resend)
		switch {
		case ctx.Err() != nil:
			return gaveUp(ctx, trouble)
		case errors.Is(err, os.ErrDeadlineExceeded):
			wait = min(2*wait, lastWait)
			hs.send = true
		case err != nil && passing(err):
			trouble = err
		case err != nil:
			return fmt.Errorf("dtls: handshake: %w", err)
		default:
			if err := hs.datagram(buf[:n], scratch); err != nil {
				return err
			}
			if hs.send {
				wait = firstWait
			}
		}
	}
}

// interruptible ends conn's reads when ctx ends. The function it returns undoes that.
func interruptible(ctx context.Context, conn Conn) (undo func()) {
	moved := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = conn.SetReadDeadline(past)
		close(moved)
	})
	return func() {
		if !stop() {
			<-moved
		}
		_ = conn.SetReadDeadline(time.Time{})
	}
}

func transmit(conn Conn, hs *handshake) error {
	hs.send = false
	out, err := hs.datagramOut()
	if err != nil {
		return err
	}
	_, err = conn.Write(out)
	return err
}

// receive waits for a datagram until the time given. When ctx ends first, the
// deadline has gone by, or is moved there by exchange's AfterFunc.
func receive(ctx context.Context, conn Conn, buf []byte, until time.Time) (int, error) {
	if err := conn.SetReadDeadline(until); err != nil {
		return 0, err
	}
	if ctx.Err() != nil {
		return 0, os.ErrDeadlineExceeded
	}
	return conn.Read(buf)
}

// gaveUp says why there was no handshake in time.
func gaveUp(ctx context.Context, trouble error) error {
	err := context.Cause(ctx)
	if trouble != nil {
		return fmt.Errorf("dtls: handshake: %w (%w)", err, trouble)
	}
	return fmt.Errorf("dtls: handshake: %w", err)
}

// passing says whether a router or a firewall, not the socket, is behind err.
func passing(err error) bool {
	for _, e := range []error{syscall.ECONNREFUSED, syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.EPERM, syscall.ENOBUFS} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
