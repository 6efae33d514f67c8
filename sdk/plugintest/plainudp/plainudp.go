// Package plainudp is the gateway of "plainudp", the protocol of the sdk's examples:
// packets in the clear over UDP. It protects nothing and is for tests only.
//
// Each datagram is a type octet and a payload:
//
//	0 packet   both ways    an IP packet
//	1 hello    to gateway   username, NUL, password
//	2 welcome  from gateway lines of "address PREFIX", "mtu N", "route PREFIX", "dns ADDRESS"
//	3 refused  from gateway the reason, for people
//	4 ping     both ways    answered by pong with the same payload
//	5 pong
//	6 bye      both ways    ends the session
//
// A client repeats its hello until it is answered.
package plainudp

import (
	"net"
	"strings"
)

// Types of datagrams.
const (
	Packet byte = iota
	Hello
	Welcome
	Refused
	Ping
	Pong
	Bye
)

// Gateway is one gateway; its methods may be called for several clients.
type Gateway struct {
	Username, Password string
	Settings           string // the payload of welcome
	// Receive gets each packet of a client that is logged in, if not nil. What it
	// returns goes back to the client, unless that is nil.
	Receive func(packet []byte) []byte
}

// Client is what a gateway remembers of one client.
type Client struct{ In bool }

// Handle returns the answer to a datagram of c, or nil.
func (g *Gateway) Handle(c *Client, datagram []byte) []byte {
	if len(datagram) == 0 {
		return nil
	}
	payload := datagram[1:]
	switch kind := datagram[0]; {
	case kind == Hello:
		username, password, _ := strings.Cut(string(payload), "\x00")
		if c.In = username == g.Username && password == g.Password; !c.In {
			return message(Refused, "wrong username or password")
		}
		return message(Welcome, g.Settings)
	case !c.In:
		return nil
	case kind == Ping:
		return message(Pong, string(payload))
	case kind == Bye:
		c.In = false
	case kind == Packet && g.Receive != nil:
		if answer := g.Receive(payload); answer != nil {
			return message(Packet, string(answer))
		}
	}
	return nil
}

// Serve is one client's gateway on a connection that keeps datagrams apart.
func (g *Gateway) Serve(c net.Conn) {
	client, buffer := &Client{}, make([]byte, 64<<10)
	for {
		n, err := c.Read(buffer)
		if err != nil {
			return
		}
		if answer := g.Handle(client, buffer[:n]); answer != nil {
			if _, err := c.Write(answer); err != nil {
				return
			}
		}
	}
}

func message(kind byte, payload string) []byte { return append([]byte{kind}, payload...) }
