// Package callback brings the address that a login in a browser ends at to who waits
// for it.
//
//	gateway's last page -> browser -> desktop: `penstock callback ADDRESS` -> socket -> login
//
// The socket is an abstract one, so nothing is left behind, and its name says scheme
// and user. Anybody may take such a name; so both ends look who the other one is, and
// deal with that user and with root alone.
package callback

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/internal/peercred"
)

const (
	maxAddress = 128 << 10 // bytes: the most that one argument of a program can have
	patience   = 5 * time.Second
	taken      = "taken"
)

var schemes = regexp.MustCompile(`^[a-z][a-z0-9+.-]{2,31}$`)

// ValidScheme says whether an address of that scheme can be waited for: it is in lower
// case (RFC 3986 section 3.1), and no web page's.
func ValidScheme(scheme string) bool {
	return schemes.MatchString(scheme) && scheme != "http" && scheme != "https"
}

func name(scheme string, uid int) string { return fmt.Sprintf("@penstock-callback-%s-%d", scheme, uid) }

// Listener waits for one address.
type Listener struct {
	scheme string
	uid    int
	socket *net.UnixListener
}

// Listen waits for what the user's desktop opens of that scheme. It fails when another
// login of the user waits for the same.
func Listen(scheme string, uid int) (*Listener, error) {
	if !ValidScheme(scheme) {
		return nil, fmt.Errorf("%.40q is no scheme that a login can end with", scheme)
	}
	socket, err := net.ListenUnix("unix", &net.UnixAddr{Name: name(scheme, uid), Net: "unix"})
	if errors.Is(err, unix.EADDRINUSE) {
		return nil, fmt.Errorf("another login waits for an address that begins with %s", scheme)
	}
	if err != nil {
		return nil, err
	}
	return &Listener{scheme, uid, socket}, nil
}

// Wait returns the first address of the scheme that comes from the user. What others
// say, and other things, it passes over.
func (l *Listener) Wait(ctx context.Context) (string, error) {
	stop := context.AfterFunc(ctx, func() { _ = l.socket.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	for {
		c, err := l.socket.AcceptUnix()
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if err != nil {
			return "", err
		}
		address, ok := l.take(c)
		_ = c.Close()
		if ok {
			return address, nil
		}
	}
}

func (l *Listener) take(c *net.UnixConn) (string, bool) {
	if !peercred.IsUser(c, l.uid) {
		return "", false
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	data, err := io.ReadAll(io.LimitReader(c, maxAddress+1))
	if err != nil || len(data) > maxAddress || schemeOf(string(data)) != l.scheme {
		return "", false
	}
	_, err = io.WriteString(c, taken)
	return string(data), err == nil
}

// Close stops waiting.
func (l *Listener) Close() { _ = l.socket.Close() }

// Errors of Send.
var (
	ErrNoAddress = errors.New("this is no address that a login can end with")
	ErrNobody    = errors.New("no login waits for this address")
)

// Send hands an address to the login of the user that waits for its scheme.
func Send(ctx context.Context, address string, uid int) error {
	scheme := schemeOf(address)
	if !ValidScheme(scheme) || len(address) > maxAddress {
		return ErrNoAddress
	}
	var d net.Dialer
	c, err := d.DialUnix(ctx, "unix", nil, &net.UnixAddr{Name: name(scheme, uid), Net: "unix"})
	if errors.Is(err, unix.ECONNREFUSED) {
		return ErrNobody
	}
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // what counts is the answer
	if !peercred.IsUser(c, uid) {
		return fmt.Errorf("%w: another user's program pretends to", ErrNobody)
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, address); err != nil {
		return err
	}
	if err := c.CloseWrite(); err != nil {
		return err
	}
	answer, err := io.ReadAll(io.LimitReader(c, int64(len(taken))))
	if err != nil || string(answer) != taken {
		return errors.Join(ErrNobody, err)
	}
	return nil
}

// schemeOf is the scheme of an address in lower case, "" without one.
func schemeOf(address string) string {
	scheme, _, found := strings.Cut(address, ":")
	if !found {
		return ""
	}
	return strings.ToLower(scheme)
}
