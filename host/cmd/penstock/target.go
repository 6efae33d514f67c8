package main

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/internal/config"
	"github.com/penstock-vpn/penstock/host/internal/control"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
)

// target is what NAME|GATEWAY means.
type target struct {
	word    string // as typed
	name    string // of the connection
	gateway string // "" when written
	written *config.Connection
}

func (t target) protocol() string {
	if t.written == nil {
		return ""
	}
	return t.written.Protocol()
}

// target takes a connection of that name before a gateway.
func (a *app) target(word string) (target, error) {
	files, err := a.loadConfig()
	if err != nil {
		return target{}, err
	}
	if c, ok := files.Find(word); ok {
		return target{word: word, name: word, written: &c}, nil
	}
	near := option.Nearest(word, files.Names())
	if near != "" && !strings.ContainsAny(word, "./:") {
		return target{}, usage(fmt.Sprintf("there is no connection %s", option.Quote(word)),
			fmt.Sprintf("did you mean %s? To connect to a gateway of that name, write https://%s", near, word))
	}
	if err := checkGateway(word); err != nil {
		return target{}, err
	}
	return target{word: word, name: nameFor(word), gateway: word}, nil
}

func checkGateway(text string) error {
	wrong := func(why string) error {
		return diag.New(diag.Config, option.Quote(text)+" is neither a connection nor the address of a gateway",
			why+"; write HOST, HOST:PORT or https://HOST[:PORT]/[group]").With("gateway")
	}
	u, err := host.GatewayURL(text)
	if err != nil {
		return wrong("it is no URL")
	}
	switch {
	case u.Scheme != "https":
		return wrong("gateways are addressed by https")
	case u.Hostname() == "" || strings.ContainsAny(u.Hostname(), " _/\\"):
		return wrong("it has no host name")
	case u.User != nil:
		return wrong("a user name and password have no place in it: use --username")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return wrong("a port is a number from 1 to 65535")
		}
	}
	return nil
}

// nameFor makes the connection's name from its gateway: vpn.example.com, or
// vpn.example.com-8443.
func nameFor(gateway string) string {
	u, err := host.GatewayURL(gateway)
	if err != nil {
		return "vpn"
	}
	name := u.Hostname()
	if port := u.Port(); port != "" && port != "443" {
		name = net.JoinHostPort(name, port)
	}
	name = strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-':
			return r
		case r == '[' || r == ']':
			return -1
		}
		return '-'
	}, name), ".")
	if name = name[:min(len(name), 64)]; !control.ValidName(name) {
		return "vpn"
	}
	return name
}
