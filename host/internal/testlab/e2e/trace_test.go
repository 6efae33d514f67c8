package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// recorded is what Wireshark shows of a file of --trace: a line a packet.
func recorded(t *testing.T, file string) string {
	t.Helper()
	if bad := tshark(t, "-r", file, "-Y", "_ws.malformed && !(frame.interface_name == \"penstock inner\")"); bad != "" {
		t.Errorf("Wireshark minds:\n%s", bad)
	}
	return tshark(t, "-r", file, "-N", "nN", "-T", "fields", "-E", "separator=|", "-E", "occurrence=f", "-e", "frame.interface_name",
		"-e", "frame.packet_flags", "-e", "frame.protocols", "-e", "ip.dst_host", "-e", "http.request.method", "-e", "frame.comment")
}

func shows(t *testing.T, seen string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(seen, line) {
			t.Errorf("no line has %q", line)
		}
	}
	if t.Failed() {
		t.Logf("Wireshark shows\n%s", seen[:min(len(seen), 20000)])
	}
}

// holds says whether a file has a text.
func holds(t *testing.T, file, text string) bool {
	t.Helper()
	b, err := os.ReadFile(file)
	must(t, err)
	return bytes.Contains(b, []byte(text))
}

// What a connection says is recorded on each of its three sides, and no secret with it.
func TestTrace(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{})
	file := filepath.Join(l.Dir, "trace.pcapng")
	s := alice()
	s.Extra = []string{"--trace", file}
	c := connect(t, l, s)
	reaches(t, l, testlab.InsideV4, testlab.InsideV6)
	disconnect(t, c)
	shows(t, recorded(t, file), "penstock inner|0x00000002|raw:ip:icmp", "penstock inner|0x00000001|raw:ip:icmp", "raw:ipv6:icmpv6",
		"penstock outer|0x00000002|raw:ip:tcp", "penstock outer|0x00000001|raw:ip:tcp", "raw:ip:tcp:tls", "raw:ip:udp:dtls|"+testlab.GatewayName,
		"exported_pdu:http:xml||POST|HTTP to the gateway", "penstock control|0x00000001|exported_pdu:http", "dtls transport to "+testlab.GatewayName+" is open")
	for _, secret := range []string{testlab.Password, "CLIENT_RANDOM", "CLIENT_TRAFFIC_SECRET"} {
		if holds(t, file, secret) {
			t.Errorf("%s is in the file", secret)
		}
	}
	c, err := l.Launch(client, s)
	must(t, err)
	code, err := c.Wait(10 * time.Second)
	must(t, err)
	if code != exitUsage || !strings.Contains(c.Stderr(), "is there already") {
		t.Errorf("exit status %d for a file that is there: %s", code, c.Stderr())
	}
}

// With the keys of TLS Wireshark reads what went to the gateway; a host that is killed
// leaves a file that is whole.
func TestTraceWithSecretsOfAKilledHost(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{DTLS: "off"})
	file := filepath.Join(l.Dir, "trace.pcapng")
	s := alice()
	s.Extra = []string{"--trace", file, "--trace-secrets"}
	c := connect(t, l, s)
	reaches(t, l, testlab.InsideV4)
	must(t, testlab.Await(within(t, 10*time.Second), "the packets that wait for keys", func() bool {
		return strings.Contains(tshark(t, "-r", file, "-Y", "http && tcp"), "CONNECT /")
	}))
	_, err := c.Stop(syscall.SIGKILL, 5*time.Second)
	must(t, err)
	shows(t, recorded(t, file), "raw:ip:tcp:tls:http")
	if login := tshark(t, "-r", file, "-Y", `tcp && xml.cdata contains "`+testlab.Password+`"`); login == "" {
		t.Error("the login cannot be read with the keys in the file")
	}
}

// IKE is recorded in words, and its packets as they are.
func TestTraceOfIKEv2(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	strongswan(t, l, testlab.Strongswan{Auth: "eap-mschapv2"})
	file := filepath.Join(l.Dir, "trace.pcapng")
	c := connectIKEv2(t, l, append(eap(t, l, "server"), "--trace", file)...)
	reaches(t, l, testlab.InsideV4)
	disconnect(t, c)
	shows(t, recorded(t, file), "penstock outer|0x00000002|raw:ip:udp:isakmp", "raw:ip:udp:udpencap:esp", "penstock inner|0x00000001|raw:ip:icmp", "IKE_AUTH request 1: IDi")
	if holds(t, file, testlab.Password) {
		t.Error("the password is in the file")
	}
}
