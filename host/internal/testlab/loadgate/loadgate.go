// Package loadgate is a gateway for benchmarks: AnyConnect's CSTP over TLS and DTLS
// 1.2 with a pre-shared key, on the project's own data plane, so that the server is
// not what is measured. It takes one user without questions, and keeps no secret
// worth keeping.
//
//	Start -> a process on the gateway's machine -> Init -> serve
//
//	gateway.go   TLS connections and the sessions they belong to
//	dialogue.go  the login, and the answer to CONNECT
//	session.go   a client's TUN device and data plane
//	datagram.go  UDP: which client a handshake belongs to
//	wireguard.go a yardstick: wireguard-go between the same two machines
//
// A further way to carry packets is one more dataplane.Datagram: session.carry takes
// it, whatever protocol made it.
package loadgate

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// Config says how the gateway is to be; zero fields mean what is quickest.
type Config struct {
	Single bool // TLS records leave one by one, as ocserv sends them
	MTU    int  // inside the tunnel, 1400

	Cert, Key string // files; filled in
}

const (
	port       = 443 // TCP and UDP
	defaultMTU = 1400
	hook       = "penstock-loadgate"
)

// Start starts the gateway on the lab's gateway machine and waits until it listens.
func Start(l *testlab.Lab, c Config) (*testlab.Process, error) {
	if c.MTU == 0 {
		c.MTU = defaultMTU
	}
	c.Cert, c.Key = l.PKI.Cert("server"), l.PKI.Key("server")
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	p, err := l.Gateway.Start(testlab.Command{Args: []string{program, hook, string(config)}})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = testlab.Await(ctx, "the load gateway to listen", func() bool { return ended(p) || l.Gateway.Listens(port) })
	if err == nil && ended(p) {
		err = fmt.Errorf("the load gateway did not start: %s", p.Tail(20))
	}
	return p, err
}

func ended(p *testlab.Process) bool {
	select {
	case <-p.Done():
		return true
	default:
		return false
	}
}

// Init turns the process into the gateway, or an end of the yardstick, when it was
// started as one, and then never returns. Programs that call Start or StartWireGuard
// call it after testlab.Init.
func Init() {
	if len(os.Args) != 3 {
		return
	}
	var err error
	switch os.Args[1] {
	case hook:
		var c Config
		if err = json.Unmarshal([]byte(os.Args[2]), &c); err == nil {
			err = serve(c)
		}
	case wireGuardHook:
		var e end
		if err = json.Unmarshal([]byte(os.Args[2]), &e); err == nil {
			err = e.run()
		}
	default:
		return
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
