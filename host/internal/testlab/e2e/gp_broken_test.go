package e2e

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/gpgate"
)

// gpBroken has our client meet a gateway that breaks the protocol: it ends by itself
// with words, or has a tunnel all the same, and nothing is left behind.
func gpBroken(t *testing.T, l *testlab.Lab, g *gpgate.Gate, b gpgate.Broken, lives bool) {
	t.Helper()
	must(t, g.Change(func(c *gpgate.Config) {
		*c = gpgate.Config{}
		b.Change(c)
	}))
	before := snapshot(t, l)
	s := gpAlice("--usergroup", "gateway")
	if b.Path() == gpgate.PortalConfig || b.Path() == gpgate.PortalPrelogin {
		s.Extra[1] = "portal"
	}
	s.Answers = append(s.Answers, testlab.Password, testlab.Password)
	s.NoDTLS = b.Path() == ""
	c, err := l.Launch(client, s)
	must(t, err)
	ended := func() bool {
		select {
		case <-c.Done():
			return true
		default:
			return false
		}
	}
	must(t, testlab.Await(within(t, 100*time.Second), b.Name, func() bool { return ended() || l.Client.RouteDevice(testlab.InsideV4) != "eth0" }))
	if !ended() {
		if lives {
			reaches(t, l, testlab.InsideV4)
		}
		_, err = c.Stop(syscall.SIGINT, 15*time.Second)
		must(t, err)
	} else if code, err := c.Wait(time.Second); err != nil || code == 0 || lives {
		t.Errorf("%s: exit status %d, %v: %s", b.Name, code, err, c.Tail(20))
	}
	text := c.Output()
	if strings.Contains(text, "panic:") || strings.Contains(text, testlab.Password) || strings.Contains(text, "the plugin broke the contract") {
		t.Errorf("%s: %s", b.Name, c.Tail(40))
	}
	t.Logf("%s: %s", b.Name, strings.Join(strings.Fields(c.Stderr()), " "))
	unchanged(t, l, before)
}

func TestGPBroken(t *testing.T) {
	t.Parallel()
	needPenstock(t)
	for name, all := range map[string][]gpgate.Broken{
		"login": gpgate.InLogin(), "settings": gpgate.InConfig(), "tunnel over TLS": gpgate.InStream(),
		"prelogin": gpgate.Anywhere(gpgate.PortalPrelogin), "answer to the login": gpgate.Anywhere(gpgate.GatewayLogin),
		"any settings": gpgate.Anywhere(gpgate.GatewayConfig), "list of gateways": gpgate.Anywhere(gpgate.PortalConfig),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, g := gpGate(t, gpgate.Config{})
			for _, b := range all {
				gpBroken(t, l, g, b, false)
			}
		})
	}
	t.Run("ESP", func(t *testing.T) {
		t.Parallel()
		l, g := gpGate(t, gpgate.Config{})
		for _, b := range gpgate.InESP() {
			gpBroken(t, l, g, b, true)
		}
	})
	// What is said about the computer and at the end is no reason to be without a tunnel.
	t.Run("report and logout", func(t *testing.T) {
		t.Parallel()
		l, g := gpGate(t, gpgate.Config{})
		for _, b := range slices.Concat(gpgate.Anywhere(gpgate.HIPCheck), gpgate.Anywhere(gpgate.LogoutPath)) {
			if b.Name != "a byte a second" {
				gpBroken(t, l, g, b, true)
			}
		}
	})
}
