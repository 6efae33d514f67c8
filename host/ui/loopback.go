package ui

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

const (
	maxRequestHead = 64 << 10 // bytes; a login token rides in the request line
	headPatience   = 10 * time.Second
)

// loopback is a web server for one request of the user's browser.
type loopback struct {
	ending  prompt.Loopback
	hosts   []string // that the browser may be sent on to
	servers []*http.Server
	got     chan string
}

// listenLoopback listens on 127.0.0.1 and ::1, or on the one of them that there is.
func listenLoopback(ending prompt.Loopback, hosts []string) (*loopback, error) {
	if ending.Port < 1024 || ending.Port > 65535 || !strings.HasPrefix(ending.PathPrefix, "/") {
		return nil, diag.New(diag.Protocol, "the browser login cannot end on this machine",
			fmt.Sprintf("the gateway wants port %d and path %q", ending.Port, Line(ending.PathPrefix)))
	}
	l := &loopback{ending: ending, hosts: hosts, got: make(chan string, 1)}
	var failed error
	for _, address := range []string{"127.0.0.1", "::1"} {
		listener, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(ending.Port)))
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		s := loopbackServer(l.serve)
		l.servers = append(l.servers, s)
		go s.Serve(listener) //nolint:errcheck // ends with close
	}
	if len(l.servers) == 0 {
		return nil, diag.New(diag.Unspecified, fmt.Sprintf("the browser login needs port %d of this machine", ending.Port),
			"end the program that uses it (another VPN client?): "+failed.Error())
	}
	return l, nil
}

// serve takes the first request that fits and refuses the others.
func (l *loopback) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Connection", "close")
	switch {
	case r.Method != http.MethodGet:
		http.Error(w, "only GET is served here", http.StatusMethodNotAllowed)
		return
	case !l.addressed(r.Host) || !strings.HasPrefix(r.URL.Path, l.ending.PathPrefix):
		http.NotFound(w, r)
		return
	}
	select {
	case l.got <- r.RequestURI:
	default: // the browser asks twice
	}
	if target, ok := l.target(r.URL.Query().Get(l.ending.RedirectParam)); ok {
		http.Redirect(w, r, target, http.StatusFound)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte("<!doctype html><title>Penstock</title><p>The login is done. You can close this window.\n"))
}

// addressed says whether the browser meant us: a foreign name that resolves to
// loopback is an attempt to use the browser against us.
func (l *loopback) addressed(host string) bool {
	name, port, err := net.SplitHostPort(host)
	if err != nil || port != strconv.Itoa(l.ending.Port) {
		return false
	}
	return name == "localhost" || name == "127.0.0.1" || name == "::1"
}

// target is where the browser may be sent on to: a page of the gateway.
func (l *loopback) target(address string) (string, bool) {
	if l.ending.RedirectParam == "" || address == "" {
		return "", false
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.User != nil {
		return "", false
	}
	for _, host := range l.hosts {
		if host != "" && strings.EqualFold(u.Hostname(), host) {
			return u.String(), true
		}
	}
	return "", false
}

func (l *loopback) wait(ctx context.Context) (string, error) {
	select {
	case uri := <-l.got:
		return uri, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// close stops listening.
func (l *loopback) close() { shutDown(l.servers...) }
