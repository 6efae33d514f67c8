// Command serve runs a gate of SSTP for end-to-end tests, with a TUN device for what comes
// through the tunnel. It prints a line when it listens, and what clients do wrong.
//
// It reads commands from standard input: "disconnect", "renegotiate", and "key HEX", which asks
// whether the calls are bound by that key.
package main

import (
	"bufio"
	"crypto/tls"
	"encoding/hex"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/penstock-vpn/penstock/plugins/internal/gatetun"
	"github.com/penstock-vpn/penstock/plugins/sstp/internal/gate"
	"github.com/penstock-vpn/penstock/plugins/sstp/internal/sstp"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "sstp gate:", err)
		os.Exit(1)
	}
}

// given are the values of flags that are not a Policy's own.
type given struct{ cert, key, listen, address, peer, dns, pppd string }

func flags(p *gate.Policy) *given {
	g := &given{}
	for name, to := range map[string]*string{
		"user": &p.User, "password": &p.Password, "login": &p.Login,
		"cert": &g.cert, "key": &g.key, "listen": &g.listen, "address": &g.address, "peer": &g.peer, "dns": &g.dns, "pppd": &g.pppd,
	} {
		flag.StringVar(to, name, "", "see Policy")
	}
	flag.IntVar(&p.MRU, "mru", 0, "see Policy")
	hashes := flag.Int("hashes", 0, "see Policy")
	flag.Parse()
	p.Hashes = byte(*hashes)
	return g
}

func run() error {
	var p gate.Policy
	g := flags(&p)
	pair, err := tls.LoadX509KeyPair(g.cert, g.key)
	if err != nil {
		return err
	}
	p.Certificate = pair.Certificate[0]
	for text, to := range map[string]*netip.Addr{g.address: &p.Address, g.peer: &p.Peer, g.dns: &p.DNS} {
		if text != "" {
			if *to, err = netip.ParseAddr(text); err != nil {
				return err
			}
		}
	}
	if g.pppd != "" {
		p.PPPD = func() (net.Conn, error) { return net.Dial("tcp", g.pppd) }
	}
	tun, err := gatetun.Open("vpns0")
	if err != nil {
		return err
	}
	gateway := gate.New(p, func(packet []byte) { _, _ = tun.Write(packet) }) // what the kernel does not take is lost, as on any line
	listener, err := tls.Listen("tcp", g.listen, &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		return err
	}
	fmt.Println("ready")
	failed := make(chan error)
	go func() { failed <- outward(tun, gateway) }()
	go command(gateway)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				failed <- err
				return
			}
			go func() {
				defer conn.Close()
				gateway.Serve(conn)
				if err := gateway.Faults(); err != nil {
					fmt.Println("fault:", err)
				}
				fmt.Println("left:", gateway.Left(), "calls:", gateway.Calls())
			}()
		}
	}()
	return <-failed
}

func outward(tun *os.File, g *gate.Gate) error {
	b := make([]byte, 1<<16)
	for {
		n, err := tun.Read(b)
		if err != nil {
			return err
		}
		g.Send(b[:n])
	}
}

// command does what the test says.
func command(g *gate.Gate) {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		switch lines.Text() {
		case "disconnect":
			g.Say(sstp.CallDisconnect)
		case "renegotiate":
			g.Renegotiate()
		default:
			var key [sstp.KeySize]byte
			digits, _ := strings.CutPrefix(lines.Text(), "key ")
			_, err := hex.Decode(key[:], []byte(digits[:min(len(digits), hex.EncodedLen(len(key)))]))
			fmt.Println("bound:", err == nil && g.Bound(key))
		}
	}
}
