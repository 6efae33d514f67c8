package eap

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"os"
)

// session is TLS with the gateway, over packets that others carry.
type session struct {
	wire   *wire
	conn   *tls.Conn
	master masterSecret
	over   bool  // the handshake, seen under wire.mu
	err    error // how it went
	// refused is what Verify said, if that was the reason.
	refused error
}

// newSession makes a session that ends with ctx, as far as it still waits for the
// gateway then.
func newSession(ctx context.Context, t TLS) *session {
	s := &session{wire: newWire()}
	s.conn = tls.Client(s.wire, &tls.Config{
		MinVersion: tls.VersionTLS12,
		// Without the hybrid ones, whose keys are longer than a packet: not every server
		// takes a first message in two.
		CurvePreferences:       []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521},
		InsecureSkipVerify:     true, // VerifyConnection does it, in every handshake
		VerifyConnection:       func(c tls.ConnectionState) error { s.refused = t.Verify(ctx, c.PeerCertificates); return s.refused },
		GetClientCertificate:   func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return t.certificate(), nil },
		SessionTicketsDisabled: true,
		KeyLogWriter:           &s.master,
	})
	return s
}

// start begins the handshake; the channel is closed when its first message is there.
func (s *session) start(ctx context.Context) <-chan struct{} {
	turn := s.wire.feed(nil)
	go func() {
		defer context.AfterFunc(ctx, func() { _ = s.wire.Close() })()
		err := s.conn.Handshake()
		s.wire.mu.Lock()
		s.over, s.err = true, err
		s.wire.mu.Unlock()
		s.wire.poll()
	}()
	return turn
}

// handshake says whether it is over, and how it went.
func (s *session) handshake() (over bool, err error) {
	s.wire.mu.Lock()
	defer s.wire.mu.Unlock()
	return s.over, s.err
}

// receive decrypts a message, after the handshake.
func (s *session) receive(message []byte) ([]byte, error) {
	s.wire.feed(message)
	var plain bytes.Buffer
	_, err := plain.ReadFrom(onlyReader{s.conn})
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return plain.Bytes(), nil
	}
	if err == nil {
		err = errors.New("the gateway closed the tunnel of TLS")
	}
	return nil, err
}

// onlyReader is a reader without further abilities.
type onlyReader struct{ io.Reader }
