package doctor

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// This machine is asked without harm, and what it has is found.
func TestGather(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("https_proxy", "http://proxy:3128")
	f := Gather(dir, nil)
	if f.State.Dir != dir || f.State.Wrong != "" || len(f.Namespaces) != 0 || !f.Seccomp || f.Clock.Now.IsZero() || kernel(f)[0].Level != OK || len(f.Proxies) != 1 {
		t.Errorf("%+v", f)
	}
	if os.Geteuid() == 0 && f.Capabilities == 0 {
		t.Error("root has no capabilities")
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if f := Gather(dir, nil); !strings.Contains(f.State.Wrong, "others can write it") {
		t.Errorf("%+v", f.State)
	}
	if f := Gather(filepath.Join(dir, "missing"), nil); f.State.Wrong != "" {
		t.Errorf("%+v", f.State)
	}
}

func port(t *testing.T, a net.Addr) int {
	t.Helper()
	switch a := a.(type) {
	case *net.TCPAddr:
		return a.Port
	case *net.UDPAddr:
		return a.Port
	}
	t.Fatal("no port")
	return 0
}

// A gateway's clock, certificate and ports are seen.
func TestProbe(t *testing.T) {
	behind := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", behind.Format(http.TimeFormat))
	}))
	defer s.Close()
	at := port(t, s.Listener.Addr())
	g := Probe(t.Context(), "127.0.0.1", at, "anyconnect")
	if g.Refused != "" || g.TLS != "" || !g.Date.Equal(behind) || g.To.IsZero() || g.UDP != "closed" || g.UDPPort != at || g.PathMTU < 1280 || g.Device != "lo" || g.Tunnel {
		t.Errorf("%+v", g)
	}
}

func TestProbeOfNobody(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := port(t, l.Addr())
	_ = l.Close()
	if g := Probe(t.Context(), "127.0.0.1", at, ""); g.Refused != "connection refused" {
		t.Errorf("%+v", g)
	}
	if g := Probe(t.Context(), "no-such-gateway.invalid", 443, ""); g.Unknown == "" {
		t.Errorf("%+v", g)
	}
	if g := Probe(t.Context(), "127.0.0.1", at, "ikev2"); !g.Datagram || g.UDPPort != 500 {
		t.Errorf("%+v", g)
	}
}

// PPTP has a port of its own, and no TLS to wait for.
func TestProbeOfPPTP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // of the test
	if g := Probe(t.Context(), "127.0.0.1", port(t, l.Addr()), "pptp"); g.Refused != "" || g.TLS != "" || !g.Plain || g.UDPPort != 0 {
		t.Errorf("%+v", g)
	}
	if g := Probe(t.Context(), "no-such-gateway.invalid", 0, "pptp"); g.Port != 1723 {
		t.Errorf("%+v", g)
	}
}

// A port that takes TCP and says nothing, or something else, has no TLS.
func TestProbeWithoutTLS(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	if g := Probe(t.Context(), "127.0.0.1", port(t, s.Listener.Addr()), ""); g.TLS == "" || g.Refused != "" {
		t.Errorf("%+v", g)
	}
}
