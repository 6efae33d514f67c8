package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/gpgate"
)

// Every suite of ESP, both families inside of each; outside as well.
func TestGPSuites(t *testing.T) {
	t.Parallel()
	for _, enc := range []string{"aes-128-cbc", "aes-256-cbc", "aes-128-gcm", "aes-256-gcm"} {
		t.Run(enc, func(t *testing.T) {
			t.Parallel()
			l, g := gpGate(t, gpgate.Config{})
			for i, hash := range []string{"sha1", "md5", "sha256"} {
				must(t, g.Change(func(c *gpgate.Config) { c.ESP.Encryption, c.ESP.Hash = enc, hash }))
				s := gpAlice("--usergroup", "gateway")
				if i == 2 {
					s.URL = "https://v6." + testlab.GatewayName + "/"
				}
				c := gpUp(t, l, s)
				gpOver(t, l, "esp", 5*time.Second)
				reaches(t, l, testlab.InsideV4, testlab.InsideV6)
				bothWays(t, l, testlab.InsideV4, 5_000_000)
				bothWays(t, l, testlab.InsideV6, 5_000_000)
				disconnect(t, c)
			}
		})
	}
}

// UDP is blocked in the middle of transfers and comes back: packets go over TLS and
// over ESP again, the transfers stay whole.
func TestGPFailover(t *testing.T) {
	t.Parallel()
	l, g := gpGate(t, gpgate.Config{})
	c := gpUp(t, l, gpAlice())
	gpOver(t, l, "esp", 5*time.Second)
	f := start(t, l, 100*time.Second)
	block, err := l.DropUDP(gpgate.ESPPort)
	must(t, err)
	gpOver(t, l, "tls", 20*time.Second)
	must(t, block.Lift())
	gpOver(t, l, "esp", 90*time.Second)
	f.finish(t)
	disconnect(t, c)
	if n := len(g.Seen(gpgate.Login)); n != 1 {
		t.Errorf("%d logins", n)
	}
}

// Other keys every few seconds, on the path that there is: nothing is lost but what
// was under way.
func TestGPRekey(t *testing.T) {
	t.Parallel()
	quiet(t)
	l, g := gpGate(t, gpgate.Config{Network: gpgate.Network{Timeout: 20}})
	c := gpUp(t, l, gpAlice())
	gpOver(t, l, "esp", 5*time.Second)
	pings := start(t, l, 35*time.Second).finish(t)
	if len(pings.Lost) > 6 {
		t.Errorf("pings lost: %s", pings)
	}
	keys := g.Seen(gpgate.Keys)
	if len(keys) < 3 || keys[0].Fields["c2s-spi"] == keys[1].Fields["c2s-spi"] {
		t.Errorf("keys: %v", keys)
	}
	if n := len(g.Seen(gpgate.Started)); n != 0 {
		t.Errorf("%d tunnels over TLS", n)
	}
	gpOver(t, l, "esp", time.Second)
	disconnect(t, c)
}

// The line is dead for half a minute: the session goes on by its cookie.
func TestGPLineLost(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"esp", "tls"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			l, g := gpGate(t, gpgate.Config{})
			s := gpAlice()
			s.NoDTLS = way == "tls"
			c := gpUp(t, l, s)
			gpOver(t, l, way, 5*time.Second)
			f := start(t, l, 60*time.Second)
			silence, err := l.Silence()
			must(t, err)
			pause(t, 30*time.Second)
			must(t, silence.Lift())
			f.finish(t)
			if n := len(g.Seen(gpgate.Login)); n != 1 {
				t.Errorf("%d logins", n)
			}
			disconnect(t, c)
		})
	}
}

// A NAT that gives the client another port costs nothing.
func TestGPNATChangesThePort(t *testing.T) {
	t.Parallel()
	l, g := gpGate(t, gpgate.Config{})
	c := gpUp(t, l, gpAlice())
	gpOver(t, l, "esp", 5*time.Second)
	gpRoams(t, l, g)
	bothWays(t, l, testlab.InsideV4, 5_000_000)
	gpOver(t, l, "esp", time.Second)
	disconnect(t, c)
}

