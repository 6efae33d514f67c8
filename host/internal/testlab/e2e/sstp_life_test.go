package e2e

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// Each way to log in, to each hash, and PAP when it is not wanted.
func TestSSTPLogins(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for _, test := range []struct {
		name   string
		server testlab.SSTPGate
		cert   string
	}{
		{"SHA-1", testlab.SSTPGate{Hashes: 1}, ""},
		{"SHA-256, ECDSA", testlab.SSTPGate{Hashes: 2, Cert: "server-ec"}, "server-ec"},
		{"PAP", testlab.SSTPGate{Login: "pap"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			sstpGate(t, l, test.server)
			before := snapshot(t, l)
			c := connect(t, l, sstp())
			reaches(t, l, testlab.InsideV4, testlab.Beyond)
			disconnect(t, c)
			unchanged(t, l, before)
		})
	}
}

func TestSSTPWeakLoginsAreRefused(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	sstpGate(t, l, testlab.SSTPGate{Login: "pap"})
	c, err := l.Launch(client, sstp("--auth-methods", "mschapv2,eap"))
	must(t, err)
	code, err := c.Wait(30 * time.Second)
	must(t, err)
	text := strings.Join(strings.Fields(c.Stderr()), " ")
	if code != exitUsage || !strings.Contains(text, "auth-methods") || !strings.Contains(text, "PAP") {
		t.Errorf("exit status %d: %q", code, text)
	}
}

// The gateway takes packets of so many bytes, and gets no larger ones.
func TestSSTPMTU(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for name, test := range map[string]struct {
		server testlab.SSTPGate
		extra  []string
		want   int
	}{
		"of the client":           {testlab.SSTPGate{}, nil, 1400},
		"of the gateway's MRU":    {testlab.SSTPGate{MRU: 1200}, nil, 1200},
		"a larger MRU":            {testlab.SSTPGate{MRU: 4000}, nil, 1400},
		"of the user":             {testlab.SSTPGate{MRU: 1300}, []string{"--mtu", "1000"}, 1000},
		"an MRU too small to use": {testlab.SSTPGate{MRU: 300}, nil, 576},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			sstpGate(t, l, test.server)
			c := connect(t, l, sstp(test.extra...))
			if got := c.MTU(); got != test.want {
				t.Errorf("MTU %d, want %d", got, test.want)
			}
			bothWays(t, l, testlab.InsideV4, 2_000_000)
			disconnect(t, c)
		})
	}
}

// A gateway that negotiates anew, down to a new login, is followed while packets flow.
func TestSSTPRenegotiation(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	g := sstpGate(t, l, testlab.SSTPGate{})
	c := connect(t, l, sstp())
	m := meter(t, l)
	before := read(t, m).Connections
	f := start(t, l, 6*time.Second)
	for range 3 {
		must(t, g.Renegotiate())
		reaches(t, l, testlab.InsideV4)
	}
	if pings := f.finish(t); len(pings.Lost) > 0 {
		t.Errorf("pings lost: %s", pings)
	}
	if opened := read(t, m).Connections - before; opened != 0 {
		t.Errorf("%d new connections", opened)
	}
	disconnect(t, c)
	must(t, m.Close())
}

// A tunnel outlives its plugin, and the next one says goodbye.
func TestSSTPPluginKilled(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	g := sstpGate(t, l, testlab.SSTPGate{})
	before := snapshot(t, l)
	c := connect(t, l, sstp())
	f := start(t, l, 6*time.Second)
	old := status(t, l)
	must(t, l.Client.Kill("KILL", old.PluginPID))
	_, err := penstock.AwaitStatus(within(t, 10*time.Second), l, "another plugin", func(s testlab.Status) bool {
		return s.PluginPID != 0 && s.PluginPID != old.PluginPID && s.State == "connected"
	})
	must(t, err)
	must(t, g.Renegotiate())
	if pings := f.finish(t); len(pings.Lost) > 0 {
		t.Errorf("pings lost: %s", pings)
	}
	disconnect(t, c)
	must(t, g.Expect(within(t, 10*time.Second), regexp.MustCompile("left: 1 calls: 0")))
	unchanged(t, l, before)
}

