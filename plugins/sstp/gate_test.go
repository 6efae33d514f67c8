package main

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"unicode/utf16"

	"golang.org/x/crypto/md4" //lint:ignore SA1019 MSCHAPv2 is made of it

	"github.com/penstock-vpn/penstock/plugins/internal/eap"
	"github.com/penstock-vpn/penstock/plugins/sstp/internal/sstp"
)

const (
	user     = "alice"
	password = "Iridium-4711"
)

// gateway is one of SSTP that speaks as much PPP as a login by MS-CHAPv2 takes. Packets
// come back as they went.
type gateway struct {
	t           *testing.T
	certificate []byte
	status      string       // of its answer to the request
	says        atomic.Int32 // 0, or a message to send once there is a tunnel
	gone        chan struct{}
}

func newGateway(t *testing.T, certificate []byte) *gateway {
	return &gateway{t: t, certificate: certificate, status: "200 OK", gone: make(chan struct{}, 16)}
}

// call is one connection.
type call struct {
	*gateway
	conn  net.Conn
	noise []byte // the client's half of the challenge
	key   [sstp.KeySize]byte
}

var nonce = sstp.Challenge{Hashes: 3, Nonce: [32]byte{1, 2, 3}}

func (g *gateway) serve(conn net.Conn) {
	br := bufio.NewReader(conn)
	if !g.asked(br, conn) {
		return
	}
	c := &call{gateway: g, conn: conn}
	header := make([]byte, 4)
	for {
		if _, err := io.ReadFull(br, header); err != nil {
			return
		}
		whole := append(bytes.Clone(header), make([]byte, int(binary.BigEndian.Uint16(header[2:]))-4)...)
		if _, err := io.ReadFull(br, whole[4:]); err != nil {
			return
		}
		p, _, err := sstp.Cut(whole)
		if err != nil || !c.packet(p) {
			return
		}
	}
}

func (g *gateway) asked(br *bufio.Reader, conn net.Conn) bool {
	line, err := br.ReadString('\n')
	for head := ""; head != "\r\n" && err == nil; {
		head, err = br.ReadString('\n')
	}
	if err != nil || line != "SSTP_DUPLEX_POST /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/1.1\r\n" {
		return false
	}
	_, err = io.WriteString(conn, "HTTP/1.1 "+g.status+"\r\nContent-Length: 18446744073709551615\r\nServer: gate\r\n\r\n")
	return err == nil && strings.HasPrefix(g.status, "200")
}

func (c *call) say(t sstp.Type, attributes ...sstp.Attribute) {
	_, _ = c.conn.Write(sstp.Packet{Control: true, Payload: sstp.Message{Type: t, Attributes: attributes}.Append(nil)}.Append(nil))
}

// frame sends a packet of a protocol of PPP.
func (c *call) frame(protocol uint16, code, id byte, data string) {
	b := []byte{0xff, 0x03, byte(protocol >> 8), byte(protocol), code, id, byte((len(data) + 4) >> 8), byte(len(data) + 4)}
	_, _ = c.conn.Write(sstp.Packet{Payload: append(b, data...)}.Append(nil))
}

func (c *call) packet(p sstp.Packet) bool {
	if !p.Control {
		return c.ppp(p.Payload)
	}
	m, err := sstp.ParseMessage(p.Payload)
	if err != nil {
		return false
	}
	switch m.Type {
	case sstp.CallConnectRequest:
		c.say(sstp.CallConnectAck, sstp.Attribute{Kind: sstp.CryptoBindingRequest, Value: append([]byte{0, 0, 0, nonce.Hashes}, nonce.Nonce[:]...)})
	case sstp.CallConnected:
		if want := nonce.Connected(c.certificate, c.key); !bytes.Equal(want.Append(nil), p.Payload) {
			c.t.Errorf("the login is bound by %x, want %x", p.Payload, want.Append(nil))
			return false
		}
	case sstp.CallDisconnect:
		c.say(sstp.CallDisconnectAck)
		c.gone <- struct{}{}
		return false
	}
	return true
}

