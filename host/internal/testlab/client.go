package testlab

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/penstock-vpn/penstock/host/internal/testlab/pki"
)

// Spec is what a user asks of a VPN client, in no client's words.
type Spec struct {
	URL      string // https://vpn.test/ when empty
	Protocol string // anyconnect when empty, or another of penstock's names
	Username string
	Group    string
	Answers  []string // lines on standard input, the password first; nil: not told to read any
	Terminal bool     // prompts come to a terminal, see Process.Type

	CA     string // name in the PKI: ca when empty
	Cert   string // name of the user's certificate in the PKI
	Bundle bool   // as PKCS#12 in place of PEM

	NoDTLS    bool
	Interface string // name for the TUN device
	Script    string // vpnc-script in place of the client's own

	Extra []string // options in the client's words
	Env   []string
}

// Client is a VPN client under test.
type Client interface {
	Name() string
	// Args is the command line that does what s asks.
	Args(l *Lab, s Spec) []string
}

// Connection is a client that was started.
type Connection struct {
	*Process
	lab *Lab

	Interface string // once up
	Addresses []netip.Prefix
}

// Launch starts a client and returns at once.
func (l *Lab) Launch(c Client, s Spec) (*Connection, error) {
	if s.URL == "" {
		s.URL = "https://" + GatewayName + "/"
	}
	if s.CA == "" {
		s.CA = "ca"
	}
	if s.Protocol == "" {
		s.Protocol = "anyconnect"
	}
	cmd := Command{Args: c.Args(l, s), Env: s.Env}
	start := l.Client.Start
	if s.Terminal {
		start = l.Client.StartTerminal
	} else if s.Answers != nil {
		cmd.Stdin = strings.Join(s.Answers, "\n") + "\n"
	}
	p, err := start(cmd)
	if err != nil {
		return nil, err
	}
	return &Connection{Process: p, lab: l}, nil
}

// Connect starts a client and waits until the inside can be reached.
func (l *Lab) Connect(ctx context.Context, c Client, s Spec) (*Connection, error) {
	conn, err := l.Launch(c, s)
	if err != nil {
		return nil, err
	}
	return conn, conn.WaitUp(ctx)
}

// WaitUp waits until there is a tunnel that the kernel would use for the inside.
// It asks the kernel alone: what the client says of itself is for tests to compare.
func (c *Connection) WaitUp(ctx context.Context) error {
	err := Await(ctx, "a tunnel to the inside", func() bool { return c.up() || c.ended() })
	if err == nil && c.ended() && !c.daemonised() {
		err = fmt.Errorf("%s ended before the tunnel was up: %s", c, c.Tail(30))
	}
	return err
}

// daemonised says that the process ended well and left its tunnel to a child.
func (c *Connection) daemonised() bool { return c.cmd.ProcessState.ExitCode() == 0 && c.up() }

func (c *Connection) up() bool {
	device := c.lab.Client.RouteDevice(InsideV4)
	for _, tun := range c.lab.Client.Tunnels() {
		attrs := tun.Attrs()
		if attrs.Name == device && attrs.Flags&net.FlagUp != 0 {
			c.Interface, c.Addresses = device, c.lab.Client.Addresses(tun)
			return len(c.Addresses) > 0
		}
	}
	return false
}

// MTU is that of the tunnel now, as the kernel has it.
func (c *Connection) MTU() int {
	link, err := c.lab.Client.link.LinkByName(c.Interface)
	if err != nil {
		return 0
	}
	return link.Attrs().MTU
}

// Openconnect is Debian's openconnect, the client to compare with.
type Openconnect struct{}

// Name implements Client.
func (Openconnect) Name() string { return "openconnect" }

// Args implements Client.
func (Openconnect) Args(l *Lab, s Spec) []string {
	protocol := s.Protocol
	if protocol == "globalprotect" {
		protocol = "gp"
	}
	args := []string{"/usr/sbin/openconnect", "--protocol=" + protocol, "--timestamp", "--cafile", l.PKI.Cert(s.CA)}
	add := func(flag, value string) {
		if value != "" {
			args = append(args, flag, value)
		}
	}
	add("--user", s.Username)
	add("--authgroup", s.Group)
	add("--interface", s.Interface)
	add("--script", s.Script)
	switch {
	case s.Bundle:
		args = append(args, "--certificate", l.PKI.P12(s.Cert), "--key-password", pki.P12Password)
	case s.Cert != "":
		args = append(args, "--certificate", l.PKI.Cert(s.Cert), "--sslkey", l.PKI.Key(s.Cert))
	}
	if s.Answers != nil {
		args = append(args, "--passwd-on-stdin", "--non-inter")
	}
	if s.NoDTLS {
		args = append(args, "--no-dtls")
	}
	return append(append(args, s.Extra...), s.URL)
}

// Argv is a client given by its command line alone; a Spec adds only what it reads.
type Argv []string

// Name implements Client.
func (a Argv) Name() string { return a[0] }

// Args implements Client.
func (a Argv) Args(*Lab, Spec) []string { return a }
