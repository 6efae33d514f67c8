package vpncscript

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/penstock-vpn/penstock/host/netcfg"
)

func TestDomains(t *testing.T) {
	if got := domains([]string{"*.example.com", "$x", "lab.test."}); strings.Join(got, " ") != "example.com lab.test" {
		t.Errorf("got %q", got)
	}
	if got := domains(strings.Split(strings.Repeat("a.example ", 2*maxDomains), " ")); len(got) != maxDomains {
		t.Errorf("%d domains", len(got))
	}
}

func TestBounds(t *testing.T) {
	if got := banner(strings.Repeat("\u00fc", maxText)); len(got) > maxText || !utf8.ValidString(got) {
		t.Errorf("banner of %d bytes", len(got))
	}
	long := make([]netcfg.Pair, 1000)
	for i := range long {
		long[i] = netcfg.Pair{Key: "X-CSTP-Long", Value: strings.Repeat("v", 1000)}
	}
	if got := words(long); len(got) > maxText {
		t.Errorf("options of %d bytes", len(got))
	}
	c := goldens["split"]
	for name, ok := range map[string]bool{"tun0": true, "vpn-corp.1": true, "": false, "a/b": false, "tun 0": false, "sixteencharacter": false, "..": false, "-i": false} {
		c.Interface = name
		if (check(c) == nil) != ok {
			t.Errorf("device %q: %v", name, check(c))
		}
	}
	c.Interface = "tun0"
	for len(c.Routes) <= maxNetworks {
		c.Routes = append(c.Routes, c.Routes...)
	}
	if check(c) == nil {
		t.Errorf("%d routes pass", len(c.Routes))
	}
}

func TestDoubts(t *testing.T) {
	if got := doubts(goldens["names"]); len(got) != 0 {
		t.Errorf("plain settings give %q", got)
	}
	got := doubts(with(goldens["hostile"], func(c *netcfg.Config) {
		c.DNS = goldens["many-servers"].DNS
		c.Addresses = append(c.Addresses, c.Addresses...)
	}))
	if len(got) != 5 {
		t.Errorf("got %q", got)
	}
}

// Whatever a gateway sends: one entry a variable, nothing that ends a line early.
func FuzzEnvironment(f *testing.F) {
	f.Add("a.example", "b.example", "hello\nthere", "http://pac.example/", "X-CSTP-MTU", "1400")
	f.Add("$(x)", "a,b", "\x1b[0m\xff", "http://a/'", "a\nb", "c\x00d")
	f.Fuzz(func(t *testing.T, search, split, text, url, key, value string) {
		c := goldens["split"]
		c.Search, c.SplitDNS, c.Banner, c.ProxyPAC = []string{search}, []string{split}, text, url
		c.ScriptOptions = []netcfg.Pair{{Key: key, Value: value}, {Key: key, Value: value}}
		get := lookup(environment(connect, c, 1, 0))
		for _, name := range []string{"CISCO_DEF_DOMAIN", "CISCO_SPLIT_DNS"} {
			if s := get(name); strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_., ") != "" {
				t.Errorf("%s=%q", name, s)
			}
		}
		if s := get("CISCO_PROXY_PAC"); s != "" && (s != url || strings.ContainsAny(s, "'\"`$\\ \n")) {
			t.Errorf("PAC %q", s)
		}
		if s := get("CISCO_BANNER"); !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
			t.Errorf("banner %q", s)
		} else if banner(s) != s {
			t.Errorf("banner %q changes when cleaned again", s)
		}
		if s := get("CISCO_CSTP_OPTIONS"); strings.Count(s, "\n") > 1 || strings.ContainsAny(strings.ReplaceAll(s, "\n", ""), "\x00\r") {
			t.Errorf("options %q", s)
		}
	})
}
