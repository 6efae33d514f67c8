package cstp

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/httpc"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// header makes a Header of "Name: value" lines.
func header(lines ...string) httpc.Header {
	var h httpc.Header
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		h = append(h, httpc.Field{Name: name, Value: strings.TrimSpace(value)})
	}
	return h
}

func prefixes(t *testing.T, texts ...string) []netip.Prefix {
	t.Helper()
	var out []netip.Prefix
	for _, text := range texts {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}

var full = []string{
	"Server: something",
	"X-CSTP-Version: 1",
	"X-CSTP-Address: 10.88.0.50", "X-CSTP-Netmask: 255.255.255.0",
	"X-CSTP-Address-IP6: fd88::8e4f/64",
	"X-CSTP-DNS: 10.99.0.1", "X-CSTP-DNS-IP6: fd99::1", "X-CSTP-DNS: 10.99.0.1",
	"X-CSTP-NBNS: 10.99.0.9",
	"X-CSTP-Default-Domain: vpn.test,other.test",
	"X-CSTP-Split-DNS: corp.test", "X-CSTP-Split-DNS: *.lab.test",
	"X-CSTP-Split-Include: 10.1.2.3/255.255.0.0", "X-CSTP-Split-Include: 10.9.0.0/16", "X-CSTP-Split-Include-IP6: fd99::/64",
	"X-CSTP-Split-Exclude: 10.1.5.0/255.255.255.0", "X-CSTP-Split-Exclude: 0.0.0.0/255.255.255.255", "X-CSTP-Split-Exclude-IP6: fd99::5/128",
	"X-CSTP-Tunnel-All-DNS: false",
	"X-CSTP-MSIE-Proxy-PAC-URL: http://proxy.test/wpad.dat",
	"X-CSTP-Banner: Hello%20there",
	"X-CSTP-Keepalive: 20", "X-CSTP-DPD: 30", "X-CSTP-Idle-Timeout: 1800",
	"X-CSTP-Lease-Duration: 1209600", "X-CSTP-Session-Timeout: none", "X-CSTP-Session-Timeout-Remaining: 3600",
	"X-CSTP-Rekey-Time: 3600", "X-CSTP-Rekey-Method: ssl",
	"X-CSTP-Post-Auth-XML: <config-auth><session-token>secret</session-token></config-auth>",
	"X-DTLS-Port: 443", "X-DTLS-MTU: 1400", "X-DTLS-Keepalive: 21", "X-DTLS-DPD: 31", "X-DTLS-Rekey-Time: 3610",
	"X-DTLS-Session-ID: " + strings.Repeat("ab", 32),
	"X-DTLS12-CipherSuite: AES256-GCM-SHA384",
	"X-CSTP-Base-MTU: 1500", "X-CSTP-MTU: 1434",
}

func TestParseReply(t *testing.T) {
	c, err := ParseReply(header(full...))
	if err != nil {
		t.Fatal(err)
	}
	options, post := c.Options, c.PostAuthXML
	c.Options, c.PostAuthXML = nil, ""
	want := Config{
		Addresses: prefixes(t, "10.88.0.50/24", "fd88::8e4f/64"),
		MTU:       1434,
		Includes:  prefixes(t, "10.1.0.0/16", "10.9.0.0/16", "fd99::/64"),
		Excludes:  prefixes(t, "10.1.5.0/24", "fd99::5/128"),
		DNS:       []netip.Addr{netip.MustParseAddr("10.99.0.1"), netip.MustParseAddr("fd99::1")},
		NBNS:      []netip.Addr{netip.MustParseAddr("10.99.0.9")},
		Search:    []string{"vpn.test", "other.test"}, SplitDNS: []string{"corp.test", "lab.test"},
		ProxyPAC: "http://proxy.test/wpad.dat", Banner: "Hello there",
		Lifetime: time.Hour, IdleTimeout: 30 * time.Minute,
		Timers: Timers{Keepalive: 20 * time.Second, DPD: 30 * time.Second, RekeyEvery: time.Hour},
		DTLS: DTLS{
			Port: 443, MTU: 1400, SessionID: []byte(strings.Repeat("\xab", 32)), Suite: Suites[2],
			Timers: Timers{Keepalive: 21 * time.Second, DPD: 31 * time.Second, RekeyEvery: 3610 * time.Second},
		},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
	if !strings.Contains(post, "session-token") {
		t.Error("the post-auth document was lost")
	}
	for _, o := range options {
		if strings.Contains(o[1], "secret") || !strings.HasPrefix(o[0], "X-") {
			t.Errorf("a script would see %v", o)
		}
	}
	if len(options) != len(full)-2 {
		t.Errorf("%d options for %d fields", len(options), len(full))
	}
	if !c.DTLS.Usable() {
		t.Error("DTLS should be usable")
	}
}

// base is the least that a tunnel needs.
var base = []string{"X-CSTP-Address: 10.0.0.2", "X-CSTP-MTU: 1400"}

func with(lines ...string) httpc.Header {
	return header(append(append([]string{}, base...), lines...)...)
}

func TestOldTwoHeaderAddresses(t *testing.T) {
	c, err := ParseReply(with("X-CSTP-Address: fd00::7", "X-CSTP-Netmask: 255.255.255.192", "X-CSTP-Netmask: fd00::/48"))
	if err != nil {
		t.Fatal(err)
	}
	if want := prefixes(t, "10.0.0.2/26", "fd00::7/48"); !reflect.DeepEqual(c.Addresses, want) {
		t.Errorf("got %v, want %v", c.Addresses, want)
	}
}

func TestRoutesOfEachFamily(t *testing.T) {
	for name, test := range map[string]struct {
		lines []string
		want  []string
	}{
		"nothing included":  {nil, []string{"0.0.0.0/0"}},
		"both, none":        {[]string{"X-CSTP-Address-IP6: fd00::2/64"}, []string{"0.0.0.0/0", "::/0"}},
		"one family split":  {[]string{"X-CSTP-Address-IP6: fd00::2/64", "X-CSTP-Split-Include: 10.5.0.0/16"}, []string{"10.5.0.0/16", "::/0"}},
		"family without us": {[]string{"X-CSTP-Split-Include-IP6: fd00::/64"}, []string{"0.0.0.0/0"}},
		"host":              {[]string{"X-CSTP-Split-Include: 10.5.0.1"}, []string{"10.5.0.1/32"}},
	} {
		c, err := ParseReply(with(test.lines...))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := c.Routes(); !reflect.DeepEqual(got, prefixes(t, test.want...)) {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

func TestWrongValuesNameTheirHeader(t *testing.T) {
	for _, line := range []string{
		"X-CSTP-MTU: 0", "X-CSTP-MTU: 70000", "X-CSTP-MTU: many", "X-DTLS-MTU: 0", "X-CSTP-MTU: -1",
		"X-CSTP-Address: here", "X-CSTP-Address: 10.0.0.256", "X-CSTP-Address: 0.0.0.0", "X-CSTP-Address: 224.0.0.1",
		"X-CSTP-Netmask: 255.0.255.0", "X-CSTP-Netmask: red", "X-CSTP-Address-IP6: 10.0.0.1/24", "X-CSTP-Address-IP6: fd00::/129",
		"X-CSTP-Split-Include: 10.0.0.0/33", "X-CSTP-Split-Include: 10.0.0.0/ffff::", "X-CSTP-Split-Exclude: x/8",
		"X-CSTP-DNS: ns.test", "X-CSTP-NBNS: 1", "X-CSTP-Default-Domain: a;reboot", "X-CSTP-Split-DNS: $(id)",
		"X-CSTP-DPD: soon", "X-CSTP-Keepalive: -3", "X-CSTP-Rekey-Time: 1e9", "X-CSTP-Session-Timeout: 0x10",
		"X-DTLS-Port: 99999", "X-DTLS-Session-ID: abcd", "X-DTLS-Session-ID: " + strings.Repeat("zz", 32), "X-DTLS-App-ID: " + strings.Repeat("ab", 33),
		"X-CSTP-Content-Encoding: deflate", "X-DTLS-Content-Encoding: lzs",
	} {
		name, _, _ := strings.Cut(line, ":")
		_, err := ParseReply(with(line))
		if d := diag.Of(err); err == nil || d.Code != diag.Protocol || !strings.Contains(d.Summary, name) {
			t.Errorf("%s: got %v", line, err)
		}
	}
}

func TestWhatMustBeThere(t *testing.T) {
	for missing, lines := range map[string][]string{
		"X-CSTP-Address": {"X-CSTP-MTU: 1400"},
		"X-CSTP-MTU":     {"X-CSTP-Address: 10.0.0.2"},
	} {
		if _, err := ParseReply(header(lines...)); err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("without %s: %v", missing, err)
		}
	}
	var many []string
	for i := range maxRoutes + 1 {
		many = append(many, fmt.Sprintf("X-CSTP-Split-Include: 10.%d.%d.0/24", i/256, i%256))
	}
	if _, err := ParseReply(with(many...)); err == nil {
		t.Error("too many routes were accepted")
	}
}

func TestChoicesNotOfferedMeanNoDTLS(t *testing.T) {
	c, err := ParseReply(with("X-DTLS-Port: 443", "X-DTLS-Session-ID: "+strings.Repeat("ab", 32), "X-DTLS-CipherSuite: DES-CBC3-SHA"))
	if err != nil || c.DTLS.Usable() {
		t.Errorf("got %+v, %v", c.DTLS, err)
	}
	c, err = ParseReply(with("X-DTLS-Port: 443", "X-DTLS-App-ID: 0102", "X-DTLS-CipherSuite: PSK-NEGOTIATE", "X-CSTP-Rekey-Method: none"))
	if err != nil || !c.DTLS.Usable() || !c.DTLS.PSK || len(c.DTLS.AppID) != 2 || !c.Timers.NoRekey {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestInnerMTU(t *testing.T) {
	c := Config{MTU: 1434, DTLS: DTLS{MTU: 1400}}
	if c.InnerMTU(true) != 1400 || c.InnerMTU(false) != 1434 {
		t.Errorf("got %d and %d", c.InnerMTU(true), c.InnerMTU(false))
	}
	if c = (Config{DTLS: DTLS{MTU: 1390}}); c.InnerMTU(false) != 1390 {
		t.Errorf("got %d from DTLS alone", c.InnerMTU(false))
	}
}

// What is read can be said again in the same words.
func FuzzParseReply(f *testing.F) {
	f.Add(strings.Join(full, "\n"))
	f.Add(strings.Join(base, "\n"))
	f.Add("X-CSTP-Address: fd00::1\nX-CSTP-Netmask: fd00::/64\nX-DTLS-MTU: 1300")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseReply(header(strings.Split(text, "\n")...))
		if err != nil {
			if diag.Of(err).Code != diag.Protocol {
				t.Fatalf("an error without a code: %v", err)
			}
			return
		}
		if len(c.Addresses) == 0 || len(c.Addresses) > 2 || c.InnerMTU(true) < minMTU || c.InnerMTU(false) > maxMTU {
			t.Fatalf("accepted %+v", c)
		}
		var again httpc.Header
		for _, a := range c.Addresses {
			name := "X-CSTP-Address-IP6"
			if a.Addr().Is4() {
				again = append(again, httpc.Field{Name: "X-CSTP-Netmask", Value: fmt.Sprint(a.Bits())})
				name = "X-CSTP-Address"
				again = append(again, httpc.Field{Name: name, Value: a.Addr().String()})
				continue
			}
			again = append(again, httpc.Field{Name: name, Value: a.String()})
		}
		for _, p := range c.Includes {
			again = append(again, httpc.Field{Name: "X-CSTP-Split-Include", Value: p.String()})
		}
		again = append(again, httpc.Field{Name: "X-CSTP-MTU", Value: fmt.Sprint(c.InnerMTU(false))})
		d, err := ParseReply(again)
		if err != nil || !reflect.DeepEqual(d.Addresses, c.Addresses) || !reflect.DeepEqual(d.Routes(), c.Routes()) {
			t.Fatalf("said again: %+v, %v; first %+v", d, err, c)
		}
	})
}
