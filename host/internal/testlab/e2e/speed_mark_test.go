package e2e

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// What packets show outside a tunnel, and what they are told there, as RFC 6040 and RFC
// 2983 say. tcpdump sees the outer headers on the cable, and the inner ones on the
// client's TUN.

// outer are octets of what carries data over UDP, each with its length.
var outer = regexp.MustCompile(`IP \(tos (0x[0-9a-f]+)[^\n]*\n +` + regexp.QuoteMeta(testlab.ClientV4) + `\.\d+ > ` + regexp.QuoteMeta(testlab.GatewayV4) + `\.\d+: [^\n]*length (\d+)`)

func TestMarksOutside(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	esp := way{transport: "esp", port: 4500, begin: func(t *testing.T, l *testlab.Lab) { strongswan(t, l, testlab.Strongswan{}) }}
	for _, c := range []struct {
		name string
		way  way
		args []string
		want string
	}{
		{"IKEv2", esp, nil, "0x2"},
		{"IKEv2 and passtos", esp, []string{"--passtos"}, "0xba"},
		{"DTLS", ways()[1], nil, "0x0"},
		{"DTLS and passtos", ways()[1], []string{"--passtos"}, "0xb8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			var connection *testlab.Connection
			if c.way.transport == "esp" {
				c.way.begin(t, l)
				connection = connectIKEv2(t, l, psk(c.args...)...)
				reaches(t, l, testlab.InsideV4)
			} else {
				connection = c.way.up(t, l, c.args...)
			}
			rec := record(t, l.Client, "eth0", "out")
			for _, inside := range []string{testlab.InsideV4, testlab.InsideV6} {
				run(t, l.Client, "ping", "-n", "-q", "-c", "5", "-i", "0.01", "-s", "900", "-Q", "0xba", inside)
			}
			bytes, text := 0, rec.stop(t)
			for _, m := range outer.FindAllStringSubmatch(text, -1) {
				if size, err := strconv.Atoi(m[2]); err != nil || size < 900 { // what is no ping is small
					continue
				} else if bytes += size; m[1] != c.want {
					t.Errorf("%s outside, want %s", m[1], c.want)
				}
			}
			if bytes < 10*900 { // the kernel has not cut groups yet
				t.Errorf("%d bytes of 10 pings were seen:\n%s", bytes, text)
			}
			disconnect(t, connection)
		})
	}
}

// Congestion on the way marks all that a gateway sends: those packets that understand
// the mark carry it on inside, the others are lost.
func TestMarksFromOutside(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	esp := overESP(0)
	for _, w := range []way{ways()[1], esp} {
		t.Run(w.String(), func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			c := w.up(t, l)
			must(t, l.Gateway.Nft(`table inet congestion {
				chain out { type filter hook output priority 0; ip daddr `+testlab.ClientV4+` meta l4proto udp ip ecn set ce; }
			}`))
			rec := record(t, l.Client, c.Interface, "in")
			for _, inside := range []string{testlab.InsideV4, testlab.InsideV6} {
				run(t, l.Client, "ping", "-n", "-q", "-c", "5", "-i", "0.01", "-Q", "0xba", inside)
				out, err := l.Client.Run("ping", "-n", "-q", "-c", "5", "-i", "0.01", "-W", "1", "-Q", "0xb8", inside)
				if err == nil || !strings.Contains(out+err.Error(), "100% packet loss") {
					t.Errorf("packets that do not understand the mark came through: %s, %v", out, err)
				}
			}
			text := rec.stop(t)
			v4 := regexp.MustCompile(`\(tos (0x[0-9a-f]+),CE`).FindAllStringSubmatch(text, -1)
			v6 := regexp.MustCompile(`\(class (0x[0-9a-f]+)`).FindAllStringSubmatch(text, -1)
			for family, all := range map[string][][]string{"IPv4": v4, "IPv6": v6} {
				wrong := slices.ContainsFunc(all, func(m []string) bool { return m[1] != "0xbb" })
				if len(all) != 5 || wrong {
					t.Errorf("%s: %v arrived inside, want 5 of 0xbb", family, all)
				}
			}
			if wrong := regexp.MustCompile(`bad cksum|wrong`).FindAllString(text, -1); wrong != nil {
				t.Errorf("checksums are wrong:\n%s", text)
			}
			disconnect(t, c)
		})
	}
}
