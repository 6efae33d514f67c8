// Command serve runs an ikegate for end-to-end tests: on the ports 500 and 4500, with a
// TUN device for what comes through the tunnel. It prints a line when it listens, each
// document of a client, and what clients do wrong.
package main

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"

	"github.com/penstock-vpn/penstock/plugins/internal/gatetun"
	"github.com/penstock-vpn/penstock/plugins/internal/ikegate"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "ikegate:", err)
		os.Exit(1)
	}
}

// given are the values of flags that are not a Policy's own.
type given struct {
	cert, key, clients, groups, address, dns, routes string
}

func flags(p *ikegate.Policy) *given {
	g := &given{}
	for name, to := range map[string]*string{
		"name": &p.Name, "user": &p.User, "password": &p.Password, "code": &p.Code, "refusal": &p.Refusal, "banner": &p.Banner, "domain": &p.Domain,
		"cert": &g.cert, "key": &g.key, "clients": &g.clients, "groups": &g.groups, "address": &g.address, "dns": &g.dns, "routes": &g.routes,
	} {
		flag.StringVar(to, name, "", "see Policy")
	}
	for name, to := range map[string]*bool{"pieces": &p.Pieces, "scan": &p.Scan, "client-id": &p.ClientID} {
		flag.BoolVar(to, name, false, "see Policy")
	}
	flag.Parse()
	return g
}

func policy() (p ikegate.Policy, err error) {
	g := flags(&p)
	pair, err := tls.LoadX509KeyPair(g.cert, g.key)
	if err != nil {
		return p, err
	}
	for _, der := range pair.Certificate {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return p, err
		}
		p.Chain = append(p.Chain, c)
	}
	p.Key, _ = pair.PrivateKey.(crypto.Signer)
	if p.Address, err = netip.ParseAddr(g.address); err != nil {
		return p, err
	}
	if g.dns != "" {
		if p.DNS, err = netip.ParseAddr(g.dns); err != nil {
			return p, err
		}
	}
	for _, text := range list(g.routes) {
		r, err := netip.ParsePrefix(text)
		if err != nil {
			return p, err
		}
		p.Routes = append(p.Routes, r)
	}
	p.Groups = list(g.groups)
	if g.clients == "" {
		return p, nil
	}
	pem, err := os.ReadFile(g.clients)
	p.Clients = x509.NewCertPool()
	if err == nil && !p.Clients.AppendCertsFromPEM(pem) {
		err = errors.New("no certificates in " + g.clients)
	}
	return p, err
}

func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' })
}

// server is a gate between two sockets and a TUN device.
type server struct {
	gate   *ikegate.Gate
	tun    *os.File
	client atomic.Pointer[net.UDPAddr] // where ESP came from last
	natt   *net.UDPConn
	said   int
	faults string
}

func run() error {
	p, err := policy()
	if err != nil {
		return err
	}
	s := &server{gate: ikegate.New(p)}
	if s.tun, err = gatetun.Open("vpns0"); err != nil {
		return err
	}
	plain, err := net.ListenUDP("udp4", &net.UDPAddr{Port: 500})
	if err != nil {
		return err
	}
	if s.natt, err = net.ListenUDP("udp4", &net.UDPAddr{Port: 4500}); err != nil {
		return err
	}
	fmt.Println("ready")
	failed := make(chan error)
	go func() { failed <- s.serve(plain, nil) }()
	go func() { failed <- s.serve(s.natt, []byte{0, 0, 0, 0}) }()
	go func() { failed <- s.outward() }()
	return <-failed
}

// serve answers what comes to one socket; with a marker, ESP is at home there too.
func (s *server) serve(conn *net.UDPConn, marker []byte) error {
	b := make([]byte, 1<<16)
	for {
		n, from, err := conn.ReadFromUDP(b)
		if err != nil {
			return err
		}
		message, isIKE := bytes.CutPrefix(b[:n], marker)
		if !isIKE {
			s.inward(b[:n], from)
			continue
		}
		for _, answer := range s.gate.Handle(bytes.Clone(message)) {
			_, _ = conn.WriteToUDP(append(bytes.Clone(marker), answer...), from) // a lost one is asked for again
		}
		if marker != nil {
			s.client.Store(from)
		}
		s.report()
	}
}

// inward takes a datagram of ESP.
func (s *server) inward(b []byte, from *net.UDPAddr) {
	if len(b) == 1 {
		return // keeps a NAT's mapping
	}
	packet, err := s.gate.Open(b)
	if err != nil {
		fmt.Println("dropped:", err)
		return
	}
	s.client.Store(from)
	_, _ = s.tun.Write(packet) // what the kernel does not take is lost, as on any line
}

func (s *server) outward() error {
	b := make([]byte, 1<<16)
	for {
		n, err := s.tun.Read(b)
		if err != nil {
			return err
		}
		if sealed, to := s.gate.Seal(b[:n]), s.client.Load(); sealed != nil && to != nil {
			_, _ = s.natt.WriteToUDP(sealed, to)
		}
	}
}

// report tells what is new.
func (s *server) report() {
	said := s.gate.Said()
	for ; s.said < len(said); s.said++ {
		fmt.Println("client:", strings.ReplaceAll(said[s.said], "\n", ""))
	}
	if err := s.gate.Faults(); err != nil && err.Error() != s.faults {
		s.faults = err.Error()
		fmt.Println("fault:", strings.ReplaceAll(s.faults, "\n", "; "))
	}
}
