package gate

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"net"
	"sync"

	"github.com/penstock-vpn/penstock/plugins/internal/eap"
	"github.com/penstock-vpn/penstock/plugins/sstp/internal/sstp"
)

const eapProtocol = 0xc227

// relay is the other end of PPP where that is a real pppd, on a line of octets.
type relay struct {
	c    *call
	mu   sync.Mutex
	line net.Conn

	// What a login by MS-CHAPv2 gives, as the client sees it.
	challenge []byte
	method    eap.Method
	secret    bool // EAP gives a key that only its two ends know
}

// connect gives the relay a pppd, and another one in place of the one it has: for the client
// that negotiates anew, for pppd does not by itself.
func (r *relay) connect() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.line != nil {
		_ = r.line.Close()
	}
	line, err := r.c.g.p.PPPD()
	if err == nil {
		r.line = line
	}
	return err
}

func (r *relay) pppd() net.Conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.line
}

func (r *relay) key() (key [sstp.KeySize]byte) {
	if r.method != nil && r.method.Done() {
		copy(key[:], r.method.Key())
	}
	return key
}

// receive takes a frame of the client's.
func (r *relay) receive(b []byte) bool {
	if body := bytes.TrimPrefix(b, []byte{0xff, 0x03}); len(body) > 6 && binary.BigEndian.Uint16(body) == eapProtocol {
		r.secret = r.secret || body[6] == byte(eap.TypeTLS) || body[6] == byte(eap.TypeMSCHAPv2)
	}
	if protocol, p := chapPacket(b); protocol == chap && p[0] == 2 && len(p) > 21 && r.challenge != nil {
		r.method = eap.MSCHAPv2(r.c.g.p.User, r.c.g.p.Password, bytes.NewReader(p[5:21]))
		if _, err := r.method.Handle(r.challenge[1], r.challenge); err != nil {
			r.method = nil // it is CHAP with MD5
		}
	}
	_, _ = r.pppd().Write(appendHDLC(nil, b)) // its end is noticed by who reads
	return true
}

// read passes on what pppd says.
func (r *relay) read() {
	defer r.c.conn.Close()
	line := r.pppd()
	for br := bufio.NewReader(line); ; {
		frame, err := readHDLC(br)
		if err != nil {
			if line == r.pppd() {
				return
			}
			line = r.pppd()
			br.Reset(line)
			continue
		}
		switch protocol, p := chapPacket(frame); {
		case protocol != chap:
		case p[0] == 1:
			r.challenge = bytes.Clone(p)
		case p[0] == 3 && r.method != nil:
			if _, err := r.method.Handle(p[1], p); err != nil {
				r.method = nil
			}
		}
		r.c.write(sstp.Packet{Payload: frame})
	}
}

// chapPacket is what is in a frame of CHAP, at least its header; 0: it is none.
func chapPacket(frame []byte) (uint16, []byte) {
	frame = bytes.TrimPrefix(frame, []byte{0xff, 0x03})
	if len(frame) < 6 || binary.BigEndian.Uint16(frame) != chap {
		return 0, nil
	}
	return chap, frame[2:]
}
