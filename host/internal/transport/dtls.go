package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/dataplane"
	"github.com/penstock-vpn/penstock/host/internal/dtls"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// DTLSOptions of OpenDTLS. Exactly one of PSK and MasterSecret is set.
type DTLSOptions struct {
	SessionID    []byte // ClientHello.session_id, at most 32 bytes
	PSKIdentity  string
	PSK          []byte        // RFC 4279
	MasterSecret []byte        // 48 bytes: resumes a session agreed on elsewhere
	CipherSuites []string      // IANA names, best first; empty: all of the way
	Timeout      time.Duration // of the handshake; 0: 20 s
	// MinPayload is what a record must carry, in bytes. A path known to be too narrow is
	// refused before the handshake: the gateway would send into it.
	MinPayload int
}

// DTLS is a DTLS 1.2 association. It has no plaintext end, only a wire.
type DTLS struct {
	info    Info
	conn    *net.UDPConn
	offload bool
	session *dtls.Session

	mu      sync.Mutex // of the session's writing side
	closing sync.Once
	closed  error
}

// OpenDTLS shakes hands with host:port over UDP.
func (d *Dialer) OpenDTLS(ctx context.Context, host string, port int, o DTLSOptions) (*DTLS, error) {
	conn, err := d.dialUDP(ctx, host, port)
	if err != nil {
		return nil, err
	}
	if err := wideEnough(conn, o.MinPayload); err != nil {
		_ = conn.Close()
		return nil, err
	}
	session, err := dtls.Client(ctx, conn, dtls.Config{
		SessionID: o.SessionID, PSK: o.PSK, PSKIdentity: o.PSKIdentity, MasterSecret: o.MasterSecret,
		CipherSuites: o.CipherSuites, Timeout: o.Timeout,
	})
	if err != nil {
		_ = conn.Close()
		return nil, dtlsDiagnostic(net.JoinHostPort(host, strconv.Itoa(port)), err)
	}
	t := &DTLS{conn: conn, session: session, offload: !d.cfg.NoOffload, info: packetInfo("dtls", conn)}
	t.info.Cipher = session.Suite().Name
	t.info.Overhead += session.Suite().Overhead()
	return t, nil
}

// leastRecord is the least that a record adds to its payload: header and tag.
const leastRecord = 13 + 16

// wideEnough compares what the kernel knows of the path with what must go through it.
func wideEnough(conn *net.UDPConn, payload int) error {
	info := packetInfo("dtls", conn)
	need := payload + leastRecord + info.Overhead
	if payload == 0 || info.PathMTU == 0 || info.PathMTU >= need {
		return nil
	}
	return diag.New(diag.Unreachable, "no DTLS with "+info.Remote.String(),
		fmt.Sprintf("the network carries packets of %d bytes there, %d are needed", info.PathMTU, need))
}

// dtlsDiagnostic names why there is no DTLS with addr.
func dtlsDiagnostic(addr string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	summary := "no DTLS with " + addr
	var alert *dtls.AlertError
	switch {
	case errors.As(err, &alert):
		return diag.New(diag.Protocol, summary, alert.Error())
	case errors.Is(err, context.DeadlineExceeded):
		return diag.New(diag.Unreachable, summary, "no answer in time: a firewall may keep UDP out")
	}
	return diag.New(diag.Protocol, summary, err.Error())
}

// Info returns what was known after the handshake, with the path MTU as it is now.
func (t *DTLS) Info() Info {
	info := t.info
	info.PathMTU = udpPathMTU(t.conn)
	return info
}

// Part tells the gateway that nothing more is read, so that it sends elsewhere at once.
func (t *DTLS) Part() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if alert, err := t.session.CloseNotify(); err == nil {
		_, _ = t.conn.Write(alert) // lost: it will notice by itself
	}
}

// Wire returns the association as a path's wire. It may be called once.
func (t *DTLS) Wire() dataplane.Datagram {
	return &dtlsWire{t: t, rx: newReceiver(t.conn, t.offload), tx: newSender(t.conn, t.offload)}
}

