package doctor

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	patience = 5 * time.Second
	// hearing is how long routers and the gateway have to say that a datagram did not arrive.
	hearing    = 400 * time.Millisecond
	maxGuesses = 5
)

// datagramPorts are where protocols that begin with UDP are served.
var datagramPorts = map[string]int{"ikev2": 500, "cisco-ipsec": 500, "l2tp": 500}

// sidePorts are where the others have UDP beside TCP, when not on the same port.
var sidePorts = map[string]int{"globalprotect": 4501}

// plainPorts are where protocols without TLS are served.
var plainPorts = map[string]int{"pptp": 1723}

const usualPort = 443

// Probe asks about a gateway: its name, TCP, TLS, its clock, UDP and the path. Nobody logs in.
// Port 0 is the protocol's own.
func Probe(ctx context.Context, host string, port int, protocol string) *Gateway {
	port = cmp.Or(port, plainPorts[protocol], usualPort)
	g := &Gateway{Name: host, Port: port, UDPPort: port, Plain: plainPorts[protocol] != 0}
	if p := datagramPorts[protocol]; p != 0 {
		g.Datagram, g.UDPPort = true, p
	} else if p := sidePorts[protocol]; p != 0 {
		g.UDPPort = p
	} else if protocol == "sstp" || protocol == "pptp" {
		g.UDPPort = 0
	}
	ctx, cancel := context.WithTimeout(ctx, 3*patience)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil || len(addresses) == 0 {
		g.Unknown = short(err)
		return g
	}
	for _, a := range addresses {
		g.Resolved = append(g.Resolved, a.Unmap())
	}
	for i := range g.Resolved { // the first that answers; the first of all when none does
		if g.shake(ctx, g.Resolved[i]); g.Refused == "" {
			g.Resolved[0], g.Resolved[i] = g.Resolved[i], g.Resolved[0]
			break
		}
	}
	g.Device, g.Tunnel, g.PathMTU = wayTo(g.Resolved[0])
	g.datagrams()
	return g
}

func short(err error) string {
	var name *net.DNSError
	var refused *net.OpError
	switch {
	case err == nil:
		return "the answer is empty"
	case errors.As(err, &name):
		return name.Err
	case errors.As(err, &refused) && refused.Err != nil:
		return strings.TrimPrefix(refused.Err.Error(), "connect: ")
	}
	return err.Error()
}

// shake opens TLS to look at the certificate, which nothing is trusted for, and the clock.
func (g *Gateway) shake(ctx context.Context, address netip.Addr) {
	g.Refused = ""
	begin := time.Now()
	dialer := net.Dialer{Timeout: patience}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(address.String(), strconv.Itoa(g.Port)))
	if err != nil {
		g.Refused = short(err)
		return
	}
	defer conn.Close() //nolint:errcheck // nothing was promised
	if g.Plain {
		g.Took = time.Since(begin)
		return
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	c := tls.Client(conn, &tls.Config{ServerName: g.Name, InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	if err := c.HandshakeContext(ctx); err != nil {
		g.Took, g.TLS = time.Since(begin), short(err)
		return
	}
	g.Took = time.Since(begin)
	if chain := c.ConnectionState().PeerCertificates; len(chain) > 0 {
		g.From, g.To = chain[0].NotBefore, chain[0].NotAfter
	}
	if _, err := fmt.Fprintf(c, "HEAD / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", g.Name); err != nil {
		return
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: http.MethodHead})
	if err != nil {
		return // it speaks no HTTP before a login, say
	}
	_ = answer.Body.Close()
	if date, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		g.Date = date
	}
}

// datagrams sends some that mean nothing, as large as the device takes, with the
// don't-fragment bit: who is not there says so, and so does a router with a smaller link.
func (g *Gateway) datagrams() {
	port := g.UDPPort
	if port == 0 {
		port = g.Port
	}
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(g.Resolved[0], uint16(port))))
	if err != nil {
		return
	}
	defer conn.Close() //nolint:errcheck // a probe
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	if mtu := discover(raw, g.Resolved[0].Is4()); mtu > 0 {
		g.PathMTU = mtu
	}
	headers := 28
	if g.Resolved[0].Is6() {
		headers = 48
	}
	for range maxGuesses {
		size := g.PathMTU - headers
		if size <= 0 || size > 65000 {
			size = 1
		}
		if _, err := conn.Write(make([]byte, size)); errors.Is(err, syscall.ECONNREFUSED) {
			g.UDP = "closed"
		}
		_ = conn.SetReadDeadline(time.Now().Add(hearing))
		_, err := conn.Read(make([]byte, 64))
		switch {
		case err == nil:
			g.UDP = "answers"
		case errors.Is(err, syscall.ECONNREFUSED):
			g.UDP = "closed"
		}
		now := known(raw, g.Resolved[0].Is4())
		if now <= 0 || now >= g.PathMTU {
			break
		}
		g.PathMTU = now
	}
	if g.UDPPort == 0 {
		g.UDP = ""
	}
}

// discover sets the don't-fragment bit, and returns what the kernel knows of the path.
func discover(raw syscall.RawConn, v4 bool) int {
	_ = raw.Control(func(fd uintptr) {
		if v4 {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO)
		} else {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_DO)
		}
	})
	return known(raw, v4)
}

func known(raw syscall.RawConn, v4 bool) int {
	mtu := 0
	_ = raw.Control(func(fd uintptr) {
		level, option := unix.IPPROTO_IPV6, unix.IPV6_MTU
		if v4 {
			level, option = unix.IPPROTO_IP, unix.IP_MTU
		}
		mtu, _ = unix.GetsockoptInt(int(fd), level, option)
	})
	return mtu
}
