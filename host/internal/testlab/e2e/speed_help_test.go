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
	"github.com/penstock-vpn/penstock/host/internal/testlab/loadgate"
)

// What the tests of the datapath share: they want every packet to be right, at any
// speed, and so run against a gateway of the same codecs as well as against ocserv.

// gates start a gateway that speaks a transport.
var gates = map[string]func(t *testing.T, l *testlab.Lab, transport string){
	"ocserv": func(t *testing.T, l *testlab.Lab, transport string) {
		ocserv(t, l, testlab.Ocserv{DTLS: map[string]string{"tls": "off", "dtls": "psk"}[transport]})
	},
	"the load gateway": func(t *testing.T, l *testlab.Lab, _ string) { load(t, l, loadgate.Config{}) },
}

func load(t *testing.T, l *testlab.Lab, c loadgate.Config) {
	t.Helper()
	_, err := loadgate.Start(l, c)
	must(t, err)
}

// over connects and waits until packets leave by the transport.
func over(t *testing.T, l *testlab.Lab, transport string, extra ...string) *testlab.Connection {
	t.Helper()
	s := alice()
	s.NoDTLS, s.Extra = transport == "tls", extra
	c := connect(t, l, s)
	says(t, l, transport)
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