func (c *call) ppp(b []byte) bool {
	if !bytes.HasPrefix(b, []byte{0xff, 0x03}) || len(b) < 8 {
		return false
	}
	protocol, code, id, data := binary.BigEndian.Uint16(b[2:]), b[4], b[5], string(b[8:])
	switch {
	case protocol == 0x0021:
		_, _ = c.conn.Write(sstp.Packet{Payload: b}.Append(nil))
	case protocol == 0xc021 && code == 1:
		c.frame(protocol, 2, id, data)
		c.frame(protocol, 1, 1, wants)
	case protocol == 0xc021 && code == 3:
		c.frame(protocol, 1, id+1, wants)
	case protocol == 0xc021 && code == 2:
		c.frame(0xc223, 1, 1, "\x10"+challenge+"gate")
	case protocol == 0xc021 && code == 5:
		c.frame(protocol, 6, id, "")
	case protocol == 0xc223 && code == 2:
		c.login(id, b[4:])
	case protocol == 0x8021 && code == 1:
		c.address(id, data)
	}
	return true
}

const (
	wants     = "\x03\x05\xc2\x23\x81\x05\x06abcd"
	challenge = "0123456789abcdef"
)

func (c *call) login(id byte, response []byte) {
	c.noise = response[5:21]
	method := eap.MSCHAPv2(user, password, bytes.NewReader(c.noise))
	asked := "\x01" + string([]byte{id}) + "\x00\x19\x10" + challenge + "gate"
	own, err := method.Handle(id, []byte(asked))
	if err != nil || !bytes.Equal(own, response) {
		c.frame(0xc223, 4, id, "E=691 R=0 C=00 V=3 M=no")
		return
	}
	proof := authenticator(response[29:53], c.noise)
	if _, err := method.Handle(id, append([]byte{3, id, 0, byte(4 + len(proof))}, proof...)); err != nil {
		c.t.Error(err)
	}
	c.key = [sstp.KeySize]byte(method.Key())
	c.frame(0xc223, 3, id, proof)
}

// authenticator is the proof of RFC 2759 section 8.7.
func authenticator(response, noise []byte) string {
	var text []byte
	for _, u := range utf16.Encode([]rune(password)) {
		text = binary.LittleEndian.AppendUint16(text, u)
	}
	twice := text
	for range 2 {
		h := md4.New()
		h.Write(twice)
		twice = h.Sum(nil)
	}
	sum := func(parts ...string) string { s := sha1.Sum([]byte(strings.Join(parts, ""))); return string(s[:]) }
	digest := sum(string(twice), string(response), "Magic server to client signing constant")
	digest = sum(digest, sum(string(noise), challenge, user)[:8], "Pad to make it do more than one iteration")
	return "S=" + strings.ToUpper(hex.EncodeToString([]byte(digest)))
}

const (
	asks   = "\x03\x06\x00\x00\x00\x00\x81\x06\x00\x00\x00\x00\x82\x06\x00\x00\x00\x00\x83\x06\x00\x00\x00\x00\x84\x06\x00\x00\x00\x00"
	refuse = "\x83\x06\x00\x00\x00\x00\x84\x06\x00\x00\x00\x00\x82\x06\x00\x00\x00\x00"
	give   = "\x03\x06\x0a\x00\x00\x02\x81\x06\x0a\x00\x00\x01"
)

// address refuses what it does not know, then gives an address and a DNS server.
func (c *call) address(id byte, data string) {
	switch data {
	case asks:
		c.frame(0x8021, 4, id, refuse)
	case give:
		c.frame(0x8021, 2, id, data)
		c.frame(0x8021, 1, 1, "\x03\x06\x0a\x00\x00\x01")
		if m := c.says.Load(); m != 0 {
			c.say(sstp.Type(m))
		}
	default:
		c.frame(0x8021, 3, id, give)
	}
}
