package gate

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf16"

	//lint:ignore SA1019 MSCHAPv2 is made of it
	"golang.org/x/crypto/md4"

	"github.com/penstock-vpn/penstock/plugins/internal/eap"
	"github.com/penstock-vpn/penstock/plugins/sstp/internal/sstp"
)

// link is the gate's end of PPP. The line is a good one: nothing is sent twice.
type link struct {
	c     *call
	id    byte // of our last request
	begun bool // it waits for an answer
	mru   int
	key   [sstp.KeySize]byte
}

const (
	lcp  = 0xc021
	pap  = 0xc023
	chap = 0xc223
	ipcp = 0x8021
	ipv4 = 0x0021

	challenge = "0123456789abcdef"
)

func (l *link) send(protocol uint16, code, id byte, data string) {
	b := []byte{0xff, 0x03, byte(protocol >> 8), byte(protocol), code, id, byte((len(data) + 4) >> 8), byte(len(data) + 4)}
	l.c.write(sstp.Packet{Payload: append(b, data...)})
}

// begin asks for what we want of the link.
func (l *link) begin() {
	l.begun = true
	l.id++
	l.send(lcp, 1, l.id, l.wants())
}

func (l *link) wants() string {
	text := "\x03\x05\xc2\x23\x81"
	if l.c.g.p.Login == "pap" {
		text = "\x03\x04\xc0\x23"
	}
	if mru := l.mru; mru > 0 {
		text += string([]byte{1, 4, byte(mru >> 8), byte(mru)})
	}
	return text + "\x05\x06abcd"
}

// receive takes a frame; false: it is no use to go on.
func (l *link) receive(b []byte) bool {
	b = bytes.TrimPrefix(b, []byte{0xff, 0x03})
	if len(b) < 2 {
		l.c.g.fault("a frame %x", b)
		return false
	}
	protocol, b := binary.BigEndian.Uint16(b), b[2:]
	if protocol == ipv4 {
		l.packet(b)
		return true
	}
	if len(b) < 4 || int(binary.BigEndian.Uint16(b[2:])) != len(b) {
		l.c.g.fault("protocol %04x: %x", protocol, b)
		return false
	}
	code, id, data := b[0], b[1], string(b[4:])
	switch {
	case protocol == lcp:
		l.lcp(code, id, data)
	case protocol == chap && code == 2:
		l.response(id, b)
	case protocol == pap && code == 1:
		l.password(id, data)
	case protocol == ipcp:
		l.address(code, id, data)
	default:
		l.send(lcp, 8, 77, string([]byte{byte(protocol >> 8), byte(protocol)})+string(b))
	}
	return true
}

func (l *link) packet(b []byte) {
	if l.c.g.deliver == nil {
		l.c.packet(b)
		return
	}
	l.c.g.deliver(b)
}

func (l *link) lcp(code, id byte, data string) {
	switch code {
	case 1:
		l.send(lcp, 2, id, data)
		if !l.begun {
			l.begin()
		}
	case 2:
		if l.begun = false; l.c.g.p.Login != "pap" {
			l.send(chap, 1, 1, "\x10"+challenge+"gate")
		}
	case 3, 4: // it is asked again, for another MRU if that was it
		if len(data) == 4 && data[0] == 1 {
			l.mru = int(data[2])<<8 | int(data[3])
		}
		l.begin()
	case 5:
		l.send(lcp, 6, id, "")
	case 9:
		l.send(lcp, 10, id, data)
	}
}

func (l *link) password(id byte, data string) {
	u, p := l.c.g.p.User, l.c.g.p.Password
	if data != string([]byte{byte(len(u))})+u+string([]byte{byte(len(p))})+p {
		l.send(pap, 3, id, "\x02no")
		return
	}
	l.send(pap, 2, id, "\x00")
}

// response checks what a client says to the challenge, and proves ourselves.
func (l *link) response(id byte, response []byte) {
	if len(response) < 5+49 {
		l.c.g.fault("a response %x", response)
		return
	}
	noise := response[5:21]
	method := eap.MSCHAPv2(l.c.g.p.User, l.c.g.p.Password, bytes.NewReader(noise))
	own, err := method.Handle(id, []byte("\x01"+string([]byte{id})+"\x00\x19\x10"+challenge+"gate"))
	if err != nil || !bytes.Equal(own, response) {
		l.send(chap, 4, id, "E=691 R=0 C=00 V=3 M=no")
		return
	}
	proof := l.proof(response[29:53], noise)
	if _, err := method.Handle(id, append([]byte{3, id, 0, byte(4 + len(proof))}, proof...)); err != nil {
		l.c.g.fault("our own proof: %w", err)
	}
	l.key = [sstp.KeySize]byte(method.Key())
	l.send(chap, 3, id, proof)
}

// proof is that of RFC 2759 section 8.7.
func (l *link) proof(response, noise []byte) string {
	var text []byte
	for _, u := range utf16.Encode([]rune(l.c.g.p.Password)) {
		text = binary.LittleEndian.AppendUint16(text, u)
	}
	for range 2 {
		h := md4.New()
		h.Write(text)
		text = h.Sum(nil)
	}
	sum := func(parts ...string) string { s := sha1.Sum([]byte(strings.Join(parts, ""))); return string(s[:]) }
	digest := sum(string(text), string(response), "Magic server to client signing constant")
	digest = sum(digest, sum(string(noise), challenge, l.c.g.p.User)[:8], "Pad to make it do more than one iteration")
	return "S=" + strings.ToUpper(hex.EncodeToString([]byte(digest)))
}

// address gives a client its own, refuses what is not known, and asks for ours.
func (l *link) address(code, id byte, data string) {
	p := l.c.g.p
	switch code {
	case 2:
		l.c.up()
		return
	case 1:
	default:
		l.c.g.fault("IPCP code %d", code)
		return
	}
	var refuse, better string
	for rest := data; len(rest) >= 6; rest = rest[6:] {
		give := map[byte]netip.Addr{3: p.Address, 129: p.DNS}[rest[0]]
		switch {
		case !give.IsValid():
			refuse += rest[:6]
		case rest[2:6] != string(give.AsSlice()):
			better += rest[:2] + string(give.AsSlice())
		}
	}
	switch {
	case refuse != "":
		l.send(ipcp, 4, id, refuse)
	case better != "":
		l.send(ipcp, 3, id, better)
	default:
		l.send(ipcp, 2, id, data)
		l.send(ipcp, 1, id, fmt.Sprintf("\x03\x06%s", p.Peer.AsSlice()))
	}
}
