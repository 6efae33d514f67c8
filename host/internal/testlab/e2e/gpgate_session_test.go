package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/gpgate"
)

// Every suite that openconnect has, and both families inside of each.
func TestGPGateSuites(t *testing.T) {
	t.Parallel()
	l, g := gpGate(t, gpgate.Config{})
	for _, enc := range []string{"aes-128-cbc", "aes-256-cbc"} {
		for _, hash := range []string{"sha1", "md5", "sha256"} {
			t.Run(enc+" "+hash, func(t *testing.T) {
				must(t, g.Change(func(c *gpgate.Config) { c.ESP.Encryption, c.ESP.Hash = enc, hash }))
				c := gpConnect(t, l, gpAlice("--usergroup=gateway"))
				reaches(t, l, testlab.InsideV4, testlab.InsideV6)
				gpPath(t, l, "esp", testlab.InsideV4)
				disconnect(t, c)
			})
		}
	}
}

// ESP over IPv6 outside; probes to the gateway's own address there, or one inside.
func TestGPGateOutsideIPv6(t *testing.T) {
	t.Parallel()
	l, g := gpGate(t, gpgate.Config{})
	for _, inside := range []bool{false, true} {
		must(t, g.Change(func(c *gpgate.Config) { c.Network.InsidePing = inside }))
		s := gpAlice("--usergroup=gateway")
		s.URL = "https://v6." + testlab.GatewayName + "/"
		c := gpConnect(t, l, s)
		reaches(t, l, testlab.InsideV4, testlab.InsideV6)
		gpPath(t, l, "esp", testlab.InsideV6)
		disconnect(t, c)
	}
}

// Without IPv6 inside, the probe has an IPv4 header.
func TestGPGateIPv4Only(t *testing.T) {
	t.Parallel()
	l, g := gpGate(t, gpgate.Config{Network: gpgate.Network{NoIPv6: true, MTU: 1300, WINS: []string{"10.88.0.9"}, Exclude: []string{"10.99.0.128/25"}, Lifetime: 4000}})
	c := gpConnect(t, l, gpAlice("--usergroup=gateway", "--verbose"))
	reaches(t, l, testlab.InsideV4)
	if c.MTU() != 1300 {
		t.Errorf("the MTU is %d", c.MTU())
	}
	probe, err := g.Await(within(t, time.Second), gpgate.Probe, 1)
	must(t, err)
	if probe.Note != "IPv4 seq 1" {
		t.Errorf("the probe was %q", probe.Note)
	}
	disconnect(t, c)
}

// A cookie is dead after the logout that has every field right; with one wrong, the
// session lives on.
func TestGPGateLogout(t *testing.T) {
	t.Parallel()
	l, g := gpGate(t, gpgate.Config{})
	cookie := gpCookie(t, l)
	back := testlab.Spec{Protocol: "globalprotect", Extra: []string{"--usergroup=gateway", "--cookie=" + strings.Replace(cookie, "computer=client", "computer=other", 1)}}
	c := gpConnect(t, l, back)
	disconnect(t, c)
	gpSaid(t, c, "Logout failed")
	back.Extra[1] = "--cookie=" + cookie
	c = gpConnect(t, l, back)
	disconnect(t, c)
	gpSaid(t, c, "Logout successful")
	gpRefused(t, l, back, "Invalid authentication cookie")
	out := g.Asked(gpgate.LogoutPath)
	last := out[len(out)-1].Fields
	for field, want := range map[string]string{"user": "alice", "portal": "Gateway-N", "domain": "(empty_domain)", "computer": "client"} {
		if last[field] != want {
			t.Errorf("the logout had %s=%q, want %q", field, last[field], want)
		}
	}
}

// gpCookie logs in alone.
func gpCookie(t *testing.T, l *testlab.Lab) string {
	t.Helper()
	c, err := l.Launch(testlab.Openconnect{}, gpAlice("--authenticate", "--usergroup=gateway"))
	must(t, err)
	_, err = c.Wait(20 * time.Second)
	must(t, err)
	m := regexp.MustCompile(`COOKIE='(.*)'`).FindStringSubmatch(c.Stdout())
	if m == nil {
		t.Fatalf("no cookie in %s", c.Output())
	}
	return m[1]
}

// soon is a timeout that has openconnect get other keys after a few seconds: a minute
// less.
const soon = 64

