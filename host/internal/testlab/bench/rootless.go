package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"regexp"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/proxy"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// What a proxy costs that needs no root: the same streams, from the same program, through
// penstock with a TUN device and through penstock as a proxy, turn by turn.

// The two ways of a client.
const (
	byDevice = "device"
	byProxy  = "proxy"
)

// overProxy is the section of one transport.
func overProxy(transport string) string { return "proxy over " + transport }

var ofProxy = []measure{
	{"down-Mb/s", "TCP down, Mb/s", true},
	{"up-Mb/s", "TCP up, Mb/s", true},
	{"down4-Mb/s", "4 streams down, Mb/s", true},
	{"up4-Mb/s", "4 streams up, Mb/s", true},
	{"MB", "resident memory, MB", false},
}

const proxyAt = "127.0.0.1:1080"

// compareProxy gives each way its turns against a gateway that holds nobody back.
func (c course) compareProxy(penstock testlab.Penstock) (all []result, err error) {
	if c.proxied == 0 {
		return nil, nil
	}
	fast, err := choose("load")
	if err != nil {
		return nil, err
	}
	f, err := newField(fast[0])
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for range c.proxied {
		for _, transport := range f.transports {
			for _, way := range []string{byDevice, byProxy} {
				r, err := c.proxyTurn(f, penstock, way, transport)
				if err != nil {
					return nil, fmt.Errorf("%s by %s: %w\n%s", overProxy(transport), way, err, f.Logs())
				}
				all = append(all, r)
			}
		}
	}
	return all, nil
}

func (c course) proxyTurn(f field, penstock testlab.Penstock, way, transport string) (r result, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience+8*c.load)
	defer cancel()
	r = result{way, overProxy(transport), map[string]float64{}}
	spec := f.spec(transport)
	spec.Username, spec.Answers = testlab.User, []string{testlab.Password}
	if way == byProxy {
		spec.Extra = []string{"--proxy-listen", proxyAt}
	}
	conn, err := f.Launch(penstock, spec)
	if err != nil {
		return r, err
	}
	defer func() { _, _ = conn.Stop(syscall.SIGINT, patience) }()
	want := "Configured as"
	if transport == "dtls" {
		want = "Established DTLS"
	}
	if err := conn.Expect(ctx, regexp.MustCompile(want)); err != nil {
		return r, err
	}
	if way == byDevice {
		if err := conn.WaitUp(ctx); err != nil {
			return r, err
		}
	}
	for _, s := range []struct {
		unit  string
		down  bool
		count int
	}{{"down-Mb/s", true, 1}, {"up-Mb/s", false, 1}, {"down4-Mb/s", true, 4}, {"up4-Mb/s", false, 4}} {
		if r.values[s.unit], err = move(f, way == byProxy, s.down, s.count, c.load); err != nil {
			return r, fmt.Errorf("%s: %w", s.unit, err)
		}
	}
	used, err := f.Client.Usage(ofClient)
	r.values["MB"] = float64(used.Memory) / 1e6
	return r, err
}

// move has so many streams run for that long, and returns what arrived, in Mb/s. The first
// half second, in which they find their pace, does not count.
func move(f field, proxied, down bool, count int, how time.Duration) (float64, error) {
	var ln net.Listener
	err := f.Gateway.Do(func() (err error) {
		ln, err = net.Listen("tcp", testlab.InsideV4+":0")
		return err
	})
	if err != nil {
		return 0, err
	}
	defer ln.Close()
	var arrived atomic.Int64
	for range count {
		c, err := dialInside(f, proxied, ln.Addr().String())
		if err != nil {
			return 0, err
		}
		defer c.Close()
		inside, err := ln.Accept()
		if err != nil {
			return 0, err
		}
		defer inside.Close()
		from, to := c, inside
		if down {
			from, to = inside, c
		}
		go pour(from)
		go drain(to, &arrived)
	}
	<-time.After(time.Second / 2)
	start, before := time.Now(), arrived.Load()
	<-time.After(how)
	return float64(arrived.Load()-before) * 8 / 1e6 / time.Since(start).Seconds(), nil
}

// dialInside connects on the client, directly or through its proxy.
func dialInside(f field, proxied bool, to string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if !proxied {
		return f.Client.Dial(ctx, to)
	}
	c, err := f.Client.Dial(ctx, proxyAt)
	if err != nil {
		return nil, err
	}
	socks, err := proxy.SOCKS5("tcp", proxyAt, nil, dialled{c})
	if err != nil {
		return nil, err
	}
	return socks.Dial("tcp", to)
}

// dialled is a dialer that has dialled already.
type dialled struct{ conn net.Conn }

// Dial implements proxy.Dialer.
func (d dialled) Dial(string, string) (net.Conn, error) { return d.conn, nil }

// pour writes until it cannot.
func pour(c net.Conn) {
	for chunk := make([]byte, 128<<10); ; {
		if _, err := c.Write(chunk); err != nil {
			return
		}
	}
}

// drain counts what comes.
func drain(r io.Reader, arrived *atomic.Int64) {
	for chunk := make([]byte, 128<<10); ; {
		n, err := r.Read(chunk)
		if arrived.Add(int64(n)); err != nil {
			return
		}
	}
}
