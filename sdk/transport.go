package sdk

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// Kinds of transports; InstalledPath says them too.
const (
	kindTCP  = NeedTCP
	kindTLS  = NeedTLS
	kindUDP  = NeedUDP
	kindDTLS = NeedDTLS
	kindRaw  = NeedRaw
)

// Transport is an open connection to the gateway; TCP, TLS, UDP and raw ones are a
// net.Conn whose other end is in the host. It ends with Close, with an Attach, or
// with the session.
type Transport struct {
	session *Session
	id      uint32
	kind    string
	info    Info
	conn    *net.UnixConn // nil for dtls

	reading sync.Mutex  // held by who reads conn: Read, or Attach at the end
	closed  atomic.Bool // by Close, Attach or the session
}

var _ net.Conn = (*Transport)(nil)

// ID is the transport's number in this session, and its Path's.
func (t *Transport) ID() uint32 { return t.id }

// Info is what the host told when it was opened.
func (t *Transport) Info() Info { return t.info }

// Read reads what the gateway sent; of a UDP or raw transport, one datagram.
func (t *Transport) Read(p []byte) (int, error) {
	if err := t.usable("read"); err != nil {
		return 0, err
	}
	t.reading.Lock()
	defer t.reading.Unlock()
	n, err := t.conn.Read(p)
	if err != nil && t.closed.Load() {
		return n, t.fault("read", net.ErrClosed)
	}
	return n, err
}

// Write sends to the gateway; on a UDP or raw transport, one datagram.
func (t *Transport) Write(p []byte) (int, error) {
	if err := t.usable("write"); err != nil {
		return 0, err
	}
	return t.conn.Write(p)
}

// Close ends the connection to the gateway. After Attach it does nothing: the
// connection is the Path's then.
func (t *Transport) Close() error {
	if t.closed.Swap(true) {
		return nil
	}
	t.session.drop(t)
	t.shut()
	return t.session.stream.say(closing(t.id))
}

// LocalAddr is the host's end of the connection to the gateway.
func (t *Transport) LocalAddr() net.Addr { return t.addr(t.info.Local) }

// RemoteAddr is the gateway's end.
func (t *Transport) RemoteAddr() net.Addr { return t.addr(t.info.Remote) }

// SetDeadline is net.Conn's.
func (t *Transport) SetDeadline(at time.Time) error {
	if err := t.usable("set deadline"); err != nil {
		return err
	}
	return t.conn.SetDeadline(at)
}

// SetReadDeadline is net.Conn's.
func (t *Transport) SetReadDeadline(at time.Time) error {
	if err := t.usable("set deadline"); err != nil {
		return err
	}
	return t.conn.SetReadDeadline(at)
}

// SetWriteDeadline is net.Conn's.
func (t *Transport) SetWriteDeadline(at time.Time) error {
	if err := t.usable("set deadline"); err != nil {
		return err
	}
	return t.conn.SetWriteDeadline(at)
}

// Export returns n bytes (at most 256) of RFC 5705 keying material of a TLS transport.
func (t *Transport) Export(ctx context.Context, label string, context []byte, n int) ([]byte, error) {
	ask := &pluginpb.Export{Transport: t.id, Label: label, Context: context, Length: uint32(n)}
	reply, err := t.session.stream.call(ctx, &pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_Export{Export: ask}})
	if err != nil {
		return nil, err
	}
	if reply.GetExported() == nil {
		return nil, unexpected(reply)
	}
	if got := len(reply.GetExported().GetData()); got != n {
		return nil, diag.Newf(diag.Invalid, "the host exported %d bytes, asked for were %d", got, n)
	}
	return reply.GetExported().GetData(), nil
}

// usable says why t cannot be used, or nil.
func (t *Transport) usable(op string) error {
	switch {
	case t.closed.Load():
		return t.fault(op, net.ErrClosed)
	case t.conn == nil:
		return t.fault(op, diag.Newf(diag.Invalid, "a dtls transport has no plaintext, it can only be attached"))
	}
	return nil
}

func (t *Transport) fault(op string, err error) error {
	return &net.OpError{Op: op, Net: t.kind, Source: t.LocalAddr(), Addr: t.RemoteAddr(), Err: err}
}

// abandon is Close without telling the host: the session is over.
func (t *Transport) abandon() {
	if !t.closed.Swap(true) {
		t.shut()
	}
}

func (t *Transport) shut() {
	if t.conn != nil {
		_ = t.conn.Close()
	}
}