// Rekeying takes getconfig again: the same addresses, other keys.
func TestGPGateRekey(t *testing.T) {
	t.Parallel()
	l, g := gpGate(t, gpgate.Config{Network: gpgate.Network{Timeout: soon}})
	c := gpConnect(t, l, gpAlice("--usergroup=gateway"))
	reaches(t, l, testlab.InsideV4)
	second, err := g.Await(within(t, 20*time.Second), gpgate.Keys, 2)
	must(t, err)
	first := g.Seen(gpgate.Keys)[0]
	if first.Session != second.Session || first.Fields["c2s-spi"] == second.Fields["c2s-spi"] {
		t.Errorf("keys of %v, then of %v", first, second)
	}
	must(t, g.Change(func(c *gpgate.Config) { c.Network.Timeout = 0 }))
	_, err = g.Await(within(t, 20*time.Second), gpgate.Bound, 2)
	must(t, err)
	reaches(t, l, testlab.InsideV4, testlab.InsideV6)
	gpPath(t, l, "esp", testlab.InsideV4)
	asked := g.Asked(gpgate.GatewayConfig)
	if ip := asked[len(asked)-1].Fields["preferred-ip"]; ip != "10.88.0.2" {
		t.Errorf("asked for the address %q again", ip)
	}
	disconnect(t, c)
}

// The TLS tunnel is the end of ESP: what still comes over it is of no SPI.
func TestGPGateKeysDie(t *testing.T) {
	t.Parallel()
	l, g := gpGate(t, gpgate.Config{})
	cookie := gpCookie(t, l)
	with := testlab.Spec{Protocol: "globalprotect", Extra: []string{"--usergroup=gateway", "--cookie=" + cookie, "--interface=one"}}
	c := gpConnect(t, l, with)
	reaches(t, l, testlab.InsideV4)
	stream := gpStream(t, l, cookie)
	defer stream.Close()
	ping, err := l.Client.Ping(testlab.InsideV4, 50*time.Millisecond)
	must(t, err)
	defer ping.Stop()
	_, err = g.Await(within(t, 10*time.Second), gpgate.Stray, 1)
	must(t, err)
	_, err = c.Stop(syscall.SIGINT, 20*time.Second)
	must(t, err)
}

// gpStream begins a TLS tunnel by hand, byte by byte as openconnect does.
func gpStream(t *testing.T, l *testlab.Lab, cookie string) net.Conn {
	t.Helper()
	conn, err := l.Client.Dial(within(t, 20*time.Second), testlab.GatewayV4+":443")
	must(t, err)
	secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) // the gateway is our own
	must(t, secure.SetDeadline(time.Now().Add(5*time.Second)))
	_, err = fmt.Fprintf(secure, "GET %s?user=alice&%s HTTP/1.1\r\n\r\n", gpgate.TunnelPath, regexp.MustCompile("authcookie=[0-9a-f]*").FindString(cookie))
	must(t, err)
	answer := make([]byte, len("START_TUNNEL"))
	_, err = io.ReadFull(secure, answer)
	must(t, err)
	if string(answer) != "START_TUNNEL" {
		t.Fatalf("the answer is %q", answer)
	}
	return secure
}

// A NAT that gives the client another port in mid-transfer costs nothing.
func TestGPGateRoam(t *testing.T) {
	t.Parallel()
	l, g := gpGate(t, gpgate.Config{})
	c := gpConnect(t, l, gpAlice("--usergroup=gateway"))
	reaches(t, l, testlab.InsideV4)
	gpRoams(t, l, g)
	gpPath(t, l, "esp", testlab.InsideV4)
	disconnect(t, c)
}

// An administrator ends the session, or its time does.
func TestGPGateEnds(t *testing.T) {
	t.Parallel()
	t.Run("kicked", func(t *testing.T) {
		t.Parallel()
		l, g := gpGate(t, gpgate.Config{})
		s := gpAlice("--usergroup=gateway")
		s.NoDTLS = true
		c := gpConnect(t, l, s)
		must(t, g.Kick())
		code, err := c.Wait(20 * time.Second)
		must(t, err)
		if code == 0 {
			t.Error("exit status 0")
		}
		gpSaid(t, c, "Invalid authentication cookie")
	})
	t.Run("lifetime", func(t *testing.T) {
		t.Parallel()
		l, g := gpGate(t, gpgate.Config{Network: gpgate.Network{Lifetime: 5}})
		s := gpAlice("--usergroup=gateway")
		s.NoDTLS = true
		c := gpConnect(t, l, s)
		e, err := g.Await(within(t, 20*time.Second), gpgate.End, 1)
		must(t, err)
		if e.Note != "lifetime" {
			t.Errorf("ended by %s", e.Note)
		}
		_, err = c.Wait(20 * time.Second)
		must(t, err)
	})
	t.Run("cut", func(t *testing.T) {
		t.Parallel()
		l, g := gpGate(t, gpgate.Config{})
		s := gpAlice("--usergroup=gateway")
		s.NoDTLS = true
		c := gpConnect(t, l, s)
		must(t, g.Cut())
		_, err := g.Await(within(t, 30*time.Second), gpgate.Started, 2)
		must(t, err)
		reaches(t, l, testlab.InsideV4)
		disconnect(t, c)
	})
	t.Run("no restoration", func(t *testing.T) {
		t.Parallel()
		l, _ := gpGate(t, gpgate.Config{NoRestore: true, Network: gpgate.Network{Timeout: soon}})
		c := gpConnect(t, l, gpAlice("--usergroup=gateway"))
		_, err := c.Wait(20 * time.Second)
		must(t, err)
		gpSaid(t, c, "Allow Automatic Restoration of SSL VPN is disabled")
	})
}