// Close ends the association and what blocks on it, without a close_notify: the
// sessions live elsewhere, and a gateway may take a late alert for a new client that
// roams (ocserv then refuses DTLS for seconds).
func (t *DTLS) Close() error {
	t.closing.Do(func() { t.closed = t.conn.Close() })
	return t.closed
}

// dtlsWire seals in place and hands the records to the batch sender; it opens
// records from the receiver's memory into the caller's.
type dtlsWire struct {
	t  *DTLS
	rx *receiver
	tx *sender

	sealed [batchSize][]byte // guarded by t.mu

	// Of the one reader:
	rest  []byte // records left of a datagram
	end   error  // the session is over
	marks marks
}

// Send makes each bufs[i][offset:] a record and sends it. The bytes around the
// frame, in front and behind, are overwritten, and so is the frame.
func (w *dtlsWire) Send(bufs [][]byte, offset int) error { return w.SendMarked(bufs, offset, nil) }

// SendMarked is Send with octets for the IP headers.
func (w *dtlsWire) SendMarked(bufs [][]byte, offset int, tos []byte) error {
	w.t.mu.Lock()
	defer w.t.mu.Unlock()
	var oversize error
	for len(bufs) > 0 {
		n := min(len(bufs), batchSize)
		for i, b := range bufs[:n] {
			sealed, err := w.t.session.Seal(b, offset)
			if err != nil {
				return err
			}
			w.sealed[i] = sealed
		}
		now := tos[:min(len(tos), n)]
		if err := w.tx.send(w.sealed[:n], offset-w.t.session.Front(), now); errors.Is(err, net.ErrClosed) {
			return err
		} else if err != nil {
			oversize = err
		}
		bufs, tos = bufs[n:], tos[len(now):]
	}
	return oversize
}

// Recv returns the payloads of authentic records. After a close_notify it returns
// io.EOF, after a fatal alert an error that names it.
func (w *dtlsWire) Recv(bufs [][]byte, sizes []int, offset int) (int, error) {
	bufs = bufs[:min(len(bufs), batchSize)]
	w.marks.any = 0
	for len(bufs) > 0 {
		if n := w.drain(bufs, sizes, offset); n > 0 {
			return n, nil
		}
		if w.end == nil {
			w.end = w.rx.fill()
		}
		if w.end != nil {
			return 0, w.end
		}
	}
	return 0, nil
}

// drain opens what the receiver holds, until bufs are full or the session is over.
func (w *dtlsWire) drain(bufs [][]byte, sizes []int, offset int) int {
	n := 0
	for n < len(bufs) && w.end == nil && w.more() {
		var size int
		size, w.rest, w.end = w.t.session.Open(bufs[n][offset:], w.rest)
		if size >= 0 {
			sizes[n] = size
			w.marks.set(n, w.rx.tos)
			n++
		}
	}
	if w.t.session.FlightWanted() {
		w.repeat()
	}
	return n
}

// more makes the next datagram the rest when there is none.
func (w *dtlsWire) more() (ok bool) {
	if len(w.rest) == 0 {
		w.rest, ok = w.rx.next()
		return ok
	}
	return true
}

// repeat sends our last flight of the handshake again.
func (w *dtlsWire) repeat() {
	w.t.mu.Lock()
	flight, err := w.t.session.LastFlight()
	w.t.mu.Unlock()
	if err == nil {
		_, _ = w.t.conn.Write(flight) // lost: the gateway will ask again
	}
}

// Marks are the octets of the IP headers that came with what Recv returned; nil: all 0.
func (w *dtlsWire) Marks() []byte { return w.marks.list() }

// BatchSize is how many payloads Recv wants room for.
func (w *dtlsWire) BatchSize() int { return batchSize }

// PathMTU is the path MTU the kernel knows now, in bytes of an IP packet; 0 when unknown.
func (w *dtlsWire) PathMTU() int { return udpPathMTU(w.t.conn) }

// Part tells the gateway that nothing more is read.
func (w *dtlsWire) Part() { w.t.Part() }

// Close ends the association.
func (w *dtlsWire) Close() error { return w.t.Close() }
