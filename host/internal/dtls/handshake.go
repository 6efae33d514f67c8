package dtls

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
)

// handshake is the client's state. Its stage takes the server's messages in order:
//
//	expectHello -> expectDone -> expectFinished     pre-shared key
//	expectHello -> expectFinished                   resumption
type handshake struct {
	config Config
	hello  clientHello
	server *serverHello
	suite  *Suite

	in         assembler
	number     uint16 // message_seq of our next message
	transcript []byte // messages so far, for Finished
	master     []byte

	session *Session   // from the ServerHello on
	flight  []outgoing // what to send, again on loss
	send    bool       // the flight is new, or the server misses it
	cookies int        // HelloVerifyRequests so far
	stage   func(kind byte, number uint16, body []byte) error
	done    bool
}

// outgoing is a record of a flight: sealed, with epoch 1, or in the clear.
type outgoing struct {
	kind    byte
	sealed  bool
	payload []byte
}

// Client shakes hands over conn, a connected datagram socket that nobody else
// reads. Lost datagrams are sent again. Errors: an *AlertError when the server
// refuses, context errors, what conn reports.
func Client(ctx context.Context, conn Conn, c Config) (*Session, error) {
	hs, err := newHandshake(c)
	if err != nil {
		return nil, err
	}
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := exchange(ctx, conn, hs); err != nil {
		return nil, err
	}
	return hs.session, nil
}

func newHandshake(c Config) (*handshake, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	psk := len(c.PSK) > 0
	offered, err := chooseSuites(psk, c.CipherSuites)
	if err != nil {
		return nil, err
	}
	hs := &handshake{config: c, session: &Session{}}
	hs.hello = clientHello{random: make([]byte, randomSize), sessionID: c.SessionID, suites: offered, extended: psk, signs: !psk}
	if _, err := rand.Read(hs.hello.random); err != nil {
		return nil, err
	}
	hs.stage = hs.expectHello
	hs.sayHello()
	return hs, nil
}

// sayHello makes the flight of the ClientHello. The transcript begins with the
// last one (RFC 6347 section 4.2.1).
func (hs *handshake) sayHello() {
	hs.transcript = nil
	hs.flight = []outgoing{{typeHandshake, false, hs.next(msgClientHello, hs.hello.Append(nil))}}
	hs.send = true
}

// next makes our next message and puts it into the transcript.
func (hs *handshake) next(kind byte, body []byte) []byte {
	m := message(kind, hs.number, body)
	hs.number++
	hs.transcript = append(hs.transcript, m...)
	return m
}

// datagram takes what the server sent: any number of records.
func (hs *handshake) datagram(b []byte, scratch []byte) error {
	for len(b) > 0 && !hs.done {
		h, payload, rest, ok := parseRecord(b)
		if !ok {
			return nil
		}
		b = rest
		if err := hs.record(h, payload, scratch); err != nil {
			return err
		}
	}
	return nil
}

// record drops what cannot belong to this handshake: anybody can send it.
func (hs *handshake) record(h header, payload, scratch []byte) error {
	if h.version != version12 && h.version != version10 {
		return nil
	}
	sealed := h.epoch == 1
	switch {
	case sealed && (hs.session.read == nil || !hs.session.window.Fresh(h.sequence)):
		return nil
	case sealed:
		n := hs.session.read.open(h, scratch, payload)
		if n < 0 {
			return nil
		}
		hs.session.window.Commit(h.sequence)
		payload = scratch[:n]
	case h.epoch != 0:
		return nil
	}
	switch h.kind {
	case typeAlert:
		return parseAlert(payload)
	case typeHandshake:
		return hs.fragments(payload, sealed)
	}
	return nil
}

// fragments takes a handshake record's payload. Finished must be sealed, and
// nothing else may be.
func (hs *handshake) fragments(b []byte, sealed bool) error {
	for len(b) > 0 && !hs.done {
		f, rest, ok := parseFragment(b)
		if !ok || sealed != (f.kind == msgFinished) {
			return nil
		}
		b = rest
		if f.kind == msgServerHelloDone && f.number < hs.in.next {
			hs.send = true // the server repeats its flight: it misses ours
		}
		if err := hs.in.add(f); err != nil {
			return err
		}
		for !hs.done {
			kind, number, body, ok := hs.in.take()
			if !ok {
				break
			}
			if err := hs.stage(kind, number, body); err != nil {
				return err
			}
		}
	}
	return nil
}

func unexpected(kind byte) error {
	return fmt.Errorf("dtls: the server sent handshake message %d out of turn", kind)
}

// receive puts a server's message into the transcript, as if it had come whole.
func (hs *handshake) receive(kind byte, number uint16, body []byte) {
	hs.transcript = append(hs.transcript, message(kind, number, body)...)
}

func (hs *handshake) expectHello(kind byte, number uint16, body []byte) error {
	switch kind {
	case msgHelloVerifyRequest:
		return hs.onCookie(body)
	case msgServerHello:
		m, err := parseServerHello(body)
		if err != nil {
			return err
		}
		hs.receive(kind, number, body)
		return hs.onHello(m)
	}
	return unexpected(kind)
}

