package e2e

import (
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// nmcli connection up with a pre-shared key and a password, and a farewell at the end.
func TestL2TPNMUpAndDown(t *testing.T) {
	d := forNetworkManager(t)
	server := softether(t, d.Lab)
	data := strings.Replace(d.data(stored, "psk-flags=0"), "protocol=anyconnect", "protocol=l2tp", 1)
	d.add(t, corp, data, password+",psk="+machinePSK)
	d.up(t, corp)
	reaches(t, d.Lab, testlab.InsideV4)
	bothWays(t, d.Lab, testlab.InsideV4, 5_000_000)
	sessions(t, server, 1)
	d.down(t, corp)
	d.nothingLeft(t)
	sessions(t, server, 0)
	if log := d.log(); strings.Contains(log, testlab.Password) || strings.Contains(log, machinePSK) {
		t.Error("a secret is in the log")
	}
}
