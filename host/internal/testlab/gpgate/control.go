package gpgate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
)

// Tests speak to the gateway over a socket of its folder.

// serveControl listens at path.
func (g *gate) serveControl(path string) error {
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /config", func(w http.ResponseWriter, r *http.Request) {
		var c Config
		if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		g.mu.Lock()
		clear(g.spent)
		g.mu.Unlock()
		g.config.Store(&c)
	})
	mux.HandleFunc("POST /kick", func(w http.ResponseWriter, _ *http.Request) { g.each(func(s *session) { s.end("kicked") }) })
	mux.HandleFunc("POST /cut", func(w http.ResponseWriter, _ *http.Request) { g.each((*session).cut) })
	mux.HandleFunc("POST /forget", func(w http.ResponseWriter, _ *http.Request) { g.each((*session).forgetKeys) })
	go http.Serve(l, mux)
	return nil
}

// Change makes the gateway another one, for the requests to come; sessions go on.
// Whether port 4501 is closed, and whether certificates are asked for, stays.
func (g *Gate) Change(change func(*Config)) error {
	c := g.config
	change(&c)
	c.Files = g.config.Files
	g.config = c.withDefaults()
	text, err := json.Marshal(g.config)
	if err != nil {
		return err
	}
	return g.tell(http.MethodPut, "/config", text)
}

// Kick ends all sessions as an administrator would: cookies are worth nothing then.
func (g *Gate) Kick() error { return g.tell(http.MethodPost, "/kick", nil) }

// Cut closes the TLS tunnels. The sessions live on.
func (g *Gate) Cut() error { return g.tell(http.MethodPost, "/cut", nil) }

// ForgetKeys makes all keys of ESP worth nothing. The sessions live on.
func (g *Gate) ForgetKeys() error { return g.tell(http.MethodPost, "/forget", nil) }

func (g *Gate) tell(method, path string, body []byte) error {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", g.config.Files.Control)
	}}}
	r, err := http.NewRequest(method, "http://gpgate"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if text, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", path, answer.Status, text)
	}
	return nil
}