// The gateway closes the tunnel over TLS, forgets the keys of ESP, or ends the session.
func TestGPGatewayEnds(t *testing.T) {
	t.Parallel()
	without := gpAlice("--usergroup", "gateway")
	without.NoDTLS = true
	t.Run("the tunnel", func(t *testing.T) {
		t.Parallel()
		l, g := gpGate(t, gpgate.Config{})
		c := gpUp(t, l, without)
		must(t, g.Cut())
		_, err := g.Await(within(t, 10*time.Second), gpgate.Started, 2)
		must(t, err)
		reaches(t, l, testlab.InsideV4, testlab.InsideV6)
		disconnect(t, c)
	})
	t.Run("the keys", func(t *testing.T) {
		t.Parallel()
		l, g := gpGate(t, gpgate.Config{})
		c := gpUp(t, l, gpAlice())
		gpOver(t, l, "esp", 5*time.Second)
		must(t, g.ForgetKeys())
		gpOver(t, l, "tls", 40*time.Second) // nobody uses it: it is asked after 20 s
		reaches(t, l, testlab.InsideV4, testlab.InsideV6)
		disconnect(t, c)
	})
	t.Run("the session", func(t *testing.T) {
		t.Parallel()
		l, g := gpGate(t, gpgate.Config{})
		before := snapshot(t, l)
		c := gpUp(t, l, without)
		must(t, g.Kick())
		code, err := c.Wait(40 * time.Second)
		must(t, err)
		if code != exitRefused || !strings.Contains(c.Stderr(), "does not know the session any more") {
			t.Errorf("exit status %d: %s", code, c.Stderr())
		}
		unchanged(t, l, before)
	})
	t.Run("by lifetime", func(t *testing.T) {
		t.Parallel()
		l, g := gpGate(t, gpgate.Config{Network: gpgate.Network{Lifetime: 8}})
		s := without
		s.Answers = nil
		s.Extra = append(s.Extra, "--password-file", kept(t, l, "password", testlab.Password+"\n"))
		c := gpUp(t, l, s)
		must(t, g.Change(func(c *gpgate.Config) { c.Network.Lifetime = 0 }))
		if !strings.Contains(c.Output(), "The session lasts until") {
			t.Errorf("nothing was said of the end: %s", c.Output())
		}
		_, err := g.Await(within(t, 30*time.Second), gpgate.Login, 2)
		must(t, err)
		must(t, c.WaitUp(within(t, 10*time.Second)))
		reaches(t, l, testlab.InsideV4)
		disconnect(t, c)
	})
	t.Run("each tunnel with a login", func(t *testing.T) {
		t.Parallel()
		l, g := gpGate(t, gpgate.Config{NoRestore: true})
		s := without
		s.Answers = nil
		s.Extra = append(s.Extra, "--password-file", kept(t, l, "password", testlab.Password+"\n"))
		c := gpUp(t, l, s)
		must(t, g.Cut())
		_, err := g.Await(within(t, 30*time.Second), gpgate.Login, 2)
		must(t, err)
		must(t, c.WaitUp(within(t, 10*time.Second)))
		reaches(t, l, testlab.InsideV4)
		disconnect(t, c)
	})
}

// A logout that ends the session at the gateway: its cookie is dead afterwards.
func TestGPLogout(t *testing.T) {
	t.Parallel()
	l, g := gpGate(t, gpgate.Config{})
	disconnect(t, gpUp(t, l, gpAlice("--local-hostname", "lap top")))
	gpLoggedOut(t, g)
	asked, login := g.Asked(gpgate.LogoutPath), g.Asked(gpgate.GatewayLogin)
	want := map[string]string{"user": "alice", "portal": "Gateway-N", "domain": "(empty_domain)", "computer": "lap top",
		"os-version": login[0].Fields["os-version"], "authcookie": g.Asked(gpgate.GatewayConfig)[0].Fields["authcookie"]}
	if len(asked) != 1 || fmt.Sprint(asked[0].Fields) != fmt.Sprint(want) {
		t.Errorf("logged out with %v, want %v", asked, want)
	}
	cookie := "user=alice&portal=Gateway-N&authcookie=" + want["authcookie"]
	gpNo(t, l, testlab.Spec{Protocol: "globalprotect", Extra: []string{"--non-inter", "--cookie-file", kept(t, l, "cookie", cookie)}}, exitRefused, "opens no tunnel")
}

