// Package loadgate is a gateway for benchmarks: AnyConnect's CSTP over TLS and DTLS
// 1.2 with a pre-shared key, on the project's own data plane, so that the server is
// not what is measured. It takes one user without questions, and keeps no secret
// worth keeping.
//
//	Start -> a process on the gateway's machine -> Init -> serve
//
//	gateway.go   TLS connections and the sessions they belong to
//	dialogue.go  the login, and the answer to CONNECT
//	session.go   a client's tunnel and the paths in it
//	datagram.go  UDP: which client a handshake belongs to
//	wireguard.go a yardstick: wireguard-go between the same two machines
//
// The tunnel's far end is package endpoint's.
package loadgate

import (
	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/endpoint"
)

// Config says how the gateway is to be; zero fields mean what is quickest.
type Config struct {
	Single bool // TLS records leave one by one, as ocserv sends them
	MTU    int  // inside the tunnel, 1400

	Cert, Key string // files; filled in
}

const port = 443 // TCP and UDP

var program = endpoint.Program[Config]{Name: "penstock-loadgate", Serve: serve}

// Start starts the gateway on the lab's gateway machine and waits until it listens.
func Start(l *testlab.Lab, c Config) (*testlab.Process, error) {
	if c.MTU == 0 {
		c.MTU = endpoint.MTU
	}
	c.Cert, c.Key = l.PKI.Cert("server"), l.PKI.Key("server")
	return program.Start(l.Gateway, c, port)
}

// Init turns the process into the gateway, or an end of the yardstick, when it was
// started as one, and then never returns. Programs that call Start or StartWireGuard
// call it after testlab.Init.
func Init() {
	program.Init()
	initWireGuard()
}
