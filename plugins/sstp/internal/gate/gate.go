// Package gate is a gateway of SSTP for tests: one account, one address, and as much PPP as
// that takes, written without the engine that it is to test.
package gate

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"

	"github.com/penstock-vpn/penstock/plugins/sstp/internal/sstp"
)

// Policy is how a gate is to be.
type Policy struct {
	Certificate    []byte // its own, in DER
	User, Password string
	Login          string // how clients log in: mschapv2 (default), pap
	Address        netip.Addr
	Peer, DNS      netip.Addr // its own address, and a server's; invalid: none
	MRU            int        // of what it takes; 0: it does not say
	Hashes         byte       // that it knows: 1 SHA-1, 2 SHA-256; 0: both
	Status         string     // of its answer to the request, "200 OK" if empty
	// PPPD connects to a pppd, which is then the other end of PPP; nil: the gate is.
	PPPD func() (net.Conn, error)
}

// Gate lets clients in.
type Gate struct {
	p       Policy
	deliver func(packet []byte)

	mu     sync.Mutex
	call   *call // the last that came up; nil: none
	calls  map[*call]bool
	faults []error
	left   int
}

// New makes a gate that gives packets from clients to deliver; nil: it sends them back.
func New(p Policy, deliver func(packet []byte)) *Gate {
	if p.Login == "" {
		p.Login = "mschapv2"
	}
	if p.Hashes == 0 {
		p.Hashes = 3
	}
	if p.Status == "" {
		p.Status = "200 OK"
	}
	return &Gate{p: p, deliver: deliver, calls: map[*call]bool{}}
}

// Faults are what clients did wrong; nil: nothing.
func (g *Gate) Faults() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return errors.Join(g.faults...)
}

// Left is how many clients said goodbye.
func (g *Gate) Left() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.left
}

// Calls is how many there are.
func (g *Gate) Calls() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.calls)
}

func (g *Gate) fault(format string, args ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.faults = append(g.faults, fmt.Errorf(format, args...))
}

// Send sends a packet to the client that is up; there may be none.
func (g *Gate) Send(packet []byte) {
	g.mu.Lock()
	c := g.call
	g.mu.Unlock()
	if c != nil {
		c.packet(packet)
	}
}

// Say sends a message to the client that is up, such as a goodbye.
func (g *Gate) Say(t sstp.Type) {
	g.mu.Lock()
	c := g.call
	g.mu.Unlock()
	if c != nil {
		c.say(t)
	}
}

// Renegotiate begins anew with PPP in all calls.
func (g *Gate) Renegotiate() {
	var links []*link
	var relays []*relay
	g.mu.Lock()
	for c := range g.calls {
		if c.relay != nil {
			relays = append(relays, c.relay)
		} else {
			links = append(links, &c.link)
		}
	}
	g.mu.Unlock()
	for _, l := range links {
		l.begin()
	}
	for _, r := range relays {
		if err := r.connect(); err != nil {
			g.fault("pppd: %w", err)
		}
	}
}

// Bound says whether all calls are bound by that key, which pppd has told.
func (g *Gate) Bound(key [sstp.KeySize]byte) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.calls {
		if !bytes.Equal(c.connected, c.challenge.Connected(g.p.Certificate, key).Append(nil)) {
			return false
		}
	}
	return len(g.calls) > 0
}

// Hangup ends all calls without a word.
func (g *Gate) Hangup() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.calls {
		_ = c.conn.Close()
	}
}

// call is one connection.
type call struct {
	g         *Gate
	challenge sstp.Challenge
	link      link
	relay     *relay // in place of link; nil: link it is
	bound     bool
	connected []byte // what bound it

	writing sync.Mutex
	conn    net.Conn
}

// request is the first line of every client's.
const request = "SSTP_DUPLEX_POST /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/1.1\r\n"

// Serve serves a client until it leaves. conn is the plaintext of TLS.
func (g *Gate) Serve(conn net.Conn) {
	c := &call{g: g, conn: conn, challenge: sstp.Challenge{Hashes: g.p.Hashes, Nonce: [32]byte{1, 2, 3}}}
	c.link.c, c.link.mru = c, g.p.MRU
	g.mu.Lock()
	g.calls[c] = true
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.calls, c)
		if c.relay != nil {
			_ = c.relay.pppd().Close()
		}
		if g.call == c {
			g.call = nil
		}
	}()
	br := bufio.NewReaderSize(conn, 64<<10)
	if c.asked(br) && c.connect() {
		for c.take(br) {
		}
	}
}

