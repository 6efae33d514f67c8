package transport

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Stream is a TCP or TLS connection. Its life has two parts: Plaintext until
// Drain, then Wire. Close ends it at any time, whatever blocks.
type Stream struct {
	info Info
	raw  net.Conn  // TCP
	cork *cork     // over raw
	tls  *tls.Conn // over cork, nil for TCP
	conn readWriter
	pump *pump // nil before Plaintext

	closing sync.Once
	closed  error
}

// readWriter is the part of a net.Conn that the pumps and the wire use: a
// *tls.Conn or a *cork. No write deadline is ever set on it.
type readWriter interface {
	io.ReadWriter
	SetReadDeadline(t time.Time) error
}

func newTCPStream(conn net.Conn) *Stream {
	s := &Stream{raw: conn, cork: newCork(conn)}
	s.conn = s.cork
	s.info = streamInfo("tcp", conn)
	s.info.Overhead = tcpOverhead(conn)
	return s
}

// Info returns what was known when the stream was opened, with the path MTU as it is now.
func (s *Stream) Info() Info {
	info := s.info
	info.PathMTU = tcpPathMTU(s.raw)
	return info
}

// Plaintext makes a socketpair (SOCK_STREAM), starts to move bytes between it and
// the network, and returns the plugin's end, which the caller closes when passed
// on. The network's end shows as end of file. The plugin's end of writing is not
// forwarded, because it may mean a handover. It may be called once.
func (s *Stream) Plaintext() (*os.File, error) {
	if s.pump != nil {
		return nil, errors.New("transport: the plaintext end was given out already")
	}
	pair, file, err := socketpair(streamPair)
	if err != nil {
		return nil, err
	}
	s.pump = startPump(s.conn, pair)
	return file, nil
}

// Err says why the network side of the plaintext ended; nil while it runs, and
// after an orderly end.
func (s *Stream) Err() error {
	if s.pump == nil {
		return nil
	}
	return s.pump.failure()
}

// Export returns n bytes of keying material (RFC 5705, RFC 8446 section 7.5); an
// empty context means none. It is refused where the material would not be bound to
// this very handshake: before TLS 1.3 without the Extended Master Secret (RFC 7627).
func (s *Stream) Export(label string, context []byte, n int) ([]byte, error) {
	if s.tls == nil {
		return nil, diag.New(diag.Invalid, "a tcp transport has no keying material", "open a tls transport")
	}
	if len(context) == 0 {
		context = nil
	}
	state := s.tls.ConnectionState()
	key, err := state.ExportKeyingMaterial(label, context, n)
	if err != nil {
		return nil, exportDiagnostic(err)
	}
	return key, nil
}

// exportDiagnostic says why there is no keying material. crypto/tls has no sentinel
// for the usual reason, and its text advises a setting that would make it unsafe.
func exportDiagnostic(err error) error {
	const summary = "the TLS connection gives no keying material"
	if strings.Contains(err.Error(), "Extended Master Secret") {
		return diag.New(diag.Protocol, summary,
			"the gateway has neither TLS 1.3 nor the Extended Master Secret extension, so the material would not be bound to this connection")
	}
	return diag.New(diag.Protocol, summary, err.Error())
}

// Close ends the stream: with a close_notify if nothing blocks, else at once. It
// ends blocked reads, writes and flushes of the wire and of the plaintext.
func (s *Stream) Close() error {
	s.closing.Do(func() {
		if s.tls != nil && s.cork.release() {
			s.closed = s.tls.Close()
		} else {
			s.closed = s.raw.Close()
		}
		if s.pump != nil {
			s.pump.close()
		}
	})
	return s.closed
}