// The report: the user's program makes it, or penstock itself; again after a while;
// and it opens the gate, over ESP and over TLS.
func TestGPReport(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"esp", "tls"} {
		for _, by := range []string{"program", "itself"} {
			t.Run(by+" over "+way, func(t *testing.T) {
				t.Parallel()
				l, g := gpGate(t, gpgate.Config{HIP: gpgate.HIP{Wanted: true, Enforce: true}})
				s := gpAlice("--usergroup", "gateway", "--force-trojan", "10")
				s.NoDTLS = way == "tls"
				if by == "program" {
					script := l.Client.Dir + "/hip.sh"
					must(t, l.Client.WriteFile(script, `#!/bin/sh
while [ "$1" ]; do
	case "$1" in --md5) md5=$2;; --cookie) cookie=$2;; esac
	shift
done
echo "<hip-report name=\"hip-report\"><md5-sum>$md5</md5-sum><user-name>alice</user-name><note>$cookie $APP_VERSION</note></hip-report>"
`, 0o755))
					s.Extra = append(s.Extra, "--csd-wrapper", script)
				}
				c := gpUp(t, l, s)
				reaches(t, l, testlab.InsideV4, testlab.InsideV6)
				report, err := g.Await(within(t, time.Second), gpgate.Report, 1)
				must(t, err)
				if strings.Contains(report.Note, g.Asked(gpgate.GatewayConfig)[0].Fields["authcookie"]) || !strings.Contains(report.Note, "alice") {
					t.Errorf("the report is %s", report.Note)
				}
				must(t, testlab.Await(within(t, 20*time.Second), "another check", func() bool { return len(g.Asked(gpgate.HIPCheck)) > 1 }))
				// A report that is asked for again ends the tunnel over TLS.
				must(t, g.Change(func(c *gpgate.Config) {
					c.Edits = append(c.Edits, gpgate.Edit{Path: gpgate.HIPCheck, Find: ">no<", With: ">yes<"})
				}))
				_, err = g.Await(within(t, 20*time.Second), gpgate.Report, 2)
				must(t, err)
				must(t, g.Change(func(c *gpgate.Config) { c.Edits = nil }))
				reaches(t, l, testlab.InsideV4)
				gpOver(t, l, way, 5*time.Second)
				disconnect(t, c)
			})
		}
	}
}

// Signs of life go both ways over TLS, and come to rest; a gateway that is silent is
// noticed.
func TestGPKeepalive(t *testing.T) {
	t.Parallel()
	s := gpAlice("--usergroup", "gateway")
	s.NoDTLS = true
	t.Run("both ask", func(t *testing.T) {
		t.Parallel()
		l, g := gpGate(t, gpgate.Config{Stream: gpgate.Stream{Ask: 3, Silence: 16}})
		c := gpUp(t, l, s)
		_, err := g.Await(within(t, 40*time.Second), gpgate.Keepalive, 3)
		must(t, err)
		pause(t, 25*time.Second)
		reaches(t, l, testlab.InsideV4)
		if n := len(g.Seen(gpgate.Started)); n != 1 {
			t.Errorf("%d tunnels", n)
		}
		if storms := g.Seen(gpgate.Storm, gpgate.Breach); len(storms) > 0 {
			t.Errorf("%v", storms)
		}
		disconnect(t, c)
	})
	t.Run("silence", func(t *testing.T) {
		t.Parallel()
		l, g := gpGate(t, gpgate.Config{Stream: gpgate.Stream{Deaf: true}})
		c := gpUp(t, l, s)
		_, err := g.Await(within(t, 40*time.Second), gpgate.Started, 2)
		must(t, err)
		disconnect(t, c)
	})
}

// A killed plugin interrupts nothing and is started again; the new one renews keys, and
// logs out.
func TestGPPluginKilled(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"esp", "tls"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			quiet(t)
			l, g := gpGate(t, gpgate.Config{Network: gpgate.Network{Timeout: 40}})
			before := snapshot(t, l)
			s := gpAlice()
			s.NoDTLS = way == "tls"
			c := gpUp(t, l, s)
			gpOver(t, l, way, 5*time.Second)
			f := start(t, l, 30*time.Second)
			old := status(t, l)
			must(t, l.Client.Kill("KILL", old.PluginPID))
			renewed, err := penstock.AwaitStatus(within(t, 10*time.Second), l, "another plugin", func(s testlab.Status) bool {
				return s.PluginPID != 0 && s.PluginPID != old.PluginPID && s.State == "connected"
			})
			must(t, err)
			if renewed.Transport != old.Transport {
				t.Errorf("the tunnel changed: %+v, then %+v", old, renewed)
			}
			if pings := f.finish(t); len(pings.Lost) > 4 {
				t.Errorf("pings were lost: %s", pings)
			}
			if n := len(g.Seen(gpgate.Keys)); way == "esp" && n < 2 {
				t.Errorf("the keys were not renewed")
			}
			disconnect(t, c)
			unchanged(t, l, before)
			gpLoggedOut(t, g)
		})
	}
}
