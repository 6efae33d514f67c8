package gate

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"net"

	"github.com/penstock-vpn/penstock/plugins/internal/eap"
	"github.com/penstock-vpn/penstock/plugins/sstp/internal/sstp"
)

const eapProtocol = 0xc227

// relay is the other end of PPP where that is a real pppd, on a line of octets.
type relay struct {
	c    *call
	line net.Conn

	// What a login by MS-CHAPv2 gives, as the client sees it.
	challenge []byte
	method    eap.Method
	secret    bool // EAP-TLS gives a key that only its two ends know
}

func (r *relay) key() (key [sstp.KeySize]byte) {
	if r.method != nil && r.method.Done() {
		copy(key[:], r.method.Key())
	}
	return key
}

// receive takes a frame of the client's.
func (r *relay) receive(b []byte) bool {
	if body := bytes.TrimPrefix(b, []byte{0xff, 0x03}); len(body) > 6 && binary.BigEndian.Uint16(body) == eapProtocol && body[6] == byte(eap.TypeTLS) {
		r.secret = true
	}
	if protocol, p := chapPacket(b); protocol == chap && p[0] == 2 && len(p) > 21 && r.challenge != nil {
		r.method = eap.MSCHAPv2(r.c.g.p.User, r.c.g.p.Password, bytes.NewReader(p[5:21]))
		if _, err := r.method.Handle(r.challenge[1], r.challenge); err != nil {
			r.method = nil // it is CHAP with MD5
		}
	}
	_, err := r.line.Write(appendHDLC(nil, b))
	return err == nil
}

// read passes on what pppd says.
func (r *relay) read() {
	defer r.c.conn.Close()
	for br := bufio.NewReader(r.line); ; {
		frame, err := readHDLC(br)
		if err != nil {
			return
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
