package e2e

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// A network that lets no UDP through: all goes over TCP (RFC 9329). strongSwan cannot, so
// that the gateway has somebody in front who takes the packets out of the stream.
func TestIKEv2OverTCP(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for _, test := range []struct {
		name   string
		server testlab.Strongswan
		args   func(*testing.T, *testlab.Lab) []string
	}{
		{"after UDP, pre-shared key", testlab.Strongswan{}, func(*testing.T, *testlab.Lab) []string { return psk("--esp-lifetime", "10s") }},
		{"at once, password", testlab.Strongswan{Auth: "eap-mschapv2", Cert: "server-large"},
			func(t *testing.T, l *testlab.Lab) []string { return eap(t, l, "server-large", "--ike-tcp", "always") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			server := strongswan(t, l, test.server)
			for _, port := range []int{500, 4500} {
				_, err := l.DropUDP(port)
				must(t, err)
			}
			before := snapshot(t, l)
			unwrap(t, l)
			c, err := l.Connect(within(t, 60*time.Second), ikev2(l, test.args(t, l)...), answers())
			must(t, err)
			status(t, l)
			reaches(t, l, testlab.InsideV4, testlab.InsideV6)
			bothWays(t, l, testlab.InsideV4, 5_000_000)
			if strings.Contains(test.name, "after") {
				must(t, testlab.Await(within(t, 20*time.Second), "new keys", func() bool {
					return strings.Contains(server.Output(), "CREATE_CHILD_SA response")
				}))
				bothWays(t, l, testlab.InsideV6, 1_000_000)
			}
			disconnect(t, c)
			unchanged(t, l, before)
			if sas, err := server.SAs(); err != nil || strings.Contains(sas, "ESTABLISHED") {
				t.Errorf("the gateway still has %s, %v", sas, err)
			}
		})
	}
}

// unwrap takes what comes over TCP to port 4500 of the gateway as UDP there, and back.
func unwrap(t *testing.T, l *testlab.Lab) {
	t.Helper()
	ln, err := l.Listen(4500)
	must(t, err)
	var all sync.WaitGroup
	t.Cleanup(func() { ln.Close(); all.Wait() })
	all.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				if err := unwrapOne(l, c); err != nil {
					t.Errorf("over TCP: %v", err)
				}
			})
		}
	})
}

func unwrapOne(l *testlab.Lab, c net.Conn) error {
	defer c.Close()
	begin := make([]byte, 6)
	if _, err := io.ReadFull(c, begin); err != nil || string(begin) != "IKETCP" {
		return fmt.Errorf("it begins with %q, %v", begin, err)
	}
	var conn *net.UDPConn
	err := l.Gateway.Do(func() (err error) {
		conn, err = net.DialUDP("udp", nil, &net.UDPAddr{IP: net.ParseIP(testlab.GatewayV4), Port: 4500})
		return err
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	go func() {
		b := make([]byte, 65536)
		for {
			n, err := conn.Read(b[2:])
			if err != nil {
				return
			}
			if n > 1 { // no keepalive
				binary.BigEndian.PutUint16(b, uint16(2+n))
				_, _ = c.Write(b[:2+n])
			}
		}
	}()
	b := make([]byte, 65536)
	for {
		if _, err := io.ReadFull(c, b[:2]); err != nil {
			return nil // the end
		}
		n := int(binary.BigEndian.Uint16(b))
		if n < 3 {
			return fmt.Errorf("a packet of %d bytes with its length", n)
		}
		if _, err := io.ReadFull(c, b[2:n]); err != nil {
			return nil
		}
		if _, err := conn.Write(b[2:n]); err != nil {
			return err
		}
	}
}
