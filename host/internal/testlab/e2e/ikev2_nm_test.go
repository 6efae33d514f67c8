package e2e

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// ikev2Data is vpn.data for a pre-shared key, and for a user's password.
func (d *desktop) ikev2Data(more ...string) string {
	return strings.Replace(d.data(more...), "protocol=anyconnect", "protocol=ikev2", 1)
}

// nmcli connection up with either login, with the gateway's settings and a farewell at
// the end.
func TestIKEv2NMUpAndDown(t *testing.T) {
	for name, test := range map[string]struct {
		server testlab.Strongswan
		data   func(*testing.T, *desktop) string
		secret string
	}{
		"pre-shared key": {testlab.Strongswan{}, func(_ *testing.T, d *desktop) string {
			return d.ikev2Data("auth=psk", "psk-flags=0", "local-id=alice@vpn.test", "remote-id="+testlab.GatewayName)
		}, "psk=" + testlab.Password},
		"password": {testlab.Strongswan{Auth: "eap-mschapv2"}, func(t *testing.T, d *desktop) string {
			return d.ikev2Data(stored, "servercert="+pinOf(t, d.Lab, "server"))
		}, password},
	} {
		t.Run(name, func(t *testing.T) {
			d := forNetworkManager(t)
			server := strongswan(t, d.Lab, test.server)
			d.add(t, corp, test.data(t, d), test.secret)
			d.up(t, corp)
			reaches(t, d.Lab, testlab.InsideV4, testlab.InsideV6)
			bothWays(t, d.Lab, testlab.InsideV4, 5_000_000)
			if shown := d.nmcli(t, "connection", "show", corp); !strings.Contains(shown, "Welcome to the lab") || !strings.Contains(shown, testlab.InsideV4) {
				t.Errorf("banner or name server are not in what NetworkManager shows:\n%s", shown)
			}
			d.down(t, corp)
			d.nothingLeft(t)
			if sas, err := server.SAs(); err != nil || strings.Contains(sas, "ESTABLISHED") {
				t.Errorf("the gateway still has %s, %v", sas, err)
			}
			if strings.Contains(d.log(), testlab.Password) {
				t.Error("the secret is in the log")
			}
		})
	}
}

// The gateway starts anew under NetworkManager: the connection stays up and carries
// again.
func TestIKEv2NMGatewayRestarts(t *testing.T) {
	d := forNetworkManager(t)
	server := strongswan(t, d.Lab, testlab.Strongswan{})
	d.add(t, corp, d.ikev2Data("auth=psk", "psk-flags=0", "local-id=alice@vpn.test", "remote-id="+testlab.GatewayName, "force-dpd=3s"), "psk="+testlab.Password)
	d.up(t, corp)
	_, err := server.Stop(syscall.SIGKILL, 10*time.Second)
	must(t, err)
	must(t, server.Restart())
	must(t, testlab.Await(within(t, 90*time.Second), "a new session", func() bool {
		sas, err := server.SAs()
		return err == nil && strings.Contains(sas, "INSTALLED")
	}))
	d.awaitState(t, corp, "activated")
	reaches(t, d.Lab, testlab.InsideV4)
	d.down(t, corp)
	d.nothingLeft(t)
}
