package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/loadgate"
)

// gateway is what clients are measured against.
type gateway struct {
	name       string
	port       int
	transports []string
	start      func(l *testlab.Lab) error
	alone      testlab.Client // its only client; nil: all that are compared
}

// gateways: ocserv is what people run; load does not hold a client back; wireguard
// stands beside them as a yardstick.
var gateways = []gateway{
	{"ocserv", 443, []string{"tls", "dtls"}, func(l *testlab.Lab) error {
		_, err := l.StartOcserv(testlab.Ocserv{})
		return err
	}, nil},
	{"load", 443, []string{"tls", "dtls"}, func(l *testlab.Lab) error {
		_, err := loadgate.Start(l, loadgate.Config{})
		return err
	}, nil},
	{"wireguard", loadgate.WireGuardPort, []string{"udp"}, func(l *testlab.Lab) error {
		_, err := loadgate.StartWireGuard(l)
		return err
	}, yardstick},
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
			return nil, fmt.Errorf("there is no gateway %q: ocserv, load and wireguard are there", name)
		}
		chosen = append(chosen, gateways[i])
	}
	return chosen, nil
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
