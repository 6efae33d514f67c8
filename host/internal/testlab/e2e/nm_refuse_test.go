package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/hostile"
)

// nmcliFailed is nmcli's exit status when an activation failed.
const nmcliFailed = 4

// What nmcli makes of a service's Failure and of its errors, and of what nobody
// answers.
const (
	noSecrets  = "No valid secrets"
	unknown    = "Unknown reason" // CONNECT_FAILED
	notStarted = "The VPN service failed to start"
)

// refused wants `connection up` to fail with words of nmcli's and words in the log,
// and nothing to be left.
func (d *desktop) refused(t *testing.T, name, said, logged string) {
	t.Helper()
	before := len(d.log())
	p, err := d.Client.Start(testlab.Command{Args: []string{"/usr/bin/nmcli", "connection", "up", name}})
	must(t, err)
	code, err := p.Wait(patienceOfNM)
	must(t, err)
	d.nothingLeft(t)
	log := d.log()[before:]
	if text := p.Output(); code != nmcliFailed || !strings.Contains(text, said) {
		t.Errorf("nmcli: exit status %d, want %d and %q: %s", code, nmcliFailed, said, text)
	}
	if !regexp.MustCompile("(?is)" + logged).MatchString(log) {
		t.Errorf("%q is not in the log:\n%s", logged, log)
	}
	if strings.Contains(log, "Xylem") || strings.Contains(log, testlab.Password) {
		t.Error("a password is in the log")
	}
}

// Each failure has its reason for nmcli and the desktop, and a line in the journal
// that says what to do.
func TestNMRefused(t *testing.T) {
	d := forNetworkManager(t)
	ocserv(t, d.Lab, testlab.Ocserv{})
	ports := 4430
	gateway := func(cert string, s hostile.Script) string {
		ports++
		pair, err := d.PKI.TLS(cert)
		must(t, err)
		listener, err := d.Listen(ports)
		must(t, err)
		g := hostile.Serve(listener, pair, s)
		t.Cleanup(func() { g.Close() })
		return fmt.Sprintf("gateway=%s:%d", testlab.GatewayName, ports)
	}
	for _, test := range []struct {
		name, data, secrets string
		said, logged        string
	}{
		{"wrong password", d.data(stored), "password=Xylem-5150", noSecrets, `login failed`},
		{"closed port", d.data(stored, "gateway=vpn.test:81"), password, unknown, `connection refused`},
		{"unknown name", d.data(stored, "gateway=nowhere.invalid"), password, unknown, `cannot resolve nowhere\.invalid`},
		{"unknown authority", d.data(stored, gateway("unknown", hostile.Script{})), password, noSecrets, `no known authority.*pin-sha256:`},
		{"expired", d.data(stored, gateway("expired", hostile.Script{})), password, noSecrets, `expired on`},
		{"no VPN gateway", d.data(stored, gateway("server", hostile.Garbage())), password, unknown, `no HTTP`},
		{"bad MTU", d.data(stored, gateway("server", hostile.Header("X-CSTP-MTU", "70000"))), password, unknown, `X-CSTP-MTU`},
		{"missing plugin", d.data(stored, "protocol=carrier-pigeon"), password, notStarted, `no plugin speaks the protocol "carrier-pigeon".*LaunchFailed`},
		{"no protocol", "gateway=" + testlab.GatewayName, password, notStarted, `vpn.data protocol: the option protocol is missing`},
		{"unknown option", d.data(stored, "usernam=alice"), password, notStarted, `vpn.data usernam: .*did you mean username`},
		{"value that is none", d.data(stored, "mtu=12"), password, notStarted, `vpn.data mtu: .*576 to 65535`},
		{"no password", d.data("password-flags=2"), "", noSecrets, `no agents were available`},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := []string{"connection", "add", "type", "vpn", "con-name", test.name, "vpn-type", "penstock", "ifname", "*", "vpn.data", test.data}
			if test.secrets != "" {
				args = append(args, "vpn.secrets", test.secrets)
			}
			d.nmcli(t, args...)
			d.refused(t, test.name, test.said, test.logged)
		})
	}
}
