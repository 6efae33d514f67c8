package e2e

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// nmcli connection up with a password, and a farewell at the end.
func TestSSTPNMUpAndDown(t *testing.T) {
	d := forNetworkManager(t)
	server := sstpGate(t, d.Lab, testlab.SSTPGate{})
	d.add(t, corp, strings.Replace(d.data(stored), "protocol=anyconnect", "protocol=sstp", 1), password)
	d.up(t, corp)
	reaches(t, d.Lab, testlab.InsideV4)
	bothWays(t, d.Lab, testlab.InsideV4, 5_000_000)
	d.down(t, corp)
	d.nothingLeft(t)
	must(t, server.Expect(within(t, 10*time.Second), regexp.MustCompile("left: 1 calls: 0")))
	if log := d.log(); strings.Contains(log, testlab.Password) {
		t.Error("the password is in the log")
	}
}
