package testlab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab/pki"
)

// Addresses of the lab; the picture in the package comment shows them.
const (
	GatewayName = "vpn.test"
	GatewayV4   = "10.77.0.1"
	GatewayV6   = "fd77::1"
	ClientV4    = "10.77.0.2"
	ClientV6    = "fd77::2"
	InsideV4    = "10.99.0.1"
	InsideV6    = "fd99::1"
	// Beyond stands for the rest of the world: not among the split routes.
	Beyond = "10.99.1.1"

	outside = "eth0"
)

// guard drops what comes to the inside, or from it, around the tunnel.
const guard = `table inet guard {
	chain in {
		type filter hook prerouting priority raw;
		iifname "eth*" ip daddr { 10.88.0.0/16, 10.99.0.0/16 } counter drop
		iifname "eth*" ip saddr { 10.88.0.0/16, 10.99.0.0/16 } counter drop
		iifname "eth*" ip6 daddr { fd88::/16, fd99::/16 } counter drop
		iifname "eth*" ip6 saddr { fd88::/16, fd99::/16 } counter drop
	}
}`

// Lab is a client and a gateway, joined.
type Lab struct {
	Dir     string // everybody may read it; ends with Close
	Client  *Machine
	Gateway *Machine
	PKI     *pki.PKI

	more []*Machine
}

// New builds a lab.
func New() (*Lab, error) {
	dir, err := os.MkdirTemp("", "penstock-lab-")
	if err != nil {
		return nil, err
	}
	l := &Lab{Dir: dir}
	if err := l.build(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Lab) build() (err error) {
	if err = os.Chmod(l.Dir, 0o755); err != nil {
		return err
	}
	if l.PKI, err = pki.Write(filepath.Join(l.Dir, "pki"), GatewayName, "v6."+GatewayName, BranchName, GatewayV4, GatewayV6, BranchV4); err != nil {
		return err
	}
	if l.Client, err = NewMachine("client", l.Dir); err != nil {
		return err
	}
	if l.Gateway, err = NewMachine("gateway", l.Dir); err != nil {
		return err
	}
	if err = l.join(); err != nil {
		return err
	}
	if err = errors.Join(l.Gateway.Nft(guard), l.Client.Nft(guard)); err != nil {
		return err
	}
	names := fmt.Sprintf("127.0.0.1 localhost\n%s %s\n%s v6.%s\n%s %s\n", GatewayV4, GatewayName, GatewayV6, GatewayName, BranchV4, BranchName)
	if err = l.Client.WriteFile("/etc/hosts", names, 0o644); err != nil {
		return err
	}
	return l.Client.WriteFile("/etc/resolv.conf", "# outside\nnameserver "+GatewayV4+"\n", 0o644)
}

// join lays the cable and gives both ends their addresses.
func (l *Lab) join() error {
	if err := connect(l.Client, outside, l.Gateway, outside); err != nil {
		return err
	}
	err := errors.Join(
		l.Client.address(outside, ClientV4+"/24", ClientV6+"/64"),
		l.Gateway.address(outside, GatewayV4+"/24", GatewayV6+"/64"),
		l.Gateway.address("lo", InsideV4+"/32", InsideV6+"/128", Beyond+"/32"),
		l.Client.setUp(outside), l.Gateway.setUp(outside),
		l.Client.route("0.0.0.0/0", GatewayV4), l.Client.route("::/0", GatewayV6),
	)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return Await(ctx, "the cable", func() bool { return l.Client.settled(outside) && l.Gateway.settled(outside) })
}

// Listen opens a TCP listener on the gateway, on all its addresses.
func (l *Lab) Listen(port int) (ln net.Listener, err error) {
	err = l.Gateway.Do(func() error {
		ln, err = net.Listen("tcp", fmt.Sprintf(":%d", port))
		return err
	})
	return ln, err
}

// Logs is what happened on both machines, for a failed test.
func (l *Lab) Logs() string {
	var b strings.Builder
	for _, m := range append(l.more, l.Gateway, l.Client) {
		if m != nil {
			b.WriteString(m.Logs())
		}
	}
	return b.String()
}

// Close removes the lab with everything in it.
func (l *Lab) Close() error {
	for _, m := range append(l.more, l.Client, l.Gateway) {
		if m != nil {
			m.Close()
		}
	}
	return os.RemoveAll(l.Dir)
}
