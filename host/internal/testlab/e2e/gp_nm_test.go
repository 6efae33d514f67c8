package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/gpgate"
)

// forGlobalProtect is a desktop with a GlobalProtect gateway in reach.
func forGlobalProtect(t *testing.T, c gpgate.Config) (*desktop, *gpgate.Gate) {
	t.Helper()
	needPenstock(t)
	t.Parallel()
	l, g := gpGate(t, c)
	return theDesktop(t, l, testlab.NetworkManager{}), g
}

func (d *desktop) gpData(more ...string) string {
	return strings.Replace(d.data(more...), "protocol=anyconnect", "protocol=globalprotect", 1)
}

// nmcli connection up, over ESP and over TLS, with settings from the gateway and a
// logout at the end.
func TestGPNMUpAndDown(t *testing.T) {
	for way, more := range map[string]string{"esp": "no-dtls=no", "tls": "no-dtls=yes"} {
		t.Run(way, func(t *testing.T) {
			d, g := forGlobalProtect(t, gpgate.Config{})
			d.add(t, corp, d.gpData(stored, more), password)
			d.up(t, corp)
			gpOver(t, d.Lab, way, 5*time.Second)
			reaches(t, d.Lab, testlab.InsideV4, testlab.InsideV6)
			bothWays(t, d.Lab, testlab.InsideV4, 5_000_000)
			bothWays(t, d.Lab, testlab.InsideV6, 5_000_000)
			if shown := d.nmcli(t, "connection", "show", corp); !strings.Contains(shown, "corp.test") {
				t.Errorf("the gateway's domain is not in what NetworkManager shows:\n%s", shown)
			}
			d.down(t, corp)
			d.nothingLeft(t)
			gpLoggedOut(t, g)
		})
	}
}

// A code is asked for by nmcli.
func TestGPNMChallenge(t *testing.T) {
	d, _ := forGlobalProtect(t, gpgate.Config{Gateway: gpgate.Role{Challenges: []gpgate.Challenge{{Message: "Your code?", Code: "135790"}}}})
	d.add(t, corp, d.gpData("password-flags=2", "otp-flags=2", "usergroup=gateway"), "")
	q := d.ask(t, corp)
	q.answer(`password[^\n]*: `, testlab.Password)
	q.answer(`: `, "135790")
	q.ends(0)
	reaches(t, d.Lab, testlab.InsideV4)
	d.down(t, corp)
	d.nothingLeft(t)
}