// A gateway that ends the session, or is gone for a while, is connected to again.
func TestSSTPGatewayGone(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *testlab.RunningSSTPGate){
		"goodbye": func(t *testing.T, g *testlab.RunningSSTPGate) { must(t, g.Disconnect()) },
		"killed": func(t *testing.T, g *testlab.RunningSSTPGate) {
			_, err := g.Stop(syscall.SIGKILL, 5*time.Second)
			must(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			g := sstpGate(t, l, testlab.SSTPGate{})
			before := snapshot(t, l)
			c := connect(t, l, sstp())
			reaches(t, l, testlab.InsideV4)
			end(t, g)
			_, err := penstock.AwaitStatus(within(t, 10*time.Second), l, "reconnecting", func(s testlab.Status) bool { return s.State != "connected" })
			if name == "killed" {
				must(t, err)
				sstpGate(t, l, testlab.SSTPGate{})
			}
			status(t, l)
			reaches(t, l, testlab.InsideV4)
			disconnect(t, c)
			unchanged(t, l, before)
		})
	}
}

// A gateway that falls silent is noticed, and found again when it speaks.
func TestSSTPSilence(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	sstpGate(t, l, testlab.SSTPGate{})
	c := connect(t, l, sstp("--force-dpd", "4s"))
	pings, err := l.Client.Ping(testlab.InsideV4, 200*time.Millisecond)
	must(t, err)
	silence, err := l.Silence()
	must(t, err)
	_, err = penstock.AwaitStatus(within(t, 30*time.Second), l, "reconnecting", func(s testlab.Status) bool { return s.State != "connected" })
	must(t, err)
	must(t, silence.Lift())
	_, err = penstock.AwaitStatus(within(t, 60*time.Second), l, "connected", func(s testlab.Status) bool { return s.State == "connected" })
	must(t, err)
	pings.Stop()
	reaches(t, l, testlab.InsideV4)
	disconnect(t, c)
}

// Echoes keep an idle tunnel, and a line with losses a busy one.
func TestSSTPBadLine(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	sstpGate(t, l, testlab.SSTPGate{})
	c := connect(t, l, sstp())
	loss, err := l.Lose(5)
	must(t, err)
	bothWays(t, l, testlab.InsideV4, 3_000_000)
	must(t, loss.Lift())
	disconnect(t, c)
}

func TestSSTPThroughAProxy(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	sstpGate(t, l, testlab.SSTPGate{})
	before := snapshot(t, l)
	asked := make(chan string, 8)
	proxy(t, l, 3128, asked)
	c := connect(t, l, sstp("--proxy", "http://"+testlab.GatewayV4+":3128"))
	reaches(t, l, testlab.InsideV4)
	bothWays(t, l, testlab.InsideV4, large/10)
	if got := <-asked; got != testlab.GatewayName+":443" {
		t.Errorf("the proxy was asked for %q", got)
	}
	disconnect(t, c)
	unchanged(t, l, before)
}

// proxy is one of HTTP on the gateway's machine, which leads everywhere on it.
func proxy(t *testing.T, l *testlab.Lab, port int, asked chan<- string) {
	t.Helper()
	ln, err := l.Listen(port)
	must(t, err)
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				br := bufio.NewReader(conn)
				rq, err := http.ReadRequest(br)
				if err != nil || rq.Method != http.MethodConnect {
					return
				}
				asked <- rq.Host
				_, port, _ := net.SplitHostPort(rq.Host)
				on, err := l.Gateway.Dial(within(t, 10*time.Second), net.JoinHostPort(testlab.GatewayV4, port))
				if err != nil {
					return
				}
				defer on.Close()
				if _, err := io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
					return
				}
				go func() { defer on.Close(); io.Copy(on, br) }()
				io.Copy(conn, on)
			}()
		}
	}()
}
