package e2e

import (
	"context"
	"encoding/binary"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/gpgate"
	"github.com/penstock-vpn/penstock/host/internal/testlab/loadgate"
)

// What the tests of the datapath share: they want every packet to be right, at any
// speed, and so run against gateways of the same codecs as well as against ocserv.

// way is a gateway, and what packets go through.
type way struct {
	gate      string
	transport string // as status has it
	port      int    // of the datagrams
	begin     func(t *testing.T, l *testlab.Lab)
	spec      testlab.Spec
}

func (w way) String() string { return w.transport + " to " + w.gate }

// ways are all that there are.
func ways() []way {
	all := []way{
		{"ocserv", "tls", 443, func(t *testing.T, l *testlab.Lab) { ocserv(t, l, testlab.Ocserv{DTLS: "off"}) }, alice()},
		{"ocserv", "dtls", 443, func(t *testing.T, l *testlab.Lab) { ocserv(t, l, testlab.Ocserv{}) }, alice()},
	}
	return append(all, ownWays(0)...)
}

// ownWays are those to the lab's own gateways, which give the tunnel an MTU; 0 is
// their own choice.
func ownWays(mtu int) []way {
	load := func(t *testing.T, l *testlab.Lab) {
		_, err := loadgate.Start(l, loadgate.Config{MTU: mtu})
		must(t, err)
	}
	all := []way{
		{"the load gateway", "tls", 443, load, alice()},
		{"the load gateway", "dtls", 443, load, alice()},
		overESP(mtu),
	}
	all[0].spec.NoDTLS = true
	return all
}

// overESP leads to the lab's GlobalProtect gateway.
func overESP(mtu int) way {
	c := gpgate.Config{ESP: gpgate.ESP{Encryption: "aes-128-gcm"}}
	c.Network.Routes, c.Network.Routes6 = []string{testlab.InsideV4 + "/32", testlab.InsideV6 + "/64"}, []string{}
	if c.Network.MTU = mtu; mtu > 0 && mtu < 1280 {
		c.Network.NoIPv6, c.Network.Routes = true, c.Network.Routes[:1]
	}
	begin := func(t *testing.T, l *testlab.Lab) {
		_, err := gpgate.Start(l, c)
		must(t, err)
	}
	return way{"GlobalProtect", "esp", gpgate.ESPPort, begin, gpAlice()}
}

// up starts the gateway, connects and waits until packets leave by the transport.
func (w way) up(t *testing.T, l *testlab.Lab, extra ...string) *testlab.Connection {
	t.Helper()
	w.begin(t, l)
	return w.connect(t, l, extra...)
}

func (w way) connect(t *testing.T, l *testlab.Lab, extra ...string) *testlab.Connection {
	t.Helper()
	w.spec.Extra = append(w.spec.Extra, extra...)
	c := connect(t, l, w.spec)
	says(t, l, w.transport)
	reaches(t, l, testlab.InsideV4)
	return c
}

// udpEcho answers UDP on an inside address of the gateway until the test ends.
func udpEcho(t *testing.T, l *testlab.Lab, inside string) *net.UDPAddr {
	t.Helper()
	conn := udp(t, l.Gateway, &net.UDPAddr{IP: net.ParseIP(inside)})
	go func() {
		b := make([]byte, 65535)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			conn.WriteToUDPAddrPort(b[:n], from)
		}
	}()
	return conn.LocalAddr().(*net.UDPAddr)
}

// udp is a socket on a machine, with a large buffer.
func udp(t *testing.T, m *testlab.Machine, local *net.UDPAddr) (conn *net.UDPConn) {
	t.Helper()
	must(t, m.Do(func() (err error) {
		conn, err = net.ListenUDP("udp", local)
		return err
	}))
	t.Cleanup(func() { conn.Close() })
	raw, err := conn.SyscallConn()
	must(t, err)
	raw.Control(func(fd uintptr) {
		unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20)
	})
	must(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	return conn
}

// segmented is the control message that has the kernel cut what is sent into
// datagrams of size bytes.
func segmented(size int) []byte {
	b := make([]byte, unix.CmsgSpace(2))
	binary.NativeEndian.PutUint64(b, uint64(unix.CmsgLen(2)))
	binary.NativeEndian.PutUint32(b[8:], unix.IPPROTO_UDP)
	binary.NativeEndian.PutUint32(b[12:], unix.UDP_SEGMENT)
	binary.NativeEndian.PutUint16(b[16:], uint16(size))
	return b
}

// capture records a device of a machine with tcpdump; stop returns what that says of
// the packets.
type capture struct {
	machine *testlab.Machine
	process *testlab.Process
	file    string
}

func record(t *testing.T, m *testlab.Machine, device, direction string) *capture {
	t.Helper()
	c := &capture{machine: m, file: m.Dir + "/" + device + ".pcap"}
	p, err := m.Start(testlab.Command{Args: []string{"tcpdump", "-n", "-i", device, "-Q", direction, "-B", "32768", "--immediate-mode", "-U", "-Z", "root", "-w", c.file}})
	must(t, err)
	c.process = p
	must(t, testlab.Await(within(t, 10*time.Second), "tcpdump", func() bool { return strings.Contains(p.Stderr(), "listening on") }))
	return c
}

// stop waits until tcpdump has written all that it was given.
func (c *capture) stop(t *testing.T) string {
	t.Helper()
	size, still := int64(0), 0
	must(t, testlab.Await(within(t, 10*time.Second), "the end of the capture", func() bool {
		file, err := os.Stat(c.file)
		must(t, err)
		if still++; file.Size() != size {
			size, still = file.Size(), 0
		}
		return still > 10
	}))
	_, err := c.process.Stop(unix.SIGINT, 10*time.Second)
	must(t, err)
	out, err := c.machine.Run("tcpdump", "-n", "-vvv", "-r", c.file)
	must(t, err)
	return out
}

// device is the one TUN device of a machine.
func device(t *testing.T, m *testlab.Machine) string {
	t.Helper()
	var name string
	must(t, testlab.Await(within(t, 10*time.Second), "one TUN device", func() bool {
		tuns := m.Tunnels()
		if len(tuns) == 1 {
			name = tuns[0].Attrs().Name
		}
		return len(tuns) == 1
	}))
	return name
}

// run runs a program on a machine, which must end well.
func run(t *testing.T, m *testlab.Machine, args ...string) string {
	t.Helper()
	out, err := m.Run(args...)
	must(t, err)
	return out
}

// moved sends and fetches a file from a machine, over both families.
func moved(t *testing.T, l *testlab.Lab, from *testlab.Machine, size int64) {
	t.Helper()
	view := *l
	view.Client = from
	for _, inside := range []string{testlab.InsideV4, testlab.InsideV6} {
		store, err := view.OpenStore(inside)
		must(t, err)
		for _, move := range []func(context.Context, int64) (testlab.Transfer, error){store.Download, store.Upload} {
			if _, err := move(within(t, time.Minute), size); err != nil {
				t.Errorf("%s to %s: %v", from.Name, inside, err)
			}
		}
		must(t, store.Close())
	}
}
