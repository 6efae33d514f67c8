package e2e

import (
	"net"
	"regexp"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// Every packet that leaves a tunnel has the checksums it needs, whatever the kernel
// left to the offload. tcpdump looks where packets are final:
//
//	desk <-here- client ==== tunnel ==== gateway's TUN, here when it is ocserv's,
//	                                     which has no offload
//
// The client's packets to the gateway leave the client's kernel without checksums and
// many in one; those to the desk are written to the TUN merged.
func TestChecksums(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for _, w := range ways() {
		for _, offload := range []string{"true", "false"} {
			if offload == "false" && w.gate != "ocserv" && w.transport != "esp" {
				continue // ocserv sees more
			}
			t.Run(w.String()+" offload "+offload, func(t *testing.T) {
				t.Parallel()
				l := lab(t)
				c := w.up(t, l, "--offload="+offload)
				desk := behind(t, l)
				quietly(t)
				captures := map[string]*capture{"the desk": record(t, desk, "eth0", "in")}
				if w.gate == "ocserv" {
					captures["the gateway"] = record(t, l.Gateway, device(t, l.Gateway), "in")
				}
				for _, m := range []*testlab.Machine{desk, l.Client} {
					exercise(t, l, m)
				}
				for name, rec := range captures {
					judge(t, name, rec.stop(t))
				}
				disconnect(t, c)
			})
		}
	}
}

// quietly takes a turn at loading the processors.
func quietly(t *testing.T) {
	t.Helper()
	busy.Lock()
	t.Cleanup(busy.Unlock)
}

// behind is a desk that the gateway reaches through the tunnel.
func behind(t *testing.T, l *testlab.Lab) *testlab.Machine {
	t.Helper()
	desk, err := l.AddDesk()
	must(t, err)
	tun := device(t, l.Gateway)
	run(t, l.Gateway, "ip", "route", "add", testlab.DeskV4+"/32", "dev", tun)
	run(t, l.Gateway, "ip", "route", "add", testlab.DeskV6+"/128", "dev", tun)
	return desk
}

// exercise sends all kinds of packets from a machine to the inside and back, in bulk
// and alone, of odd and even sizes.
func exercise(t *testing.T, l *testlab.Lab, from *testlab.Machine) {
	t.Helper()
	moved(t, l, from, 2_000_000)
	for _, inside := range []string{testlab.InsideV4, testlab.InsideV6} {
		run(t, from, "ping", "-n", "-q", "-c", "5", "-i", "0.01", "-s", "1", inside)
		run(t, from, "ping", "-n", "-q", "-c", "5", "-i", "0.01", "-s", "1203", inside)
		to := udpEcho(t, l, inside)
		conn := udp(t, from, nil)
		for _, size := range []int{0, 1, 2, 3, 17, 512, 999, 1200} {
			answered(t, conn, to, make([]byte, size), 0)
		}
		for size, total := range map[int]int{1200: 40_000, 101: 3_001} {
			answered(t, conn, to, filled(total), size)
		}
	}
}

// filled is data whose sums are not 0.
func filled(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

// answered sends data, in datagrams of size bytes if that is not 0, and wants as many
// bytes back.
func answered(t *testing.T, conn *net.UDPConn, to *net.UDPAddr, data []byte, size int) {
	t.Helper()
	var control []byte
	if size > 0 {
		control = segmented(size)
	}
	_, _, err := conn.WriteMsgUDP(data, control, to)
	must(t, err)
	b := make([]byte, 65535)
	for got, first := 0, true; got < len(data) || first; first = false {
		n, err := conn.Read(b)
		if err != nil {
			t.Fatalf("%d of %d bytes came back from %s: %v", got, len(data), to, err)
		}
		got += n
	}
}

// sums are how tcpdump says that a checksum is right; it says nothing of a right one
// in an IPv4 header or in ICMP.
var (
	sums  = map[string]string{"TCP": "(correct)", "UDP": "udp sum ok", "ICMPv6": "icmp6 sum ok", "ICMP": "ICMP echo"}
	wrong = regexp.MustCompile(`(?m)^.*(incorrect|bad cksum|bad udp cksum|wrong icmp|bad icmp6|no cksum|bad length|truncated-).*$`)
)

func judge(t *testing.T, where, text string) {
	t.Helper()
	var seen []string
	for name, right := range sums {
		least := map[string]int{"TCP": 2000, "UDP": 80}[name]
		n := strings.Count(text, right)
		if n < max(least, 10) {
			t.Errorf("at %s only %d packets of %s were seen with a right checksum", where, n, name)
		}
		seen = append(seen, name)
	}
	if bad := wrong.FindAllString(text, -1); len(bad) > 0 {
		t.Errorf("at %s %d packets are wrong, of %v; the first are:\n%s", where, len(bad), seen, strings.Join(bad[:min(len(bad), 10)], "\n"))
	}
}
