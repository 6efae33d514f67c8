package eap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
)

// TLS is what the methods over TLS need of their caller.
type TLS struct {
	// Verify says whether the server's chain, leaf first, is trusted. It may take long,
	// and runs in a goroutine of the method's.
	Verify func(ctx context.Context, chain []*x509.Certificate) error
	// Certificate is the user's; nil: there is none. Its key may take long, too.
	Certificate *tls.Certificate
}

func (t TLS) certificate() *tls.Certificate {
	if t.Certificate == nil {
		return &tls.Certificate{}
	}
	return t.Certificate
}

// overTLS is EAP-TLS and the methods that are built on it. A handshake is done in a
// goroutine, and each of its turns is a Later; what comes behind it is inside.
//
//	Start ─> handshake ─ Later, Resume ─┐ ─> open ─> inside.step ...
//	              ^─────────────────────┘
type overTLS struct {
	kind  Type
	label string          // of the key in TLS 1.2
	ctx   context.Context // a handshake ends with it
	tls   TLS
	open  func(s *session, material []byte) (inside, error)

	frames   fragments
	session  *session // nil: before Start
	inside   inside   // nil: until the handshake is over
	material []byte   // that the handshake gave: the key, and as much again
	id       uint8    // of the request
}

// inside is what goes on in the tunnel.
type inside interface {
	// step answers the server, which may have nothing to say, as in the first step.
	step(id uint8, plain []byte) (reply []byte, err error)
	// key takes the place of the handshake's; nil: that is the one.
	key() []byte
	// done is Method.Done.
	done() bool
}

const (
	keySize      = 64
	materialSize = 2 * keySize
)

// ByCertificate is EAP-TLS (RFC 5216, RFC 9190): both sides show certificates. The method
// is of use as long as ctx is.
func ByCertificate(ctx context.Context, t TLS) Method {
	return &overTLS{kind: TypeTLS, label: "client EAP encryption", ctx: ctx, tls: t, open: func(s *session, _ []byte) (inside, error) {
		return &nothing{committed: s.conn.ConnectionState().Version < tls.VersionTLS13}, nil
	}}
}

// Type implements Method.
func (m *overTLS) Type() Type { return m.kind }

// Done implements Method.
func (m *overTLS) Done() bool { return m.inside != nil && m.inside.done() }

// Key implements Method.
func (m *overTLS) Key() []byte {
	if !m.Done() {
		return nil
	}
	if key := m.inside.key(); key != nil {
		return key
	}
	return m.material[:keySize]
}

// Handle implements Method.
func (m *overTLS) Handle(id uint8, request []byte) ([]byte, error) {
	m.id = id
	if m.frames.rounds++; m.frames.rounds > maxRounds {
		return nil, malformed("more than %d packets of TLS", maxRounds)
	}
	p, err := parseFragment(request)
	switch {
	case err != nil:
		return nil, err
	case p.start != (m.session == nil):
		return nil, malformed("a start of TLS out of turn")
	case p.start:
		m.session = newSession(m.ctx, m.tls)
		return nil, &Later{Done: m.session.start(m.ctx), resume: m.resume}
	case m.kind != TypeTLS && p.version != 0:
		return nil, malformed("%v of version %d", m.kind, p.version)
	case len(m.frames.out) > 0 && (p.more || len(p.data) > 0):
		return nil, malformed("a message before ours was sent")
	case len(m.frames.out) > 0:
		return m.frames.next(), nil
	}
	message, whole, err := m.frames.add(p)
	switch {
	case err != nil:
		return nil, err
	case !whole:
		return m.frames.send(nil), nil
	case m.inside != nil:
		return m.speak(message)
	case len(message) == 0:
		return nil, malformed("nothing, in the midst of a handshake of TLS")
	}
	return nil, &Later{Done: m.session.wire.feed(message), resume: m.resume}
}

// resume goes on when the handshake waits for the gateway, or is over.
func (m *overTLS) resume() ([]byte, error) {
	over, err := m.session.handshake()
	if err != nil {
		return m.lastWord(err)
	}
	flight := m.session.wire.flight()
	if over {
		if m.material, err = m.session.export(m.label, "EXPORTER_EAP_TLS_Key_Material", []byte{byte(m.kind)}, materialSize); err != nil {
			return nil, err
		}
		if m.inside, err = m.open(m.session, m.material); err != nil {
			return nil, err
		}
		if len(flight) == 0 {
			return m.speak(nil)
		}
	}
	return m.frames.send(flight), nil
}

// lastWord has the gateway hear why this is the end, if TLS has an alert for it.
func (m *overTLS) lastWord(err error) ([]byte, error) {
	return m.frames.send(m.session.wire.flight()), m.meaning(err)
}

// ErrTLS is in the chain of an error that has nothing to do with who the user is.
var ErrTLS = errors.New("the tunnel of TLS failed")

// meaning is what Verify said, as it said it, or that the gateway does not like the
// user's certificate, or an ErrTLS.
func (m *overTLS) meaning(err error) error {
	if m.session.refused != nil {
		return m.session.refused
	}
	var op *net.OpError
	if m.kind == TypeTLS && errors.As(err, &op) && op.Op == "remote error" {
		return &Refused{"it says " + strings.TrimPrefix(op.Err.Error(), "tls: ")}
	}
	return fmt.Errorf("%w: %w", ErrTLS, err)
}

// speak handles a message in the tunnel.
func (m *overTLS) speak(message []byte) ([]byte, error) {
	plain, err := m.session.receive(message)
	if err != nil {
		return m.lastWord(err)
	}
	return m.say(m.inside.step(m.id, plain))
}

// say sends an answer through the tunnel; none is an acknowledgement.
func (m *overTLS) say(reply []byte, err error) ([]byte, error) {
	var question *Question
	switch {
	case errors.As(err, &question):
		return nil, &Question{question.Text, func(text string) ([]byte, error) { return m.say(question.answer(text)) }}
	case err != nil:
		return nil, err
	case len(reply) > 0:
		if _, err := m.session.conn.Write(reply); err != nil {
			return nil, err
		}
	}
	return m.frames.send(m.session.wire.flight()), nil
}

// nothing is what EAP-TLS has in its tunnel, but for a zero byte in TLS 1.3 by which the
// server says that it is content (RFC 9190 section 2.1.1).
type nothing struct{ committed bool }

func (n *nothing) step(_ uint8, plain []byte) ([]byte, error) {
	switch {
	case len(plain) == 0:
		return nil, nil
	case n.committed || len(plain) != 1 || plain[0] != 0:
		return nil, malformed("data in the tunnel of EAP-TLS")
	}
	n.committed = true
	return nil, nil
}

func (*nothing) key() []byte { return nil }

func (n *nothing) done() bool { return n.committed }
