package e2e

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// keyLine is one of those that dump-ike-keys adds to the conversation.
var keyLine = regexp.MustCompile(`keys (ikev2_decryption_table|esp_sa): (\S.*)`)

// Wireshark reads every message that we send, with the keys that it is given: nothing is
// malformed, and nothing stays closed.
func TestIKEv2Wireshark(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for _, test := range []struct {
		name   string
		server testlab.Strongswan
		args   func(*testing.T, *testlab.Lab) []string
	}{
		{"AES-GCM, pre-shared key", testlab.Strongswan{IKE: "aes256gcm16-prfsha384-ecp384", ESP: "aes256gcm16-ecp256"},
			func(*testing.T, *testlab.Lab) []string { return psk("--esp-lifetime", "10s", "--ike-lifetime", "15s") }},
		{"AES-CBC in fragments, password", testlab.Strongswan{IKE: "aes256-sha256-modp2048", ESP: "aes128-sha1", Auth: "eap-mschapv2", FragmentSize: 600},
			func(t *testing.T, l *testlab.Lab) []string {
				return eap(t, l, "server", "--fragment-size", "600", "--esp-lifetime", "10s", "--ike-lifetime", "15s")
			}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			server := strongswan(t, l, test.server)
			file := filepath.Join(l.Dir, "wire.pcap")
			capture, err := l.Client.Start(testlab.Command{Args: []string{"tcpdump", "-i", "eth0", "-U", "--immediate-mode", "-Z", "root", "-w", file, "udp"}})
			must(t, err)
			must(t, capture.Expect(within(t, 10*time.Second), regexp.MustCompile("listening on")))
			c := connectIKEv2(t, l, append(test.args(t, l), "--dump-ike", "--dump-ike-keys")...)
			reaches(t, l, testlab.InsideV4)
			must(t, testlab.Await(within(t, 40*time.Second), "new keys", func() bool {
				return strings.Count(server.Output(), "CREATE_CHILD_SA response") >= 3
			}))
			reaches(t, l, testlab.InsideV4)
			disconnect(t, c)
			_, err = capture.Stop(syscall.SIGINT, 10*time.Second)
			must(t, err)
			if text := c.Output(); strings.Contains(text, testlab.Password) || !strings.Contains(text, "IKE_AUTH request 1: IDi") {
				t.Errorf("it said\n%s", text)
			}
			shark(t, file, c.Output())
		})
	}
}

// shark reads a capture with the keys that a text gives away.
func shark(t *testing.T, file, text string) {
	t.Helper()
	args := []string{"-r", file, "-o", "esp.enable_encryption_decode: TRUE"}
	tables := map[string]int{}
	for _, m := range keyLine.FindAllStringSubmatch(text, -1) {
		args = append(args, "-o", fmt.Sprintf("uat:%s:%s", m[1], m[2]))
		tables[m[1]]++
	}
	if tables["ikev2_decryption_table"] < 2 || tables["esp_sa"] < 4 {
		t.Fatalf("keys of %v", tables)
	}
	messages := tshark(t, append(args, "-Y", "isakmp", "-T", "fields", "-E", "separator=|", "-e", "frame.number", "-e", "isakmp.exchangetype",
		"-e", "isakmp.length", "-e", "isakmp.typepayload", "-e", "isakmp.enc.decrypted", "-e", "_ws.malformed", "-e", "_ws.expert.message")...)
	lines := strings.Split(strings.TrimSpace(messages), "\n")
	opened := 0
	for _, line := range lines {
		f := strings.Split(line, "|")
		if len(f) != 7 {
			t.Fatalf("tshark says %q", line)
		}
		if f[5] != "" || strings.Contains(strings.ToLower(f[6]), "malformed") || strings.Contains(strings.ToLower(f[6]), "checksum") {
			t.Errorf("message %s: %s", f[0], line)
		}
		if f[4] != "" {
			opened++
		} else if f[1] != "34" {
			t.Errorf("message %s stays closed: %s", f[0], line)
		}
	}
	if opened < 8 {
		t.Errorf("%d of %d messages were read", opened, len(lines))
	}
	if inside := tshark(t, append(args, "-Y", "esp && icmp")...); strings.Count(inside, "Echo") < 4 {
		t.Errorf("inside of ESP there is %q", inside)
	}
}

func tshark(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("tshark", args...).Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	return string(out)
}