// connect finds the other end of PPP.
func (c *call) connect() bool {
	if c.g.p.PPPD == nil {
		return true
	}
	r := &relay{c: c}
	if err := r.connect(); err != nil {
		c.g.fault("pppd: %w", err)
		return false
	}
	c.g.mu.Lock()
	c.relay = r
	c.g.mu.Unlock()
	go r.read()
	return true
}

// key is what the login gave.
func (c *call) key() [sstp.KeySize]byte {
	if c.relay != nil {
		return c.relay.key()
	}
	return c.link.key
}

// secret says that nobody but its ends knows the key.
func (c *call) secret() bool { return c.relay != nil && c.relay.secret }

// asked reads the request of HTTP and answers it.
func (c *call) asked(br *bufio.Reader) bool {
	line, err := br.ReadString('\n')
	for head := ""; head != "\r\n" && err == nil; {
		head, err = br.ReadString('\n')
	}
	if err != nil || line != request {
		if err == nil {
			c.g.fault("a request %q", line)
		}
		return false
	}
	_, err = io.WriteString(c.conn, "HTTP/1.1 "+c.g.p.Status+"\r\nContent-Length: 18446744073709551615\r\nServer: gate\r\n\r\n")
	return err == nil && strings.HasPrefix(c.g.p.Status, "200")
}

// take handles one packet; false: it was the last.
func (c *call) take(br *bufio.Reader) bool {
	header, err := br.Peek(4)
	if err != nil {
		return false
	}
	whole := make([]byte, binary.BigEndian.Uint16(header[2:])&0xfff)
	if _, err := io.ReadFull(br, whole); err != nil {
		return false
	}
	p, _, err := sstp.Cut(whole)
	switch {
	case err != nil:
		c.g.fault("%x: %w", whole, err)
		return false
	case p.Control:
		return c.message(p.Payload)
	}
	if c.relay != nil {
		return c.relay.receive(p.Payload)
	}
	return c.link.receive(p.Payload)
}

func (c *call) message(payload []byte) bool {
	m, err := sstp.ParseMessage(payload)
	if err != nil {
		c.g.fault("%x: %w", payload, err)
		return false
	}
	switch m.Type {
	case sstp.CallConnectRequest:
		c.say(sstp.CallConnectAck, sstp.Attribute{Kind: sstp.CryptoBindingRequest, Value: append([]byte{0, 0, 0, c.challenge.Hashes}, c.challenge.Nonce[:]...)})
	case sstp.CallConnected:
		if want := c.challenge.Connected(c.g.p.Certificate, c.key()); !c.secret() && !bytes.Equal(want.Append(nil), payload) {
			c.g.fault("the login is bound by %x, want %x", payload, want.Append(nil))
			c.say(sstp.CallAbort)
			return false
		}
		c.g.mu.Lock()
		c.bound, c.connected = true, payload
		c.g.mu.Unlock()
	case sstp.EchoRequest:
		c.say(sstp.EchoResponse)
	case sstp.CallDisconnect:
		c.g.mu.Lock()
		c.g.left++
		c.g.mu.Unlock()
		c.say(sstp.CallDisconnectAck)
		return false
	}
	return true
}

func (c *call) say(t sstp.Type, attributes ...sstp.Attribute) {
	c.write(sstp.Packet{Control: true, Payload: sstp.Message{Type: t, Attributes: attributes}.Append(nil)})
}

func (c *call) write(p sstp.Packet) {
	c.writing.Lock()
	defer c.writing.Unlock()
	_, _ = c.conn.Write(p.Append(nil)) // the end is noticed by who reads
}

// packet sends one of IPv4.
func (c *call) packet(b []byte) {
	c.write(sstp.Packet{Payload: append([]byte{0xff, 0x03, 0x00, 0x21}, b...)})
}

// up makes c the client that packets go to.
func (c *call) up() {
	c.g.mu.Lock()
	defer c.g.mu.Unlock()
	if c.g.call = c; !c.bound {
		c.g.faults = append(c.g.faults, errors.New("an address before the login was bound"))
	}
}
