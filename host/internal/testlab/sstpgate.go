package testlab

import (
	"context"
	"regexp"
	"strconv"
)

// SSTPGate says how the gateway of SSTP is to be; it is a program of the plugin's own.
type SSTPGate struct {
	Cert   string // of the PKI: server (default), server-ec
	Login  string // mschapv2 (default), pap
	MRU    int    // of the gateway; 0: it says nothing
	Hashes int    // 1 SHA-1, 2 SHA-256; 0: both
	Port   int    // 443
	PPPD   string // address and port of the pppd that is its end of PPP; empty: it is itself
}

// RunningSSTPGate is a running gateway.
type RunningSSTPGate struct{ *Process }

// The addresses inside of it.
const (
	sstpClient = "10.88.0.2"
	sstpPeer   = "10.88.0.1"
)

// StartSSTPGate builds the gateway, starts it and waits until it listens.
func (l *Lab) StartSSTPGate(c SSTPGate) (*RunningSSTPGate, error) {
	p, err := l.startGate(l.Gateway.StartTerminal, "sstpgate", "./plugins/sstp/internal/gate/serve", c.args(l), sstpPeer)
	if err != nil {
		return nil, err
	}
	return &RunningSSTPGate{p}, nil
}

func (c SSTPGate) args(l *Lab) []string {
	if c.Cert == "" {
		c.Cert = "server"
	}
	if c.Port == 0 {
		c.Port = 443
	}
	var args []string
	for name, value := range map[string]string{
		"user": User, "password": Password, "login": c.Login, "cert": l.PKI.Cert(c.Cert), "key": l.PKI.Key(c.Cert),
		"listen": ":" + strconv.Itoa(c.Port), "address": sstpClient, "peer": sstpPeer, "dns": InsideV4,
		"mru": strconv.Itoa(c.MRU), "hashes": strconv.Itoa(c.Hashes), "pppd": c.PPPD,
	} {
		args = append(args, "-"+name+"="+value)
	}
	return args
}

// Disconnect has the gateway end the session; Renegotiate, begin anew with PPP.
func (g *RunningSSTPGate) Disconnect() error { return g.Type("disconnect\n") }

// Renegotiate is described at Disconnect.
func (g *RunningSSTPGate) Renegotiate() error { return g.Type("renegotiate\n") }

// Bound has the gateway check that all calls are bound by that key, in hexadecimal digits.
func (g *RunningSSTPGate) Bound(ctx context.Context, key string) error {
	if err := g.Type("key " + key + "\n"); err != nil {
		return err
	}
	return g.Expect(ctx, regexp.MustCompile("bound: true"))
}
