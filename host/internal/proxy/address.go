package proxy

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/secret"
)

// Credentials are what clients must know.
type Credentials struct {
	user     string
	password secret.String
}

// ParseCredentials reads USER:PASSWORD.
func ParseCredentials(line secret.String) (*Credentials, error) {
	user, password, ok := strings.Cut(line.Reveal(), ":")
	if !ok || user == "" || password == "" || len(user) > 255 || len(password) > 255 {
		return nil, errors.New("the first line is to be USER:PASSWORD, each of 1 to 255 bytes")
	}
	return &Credentials{user, secret.New(password)}, nil
}

// are compares without telling by its time how much is right.
func (c *Credentials) are(user, password []byte) bool {
	return subtle.ConstantTimeCompare(user, []byte(c.user))&subtle.ConstantTimeCompare(password, []byte(c.password.Reveal())) == 1
}

// Listen listens at ADDRESS:PORT, or at a port of 127.0.0.1. An address that others can
// reach needs who.
func Listen(ctx context.Context, where string, who *Credentials) (net.Listener, error) {
	at, err := parseWhere(where)
	if err != nil {
		return nil, err
	}
	if !at.Addr().IsLoopback() && who == nil {
		return nil, diag.New(diag.Config, fmt.Sprintf("a proxy at %s would let the whole network into the tunnel", at),
			"listen at 127.0.0.1, or name a file with USER:PASSWORD by --proxy-auth-file that clients then must know")
	}
	// Without keepalives: they would wake an idle machine, and find nothing on a loopback.
	config := net.ListenConfig{}
	if at.Addr().IsLoopback() {
		config.KeepAlive = -1
	}
	l, err := config.Listen(ctx, "tcp", at.String())
	if err != nil {
		return nil, explain(at, err)
	}
	return l, nil
}

// parseWhere takes addresses, and localhost; other names may stand for anything.
func parseWhere(where string) (netip.AddrPort, error) {
	wrong := func(why string) (netip.AddrPort, error) {
		return netip.AddrPort{}, diag.New(diag.Config, fmt.Sprintf("%.64q is no place for a proxy to listen: %s", where, why), "write ADDRESS:PORT, such as 127.0.0.1:1080 or [::1]:1080, or the port alone")
	}
	host, port := "127.0.0.1", where
	if strings.Contains(where, ":") {
		var err error
		if host, port, err = net.SplitHostPort(where); err != nil {
			return wrong("it is no ADDRESS:PORT")
		}
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return wrong("its host is no address")
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return wrong("a port is a number up to 65535")
	}
	return netip.AddrPortFrom(a, uint16(n)), nil
}

func explain(at netip.AddrPort, err error) error {
	what := fmt.Sprintf("the proxy cannot listen at %s", at)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return diag.New(diag.Config, what+": another program has that port", "choose another port; `ss -ltnp` shows who has this one")
	case errors.Is(err, syscall.EACCES):
		return diag.New(diag.Config, what+": ports below 1024 are not for everybody", "choose a port from 1024 on")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return diag.New(diag.Config, what+": this machine does not have that address", "`ip address` shows those that it has")
	}
	return diag.New(diag.Config, what, err.Error())
}