// The report comes from a script, names the token, and opens the gate.
func TestGPGateHIP(t *testing.T) {
	t.Parallel()
	l, g := gpGate(t, gpgate.Config{HIP: gpgate.HIP{Wanted: true, Enforce: true}, HIPInterval: 65})
	script := l.Client.Dir + "/hip.sh"
	must(t, l.Client.WriteFile(script, `#!/bin/sh
while [ "$1" ]; do
	case "$1" in --md5) md5=$2;; esac
	shift
done
echo "<hip-report name=\"hip-report\"><md5-sum>$md5</md5-sum><user-name>alice</user-name></hip-report>"
`, 0o755))
	s := gpAlice("--csd-wrapper=" + script)
	s.NoDTLS = true
	c := gpConnect(t, l, s)
	reaches(t, l, testlab.InsideV4)
	report, err := g.Await(within(t, time.Second), gpgate.Report, 1)
	must(t, err)
	if token := g.Asked(gpgate.HIPCheck)[0].Fields["md5"]; !strings.Contains(report.Note, "<md5-sum>"+token+"</md5-sum>") {
		t.Errorf("the report is %s, the token %s", report.Note, token)
	}
	// A minute less than the interval later, it asks again.
	must(t, testlab.Await(within(t, 20*time.Second), "another check", func() bool { return len(g.Asked(gpgate.HIPCheck)) > 1 }))
	_, err = g.Await(within(t, 10*time.Second), gpgate.Started, 2)
	must(t, err)
	reaches(t, l, testlab.InsideV4)
	disconnect(t, c)
}

// Who has sent no report gets nothing through.
func TestGPGateHIPMissing(t *testing.T) {
	t.Parallel()
	l, _ := gpGate(t, gpgate.Config{HIP: gpgate.HIP{Wanted: true, Enforce: true}})
	c := gpConnect(t, l, gpAlice("--usergroup=gateway"))
	gpSaid(t, c, "Server asked us to submit HIP report")
	ping, err := l.Client.Ping(testlab.InsideV4, 100*time.Millisecond)
	must(t, err)
	select {
	case <-ping.Answered():
		t.Error("an answer without a report")
	case <-time.After(2 * time.Second):
	}
	ping.Stop()
	disconnect(t, c)
}

// Keepalives go both ways in the TLS tunnel, and come to rest.
func TestGPGateKeepalive(t *testing.T) {
	t.Parallel()
	l, g := gpGate(t, gpgate.Config{})
	s := gpAlice("--usergroup=gateway", "--force-dpd=3")
	s.NoDTLS = true
	c := gpConnect(t, l, s)
	_, err := g.Await(within(t, 30*time.Second), gpgate.Keepalive, 2)
	must(t, err)
	if storms := g.Seen(gpgate.Storm, gpgate.Breach); len(storms) > 0 {
		t.Errorf("%v", storms)
	}
	disconnect(t, c)
}

// openconnect takes what is not quite as usual: fewer arguments and more, a preferred
// address, and one that it asks for.
func TestGPGateOdd(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*gpgate.Config){
		"16 arguments":      func(c *gpgate.Config) { c.Arguments = 16 },
		"25 arguments":      func(c *gpgate.Config) { c.Arguments = 25 },
		"no preferred IP":   func(c *gpgate.Config) { c.PreferredIP = "-" },
		"another preferred": func(c *gpgate.Config) { c.PreferredIP = "10.88.0.77" },
		"need-tunnel no":    func(c *gpgate.Config) { c.Network.NoTunnel = true },
		"beside the stream": func(c *gpgate.Config) { c.ESP.BesideStream = true },
		"aes128":            func(c *gpgate.Config) { c.ESP.Encryption = "aes128" },
		"port 5501":         func(c *gpgate.Config) { c.ESP.Port = 5501 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var c gpgate.Config
			change(&c)
			l, _ := gpGate(t, c)
			up := gpConnect(t, l, gpAlice("--usergroup=gateway"))
			reaches(t, l, testlab.InsideV4)
			if name == "another preferred" && !slices.ContainsFunc(up.Addresses, isAddress("10.88.0.77")) {
				t.Errorf("the addresses are %v", up.Addresses)
			}
			disconnect(t, up)
		})
	}
}

func isAddress(want string) func(netip.Prefix) bool {
	return func(p netip.Prefix) bool { return p.Addr().String() == want }
}
