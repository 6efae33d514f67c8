package ui

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"time"
)

// ServePage shows a page of the gateway's own to a browser on this machine, at an
// address of loopback that nobody can guess. It returns the address, and what ends it.
func ServePage(html string) (address string, end func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	host, path := listener.Addr().String(), "/"+rand.Text()
	s := loopbackServer(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.Host != host || r.URL.Path != path {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Referrer-Policy", "no-referrer")
		_, _ = w.Write([]byte(html))
	})
	go s.Serve(listener) //nolint:errcheck // ends with end
	return "http://" + host + path, func() { shutDown(s) }, nil
}

// loopbackServer bounds what a program on this machine can ask.
func loopbackServer(serve http.HandlerFunc) *http.Server {
	return &http.Server{Handler: serve, ReadHeaderTimeout: headPatience, ReadTimeout: headPatience, WriteTimeout: headPatience, MaxHeaderBytes: maxRequestHead}
}

// shutDown lets answers that are under way end, for a moment.
func shutDown(servers ...*http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, s := range servers {
		if s.Shutdown(ctx) != nil {
			_ = s.Close()
		}
	}
}