func (hs *handshake) onCookie(body []byte) error {
	cookie, err := parseHelloVerifyRequest(body)
	if err != nil {
		return err
	}
	if hs.cookies++; hs.cookies > 2 {
		return errors.New("dtls: the server accepts none of its own cookies")
	}
	hs.hello.cookie = cookie
	hs.sayHello()
	return nil
}

func (hs *handshake) onHello(m *serverHello) error {
	if m.version != version12 {
		return fmt.Errorf("dtls: the server chose version %#04x, only DTLS 1.2 is known", m.version)
	}
	for _, s := range hs.hello.suites {
		if s.ID == m.suite {
			hs.suite = s
		}
	}
	if hs.suite == nil {
		return fmt.Errorf("dtls: the server chose cipher suite %#04x, which was not offered", m.suite)
	}
	if m.extended && !hs.hello.extended {
		return errBadHello
	}
	hs.server = m
	if len(hs.config.PSK) > 0 {
		hs.stage = hs.expectDone
		return nil
	}
	if !bytes.Equal(m.sessionID, hs.hello.sessionID) {
		return errors.New("dtls: the server does not know the session that was to be resumed")
	}
	hs.master = hs.config.MasterSecret
	hs.stage = hs.expectFinished
	return hs.deriveKeys()
}

// expectDone waits for the end of the server's part; before it, an identity hint
// may come (RFC 4279 section 2), which changes nothing.
func (hs *handshake) expectDone(kind byte, number uint16, body []byte) error {
	switch {
	case kind == msgServerKeyExchange && len(body) >= 2 && len(body) == 2+int(binary.BigEndian.Uint16(body)):
		hs.receive(kind, number, body)
		return nil
	case kind == msgServerHelloDone && len(body) == 0:
		hs.receive(kind, number, body)
		return hs.prove()
	}
	return unexpected(kind)
}

// prove makes the flight ClientKeyExchange, ChangeCipherSpec, Finished.
func (hs *handshake) prove() error {
	identity := binary.BigEndian.AppendUint16(nil, uint16(len(hs.config.PSKIdentity)))
	key := hs.next(msgClientKeyExchange, append(identity, hs.config.PSKIdentity...))
	hs.derivePSKMaster()
	if err := hs.deriveKeys(); err != nil {
		return err
	}
	finished := hs.next(msgFinished, hs.verifyData("client finished"))
	hs.flight = []outgoing{{typeHandshake, false, key}, {typeChangeCipherSpec, false, []byte{1}}, {typeHandshake, true, finished}}
	hs.send = true
	hs.stage = hs.expectFinished
	return nil
}

// derivePSKMaster makes the master secret: over the transcript up to here
// (RFC 7627 section 4) when the server knows that, else over the randoms.
func (hs *handshake) derivePSKMaster() {
	label, seed := "master secret", append(append([]byte(nil), hs.hello.random...), hs.server.random...)
	if hs.server.extended {
		label, seed = "extended master secret", hs.digest()
	}
	hs.master = prf(hs.suite.hash, pskPremaster(hs.config.PSK), label, seed, masterSize)
}

func (hs *handshake) deriveKeys() (err error) {
	hs.session.suite = hs.suite
	hs.session.write, hs.session.read, err = keyBlock(hs.suite, hs.master, hs.hello.random, hs.server.random)
	return err
}

func (hs *handshake) digest() []byte {
	h := hs.suite.hash()
	h.Write(hs.transcript)
	return h.Sum(nil)
}

// verifyData is the body of a Finished (RFC 5246 section 7.4.9).
func (hs *handshake) verifyData(label string) []byte {
	return prf(hs.suite.hash, hs.master, label, hs.digest(), finishedSize)
}

// expectFinished ends the handshake; in a resumption our Finished is still to be sent.
func (hs *handshake) expectFinished(kind byte, number uint16, body []byte) error {
	if kind != msgFinished {
		return unexpected(kind)
	}
	if !hmac.Equal(body, hs.verifyData("server finished")) {
		return errors.New("dtls: the server's Finished does not fit the handshake: something in between changed it")
	}
	hs.receive(kind, number, body)
	hs.done, hs.send = true, false
	if len(hs.config.MasterSecret) > 0 {
		finished := hs.next(msgFinished, hs.verifyData("client finished"))
		hs.session.finished = finished
		hs.flight = []outgoing{{typeChangeCipherSpec, false, []byte{1}}, {typeHandshake, true, finished}}
		hs.send = true
	}
	return nil
}

// datagramOut makes the flight one datagram; every time with new record numbers.
func (hs *handshake) datagramOut() (out []byte, err error) {
	for _, r := range hs.flight {
		if r.sealed {
			if out, err = hs.session.appendSealed(out, r.kind, r.payload); err != nil {
				return nil, err
			}
			continue
		}
		out = appendPlain(out, r.kind, hs.session.plain, r.payload)
		hs.session.plain++
	}
	return out, nil
}
