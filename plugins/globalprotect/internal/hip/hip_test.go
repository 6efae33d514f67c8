package hip

import (
	"net/netip"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/form"
	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/gp"
	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/xmldoc"
)

func check(authCookie, address string) Check {
	return Check{
		Session: gp.Session{Cookie: form.Fields{{Name: "authcookie", Value: authCookie}, {Name: "portal", Value: "GW N"}, {Name: "user", Value: "alice"},
			{Name: "preferred-ip", Value: address}, {Name: "computer", Value: "laptop"}}},
		Identity:  gp.Identity{OS: "Linux", OSVersion: "Linux 6 & more", Computer: "laptop", HostID: "id", AppVersion: "6.3"},
		Addresses: []netip.Prefix{netip.MustParsePrefix(address + "/32"), netip.MustParsePrefix("fd00::2/128")},
		Now:       func() time.Time { return time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC) },
	}
}

// The token is md5 of portal=GW%20N&user=alice&computer=laptop: it stays when the
// session or the address is another.
func TestToken(t *testing.T) {
	const want = "72eb620773b99c5be617bd9b1cb2c5ac"
	a, b := check("aa", "10.0.0.2").token(), check("bb", "10.0.0.3").token()
	if a != want || b != want {
		t.Errorf("got %s and %s", a, b)
	}
}

func TestMinimalReport(t *testing.T) {
	c := check("aa", "10.0.0.2")
	root, err := xmldoc.Parse([]byte(c.minimal()))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"md5-sum": c.token(), "user-name": "alice", "host-name": "laptop", "host-id": "id", "ip-address": "10.0.0.2", "ipv6-address": "fd00::2",
		"generate-time": "02/03/2026 04:05:06", "hip-report-version": "4",
	} {
		if got := root.Value(path); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	host := root.Find("categories", "entry")
	if host.Attrs["name"] != "host-info" || host.Value("os") != "Linux 6 & more" || host.Value("client-version") != "6.3" || host.Value("os-vendor") != "Linux" {
		t.Errorf("the host is %+v", host)
	}
}
