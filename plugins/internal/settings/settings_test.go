package settings

import (
	"slices"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

func TestGateway(t *testing.T) {
	for text, want := range map[string]string{
		"vpn.test": "https://vpn.test/", " vpn.test:8443 ": "https://vpn.test:8443/", "vpn.test/staff": "https://vpn.test/staff",
		"https://vpn.test/a/b#c": "https://vpn.test/a/b", "[fd00::1]:443": "https://[fd00::1]:443/", "192.0.2.1": "https://192.0.2.1/",
	} {
		if u, err := Gateway(text, ""); err != nil || u.String() != want {
			t.Errorf("%q: got %v, %v", text, u, err)
		}
	}
	for _, wrong := range []string{"", "http://vpn.test", "https://", "https://user@vpn.test", "vpn.test:0", "vpn.test:70000", "vpn test", "ftp://x"} {
		if _, err := Gateway(wrong, ""); diag.Of(err).Option != "gateway" {
			t.Errorf("%q: got %v", wrong, err)
		}
	}
}

func TestValues(t *testing.T) {
	if !True("YES") || True("no") || True("") {
		t.Error("True")
	}
	for text, want := range map[string]time.Duration{"30": 30 * time.Second, "2m": 2 * time.Minute, "soon": 0, "": 0} {
		if got := Duration(text); got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
	if got := List("a, b c,"); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("List: %q", got)
	}
	if Or("", "a") != "a" || Or("b", "a") != "b" || HostName() == "" {
		t.Error("Or, HostName")
	}
}
