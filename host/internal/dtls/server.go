package dtls

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/binary"
	"errors"
)

// The server's half of a handshake with a pre-shared key, for the gateway that the
// lab measures with:
//
//	expectClientHello -> expectClientKey -> expectClientFinished
//
// It asks for no cookie (RFC 6347 section 4.2.1 leaves that to the server): whoever
// calls it knows the client by the session id in its first datagram.

// Server shakes hands over conn, a datagram socket connected to the client that
// nobody else reads. first is the datagram that came before conn was there. Of c it
// uses the key, its identity, the suites, best first, and the timeout.
func Server(ctx context.Context, conn Conn, first []byte, c Config) (*Session, error) {
	hs, err := newServerHandshake(c)
	if err != nil {
		return nil, err
	}
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := hs.datagram(first, make([]byte, maxDatagram)); err != nil {
		return nil, err
	}
	if err := exchange(ctx, conn, hs); err != nil {
		return nil, err
	}
	return hs.session, nil
}

func newServerHandshake(c Config) (*handshake, error) {
	if len(c.PSK) == 0 {
		return nil, errors.New("dtls: a server needs a pre-shared key")
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	if _, err := chooseSuites(true, c.CipherSuites); err != nil {
		return nil, err
	}
	hs := &handshake{config: c, session: &Session{}}
	hs.stage = hs.expectClientHello
	return hs, nil
}

// expectClientHello answers with ServerHello and ServerHelloDone. The session id in
// the answer is empty: a client would take its own for a resumption.
func (hs *handshake) expectClientHello(kind byte, number uint16, body []byte) error {
	if kind != msgClientHello {
		return unexpected(kind)
	}
	m, err := parseClientHello(body)
	if err != nil {
		return err
	}
	hs.receive(kind, number, body)
	hs.hello.random = m.random
	if hs.suite, err = hs.pick(m.suites); err != nil {
		return err
	}
	hs.server = &serverHello{version: version12, random: make([]byte, randomSize), suite: hs.suite.ID, extended: m.extended}
	if _, err := rand.Read(hs.server.random); err != nil {
		return err
	}
	hs.flight = []outgoing{
		{typeHandshake, false, hs.next(msgServerHello, hs.server.Append(nil, m.renegotiates))},
		{typeHandshake, false, hs.next(msgServerHelloDone, nil)},
	}
	hs.send = true
	hs.stage = hs.expectClientKey
	return nil
}

// pick returns the best suite of ours that was offered.
func (hs *handshake) pick(offered []uint16) (*Suite, error) {
	ours, err := chooseSuites(true, hs.config.CipherSuites)
	if err != nil {
		return nil, err
	}
	for _, s := range ours {
		for _, id := range offered {
			if s.ID == id {
				return s, nil
			}
		}
	}
	return nil, errors.New("dtls: the client offers no cipher suite with a pre-shared key that is known here")
}

func (hs *handshake) expectClientKey(kind byte, number uint16, body []byte) error {
	if kind != msgClientKeyExchange {
		return unexpected(kind)
	}
	if len(body) < 2 || len(body) != 2+int(binary.BigEndian.Uint16(body)) {
		return errors.New("dtls: malformed key exchange")
	}
	if string(body[2:]) != hs.config.PSKIdentity {
		return errors.New("dtls: the client names another pre-shared key")
	}
	hs.receive(kind, number, body)
	hs.derivePSKMaster()
	if err := hs.deriveKeys(); err != nil {
		return err
	}
	hs.session.read, hs.session.write = hs.session.write, hs.session.read
	hs.stage = hs.expectClientFinished
	return nil
}

// expectClientFinished ends the handshake with the last flight, which is ours.
func (hs *handshake) expectClientFinished(kind byte, number uint16, body []byte) error {
	if kind != msgFinished {
		return unexpected(kind)
	}
	if !hmac.Equal(body, hs.verifyData("client finished")) {
		return errors.New("dtls: the client's Finished does not fit the handshake: its key may be another")
	}
	hs.receive(kind, number, body)
	finished := hs.next(msgFinished, hs.verifyData("server finished"))
	hs.session.finished = finished
	hs.flight = []outgoing{{typeChangeCipherSpec, false, []byte{1}}, {typeHandshake, true, finished}}
	hs.done, hs.send = true, true
	return nil
}
