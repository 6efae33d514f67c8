package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/gpgate"
	"github.com/penstock-vpn/penstock/host/internal/testlab/loadgate"
)

// gateway is what clients are measured against.
type gateway struct {
	name       string
	port       int
	protocol   string // penstock's name for it
	transports []string
	start      func(l *testlab.Lab) error
	who        who
}

// who are a gateway's clients.
type who int

const (
	both  who = iota // those that are compared
	ours             // the second of them
	aside            // the yardstick
)

// gateways: ocserv is what people run; load and gp do not hold a client back; wireguard
// stands beside them as a yardstick, and next to it ESP with a cipher that penstock
// alone has.
var gateways = []gateway{
	{"ocserv", 443, "anyconnect", []string{"tls", "dtls"}, func(l *testlab.Lab) error {
		_, err := l.StartOcserv(testlab.Ocserv{})
		return err
	}, both},
	{"load", 443, "anyconnect", []string{"tls", "dtls"}, func(l *testlab.Lab) error {
		_, err := loadgate.Start(l, loadgate.Config{})
		return err
	}, both},
	{"gp", 443, "globalprotect", []string{"tls", "esp"}, globalProtect("aes-128-cbc"), both},
	{"gcm", 443, "globalprotect", []string{"esp"}, globalProtect("aes-128-gcm"), ours},
	{"wireguard", loadgate.WireGuardPort, "", []string{"udp"}, func(l *testlab.Lab) error {
		_, err := loadgate.StartWireGuard(l)
		return err
	}, aside},
}

// globalProtect has ESP on the port that the others have for DTLS.
func globalProtect(cipher string) func(l *testlab.Lab) error {
	return func(l *testlab.Lab) error {
		_, err := gpgate.Start(l, gpgate.Config{ESP: gpgate.ESP{Encryption: cipher, Port: 443}})
		return err
	}
}

var yardstick = loadgate.WireGuard{}

// besideThem is the yardstick's section.
const besideThem = "wireguard udp"

// section names the part of the table for one of g's transports.
func (g gateway) section(transport string) string { return g.name + " " + transport }

// choose returns the gateways that a list names.
func choose(list string) ([]gateway, error) {
	var chosen []gateway
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(gateways, func(g gateway) bool { return g.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no gateway %q: ocserv, load, gp, gcm and wireguard are there", name)
		}
		chosen = append(chosen, gateways[i])
	}
	return chosen, nil
}

// clients are the gateway's, of those that are compared.
func (g gateway) clients(compared []testlab.Client) []testlab.Client {
	switch g.who {
	case ours:
		return compared[1:]
	case aside:
		return []testlab.Client{yardstick}
	}
	return compared
}

// spec is what a client is told for one of g's transports.
func (g gateway) spec(transport string) testlab.Spec {
	return testlab.Spec{Protocol: g.protocol, NoDTLS: transport == "tls"}
}

// field is a lab with a gateway in it, and iperf3 behind that.
type field struct {
	*testlab.Lab
	gateway
}

func newField(g gateway) (f field, err error) {
	l, err := testlab.New()
	if err != nil {
		return f, err
	}
	if err = g.start(l); err == nil {
		_, err = l.Gateway.Start(testlab.Command{Args: []string{"iperf3", "--server", "--bind", testlab.InsideV4}})
	}
	if err != nil {
		l.Close()
		return f, fmt.Errorf("%s: %w", g.name, err)
	}
	return field{l, g}, nil
}
