package eap

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"testing"
	"time"
)

// authority signs the certificates of a test, which are good at all times.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority() *authority {
	a := &authority{}
	c := a.issue("authority", 1)
	a.cert = c.Leaf
	return a
}

// issue makes a certificate, the authority's own when it has none yet. It is as long as
// names has it.
func (a *authority) issue(name string, names int) *tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	t := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2190, 1, 1, 0, 0, 0, 0, time.UTC),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true}
	for i := range names {
		t.DNSNames = append(t.DNSNames, fmt.Sprintf("host-%03d.%s.test", i, name))
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		t.IsCA, t.ExtKeyUsage = true, nil
		parent, signer, a.key = t, key, key
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, key.Public(), signer)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// verify trusts what the authority signed.
func (a *authority) verify(_ context.Context, chain []*x509.Certificate) error {
	_, err := chain[0].Verify(x509.VerifyOptions{Roots: a.pool(), CurrentTime: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
	return err
}

// pki is made once: an authority that both sides know, and one that neither does.
var pki = sync.OnceValue(func() (p struct {
	authority            *authority
	server, user, forged *tls.Certificate
}) {
	p.authority = newAuthority()
	p.server, p.user, p.forged = p.authority.issue("server", 60), p.authority.issue("user", 60), newAuthority().issue("forged", 1)
	return p
})

// server is the gateway's side of a method over TLS.
type server struct {
	t       *testing.T
	peer    *Peer
	kind    Type
	version uint16
	size    int  // of a fragment
	lengths bool // in each fragment, also where there is but one
	config  tls.Config
	answer  string // to a Question
	// inside answers what the client says in the tunnel; finished: the client is in.
	inside func(plain []byte) (reply []byte, finished bool)

	id   uint8
	tls  *session
	said []error // by the handshake
}

var errNak = errors.New("the client wants another method")

// ask sends one packet of the method.
func (s *server) ask(data []byte) ([]byte, error) {
	s.id++
	return s.response(s.peer.Handle(Packet{Request, s.id, s.kind, data}.Append(nil)))
}

func (s *server) response(reply []byte, err error) ([]byte, error) {
	var later *Later
	var question *Question
	for {
		switch {
		case errors.As(err, &later):
			<-later.Done
			reply, err = s.peer.Resume()
			continue
		case errors.As(err, &question):
			reply, err = s.peer.Answer(s.answer)
			continue
		case err != nil:
			return nil, err
		}
		p, err := Parse(reply)
		switch {
		case err != nil || p.Code != Response || p.ID != s.id:
			s.t.Errorf("the client says %x, %v", reply, err)
		case p.Type == TypeNak:
			return nil, errNak
		}
		return p.Data, nil
	}
}

// tell sends a message in fragments, and returns the client's.
func (s *server) tell(message []byte) ([]byte, error) {
	total := uint32(len(message))
	for first := true; ; first = false {
		n, flags := len(message), byte(0)
		if n > s.size {
			n, flags = s.size, flagMore
		}
		var packet []byte
		if first && flags != 0 || s.lengths && total > 0 {
			packet = binary.BigEndian.AppendUint32([]byte{flags | flagLength}, total)
		} else {
			packet = []byte{flags}
		}
		reply, err := s.ask(append(packet, message[:n]...))
		if err != nil {
			return nil, err
		}
		if message = message[n:]; flags == 0 {
			return s.collect(reply)
		}
		if len(reply) != 1 || reply[0] != 0 {
			s.t.Errorf("a fragment is answered with %x", reply)
		}
	}
}

func (s *server) collect(packet []byte) (message []byte, err error) {
	total := -1
	for {
		flags := packet[0]
		packet = packet[1:]
		if flags&flagLength != 0 {
			total, packet = int(binary.BigEndian.Uint32(packet)), packet[4:]
		}
		if message = append(message, packet...); flags&flagMore == 0 {
			break
		}
		if packet, err = s.ask([]byte{0}); err != nil {
			return nil, err
		}
	}
	if total >= 0 && total != len(message) || total < 0 && len(message) > maxFragment {
		s.t.Errorf("the client announces %d bytes and sends %d", total, len(message))
	}
	return message, nil
}

// serve goes from Start to Success, and returns what the client says is wrong.
func (s *server) serve() error {
	w := newWire()
	s.config.MinVersion, s.config.MaxVersion = s.version, s.version
	s.tls = &session{wire: w, conn: tls.Server(w, &s.config)}
	packet, err := s.ask([]byte{flagStart})
	if err != nil {
		return err
	}
	message, err := s.collect(packet)
	if err != nil {
		return err
	}
	return s.shake(message)
}

func (s *server) shake(message []byte) error {
	turn := s.tls.wire.feed(message)
	go func() {
		err := s.tls.conn.Handshake()
		s.tls.wire.mu.Lock()
		s.tls.over, s.tls.err = true, err
		s.tls.wire.mu.Unlock()
		s.tls.wire.poll()
	}()
	defer s.tls.wire.Close()
	for {
		<-turn
		over, err := s.tls.handshake()
		if err != nil {
			s.said = append(s.said, err)
			return s.refuse()
		}
		message, err := s.tell(s.tls.wire.flight())
		switch {
		case err != nil:
			return err
		case over:
			return s.converse(message)
		}
		turn = s.tls.wire.feed(message)
	}
}

// refuse sends the alert that is waiting, and Failure.
func (s *server) refuse() error {
	if flight := s.tls.wire.flight(); len(flight) > 0 {
		if _, err := s.tell(flight); err != nil {
			return err
		}
	}
	_, err := s.peer.Handle(Packet{Code: Failure, ID: s.id}.Append(nil))
	return err
}

func (s *server) converse(message []byte) error {
	for {
		plain, err := s.tls.receive(message)
		if err != nil {
			s.said = append(s.said, err)
			return s.refuse()
		}
		reply, finished := s.inside(plain)
		if finished {
			_, err := s.peer.Handle(Packet{Code: Success, ID: s.id}.Append(nil))
			return err
		}
		if reply != nil {
			if _, err := s.tls.conn.Write(reply); err != nil {
				s.t.Error(err)
			}
		}
		if message, err = s.tell(s.tls.wire.flight()); err != nil {
			return err
		}
	}
}

// key is what crypto/tls exports.
func (s *server) key(label string) []byte {
	var context []byte
	if s.version == tls.VersionTLS13 {
		label, context = "EXPORTER_EAP_TLS_Key_Material", []byte{byte(s.kind)}
	}
	state := s.tls.conn.ConnectionState()
	key, err := state.ExportKeyingMaterial(label, context, materialSize)
	if err != nil {
		s.t.Fatal(err)
	}
	return key
}
