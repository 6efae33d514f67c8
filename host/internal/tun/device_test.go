package tun

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/host/internal/packet"
)

var openers = map[string]opener{"offload": Open, "plain": OpenPlain}

type opener func(name string, mtu int) (Device, error)

func eachBackend(t *testing.T, f func(t *testing.T, n *namespace, open opener)) {
	for name, open := range openers {
		t.Run(name, func(t *testing.T) { f(t, newNamespace(t), open) })
	}
}

func TestBackendsAreWhatTheySay(t *testing.T) {
	n := newNamespace(t)
	if _, ok := n.device(t, Open, "", 1400).(*offload); !ok {
		t.Error("offload was not chosen on this kernel")
	}
	if _, ok := n.device(t, OpenPlain, "", 1400).(*plain); !ok {
		t.Error("the plain backend was not chosen")
	}
}

func TestPacketsPassBothWays(t *testing.T) {
	eachBackend(t, func(t *testing.T, n *namespace, open opener) {
		dev := n.device(t, open, "pass%d", 1400)
		n.run(t, "ip", "addr", "add", "10.9.8.1/24", "dev", dev.Name())
		c := n.udp(t, "10.9.8.1:4000", "10.9.8.2:4001")
		if _, err := c.Write([]byte("ping")); err != nil {
			t.Fatal(err)
		}
		pkt := readUDP(t, dev)
		if !bytes.HasSuffix(pkt, []byte("ping")) || packet.Len(pkt) != len(pkt) {
			t.Fatalf("read %x", pkt)
		}
		if sum := packet.Checksum(packet.Sum(pkt[20:], packet.PseudoSum(pkt[12:16], pkt[16:20], 17, len(pkt)-20))); sum != 0 {
			t.Errorf("the UDP checksum is not complete")
		}
		turnAround(pkt)
		if _, err := dev.Write([][]byte{append(make([]byte, packet.Headroom), pkt...)}, packet.Headroom); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 100)
		if m, err := c.Read(got); err != nil || string(got[:m]) != "ping" {
			t.Errorf("received %q, %v", got[:m], err)
		}
	})
}

// readUDP reads until the IPv4 UDP packet that the test sent: the kernel sends
// neighbour discovery of its own.
func readUDP(t *testing.T, dev Device) []byte {
	t.Helper()
	bufs, sizes := packet.NewBuffers(dev.BatchSize()), make([]int, dev.BatchSize())
	for {
		n, err := dev.Read(bufs, sizes, packet.Headroom)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			p := bufs[i][packet.Headroom : packet.Headroom+sizes[i]]
			if packet.Version(p) == 4 && p[9] == 17 {
				return p
			}
		}
	}
}

// turnAround swaps addresses and ports of an IPv4 UDP packet; sums stay right.
func turnAround(p []byte) {
	src, dst := binary.BigEndian.Uint32(p[12:]), binary.BigEndian.Uint32(p[16:])
	binary.BigEndian.PutUint32(p[12:], dst)
	binary.BigEndian.PutUint32(p[16:], src)
	sp, dp := binary.BigEndian.Uint16(p[20:]), binary.BigEndian.Uint16(p[22:])
	binary.BigEndian.PutUint16(p[20:], dp)
	binary.BigEndian.PutUint16(p[22:], sp)
}

func TestLinkHasNameMTUAndIsUp(t *testing.T) {
	eachBackend(t, func(t *testing.T, n *namespace, open opener) {
		dev := n.device(t, open, "vpn%d", 1390)
		if dev.Name() != "vpn0" {
			t.Errorf("name %q", dev.Name())
		}
		l := n.link(t, "vpn0")
		if l == nil || l.MTU != 1390 || l.Flags&1 == 0 {
			t.Fatalf("link %+v", l)
		}
		if addresses := n.run(t, "ip", "-6", "-o", "addr", "show", "dev", "vpn0"); addresses != "" {
			t.Errorf("it has the addresses %q", addresses)
		}
		// From a thread outside the namespace.
		if err := dev.SetMTU(1280); err != nil {
			t.Fatal(err)
		}
		if l := n.link(t, "vpn0"); l.MTU != 1280 {
			t.Errorf("MTU %d", l.MTU)
		}
		if err := dev.SetMTU(10); err == nil || !strings.Contains(err.Error(), "MTU 10 on vpn0") {
			t.Errorf("MTU 10: %v", err)
		}
	})
}

func TestCloseEndsReadAndDevice(t *testing.T) {
	eachBackend(t, func(t *testing.T, n *namespace, open opener) {
		dev := n.device(t, open, "gone0", 1400)
		ended := make(chan error)
		go func() {
			bufs, sizes := packet.NewBuffers(dev.BatchSize()), make([]int, dev.BatchSize())
			for {
				if _, err := dev.Read(bufs, sizes, packet.Headroom); err != nil {
					ended <- err
					return
				}
			}
		}()
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !isClosed(err) {
			t.Errorf("Read returned %v", err)
		}
		eventually(t, "the device goes", func() bool { return n.link(t, "gone0") == nil })
		if err := dev.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
		if err := dev.SetMTU(1400); !isClosed(err) {
			t.Errorf("SetMTU after Close: %v", err)
		}
	})
}

func TestDeviceRemovedFromOutsideEndsRead(t *testing.T) {
	eachBackend(t, func(t *testing.T, n *namespace, open opener) {
		dev := n.device(t, open, "taken0", 1400)
		ended := make(chan error)
		go func() {
			bufs, sizes := packet.NewBuffers(dev.BatchSize()), make([]int, dev.BatchSize())
			for {
				if _, err := dev.Read(bufs, sizes, packet.Headroom); err != nil {
					ended <- err
					return
				}
			}
		}()
		n.run(t, "ip", "link", "del", "taken0")
		if err := <-ended; err == nil {
			t.Error("no error")
		}
	})
}

func TestDescriptorsAreClosedOnExec(t *testing.T) {
	eachBackend(t, func(t *testing.T, n *namespace, open opener) {
		before := openFiles(t)
		n.device(t, open, "", 1400)
		made := 0
		for fd, target := range openFiles(t) {
			if before[fd] == target {
				continue
			}
			made++
			if flags := fdFlags(t, fd); flags&0o2000000 == 0 {
				t.Errorf("descriptor %s (%s) survives exec", fd, target)
			}
		}
		if made == 0 {
			t.Error("no new descriptor found")
		}
	})
}

func openFiles(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		if target, err := os.Readlink(l); err == nil {
			files[filepath.Base(l)] = target
		}
	}
	return files
}

func fdFlags(t *testing.T, fd string) int64 {
	t.Helper()
	info, err := os.ReadFile("/proc/self/fdinfo/" + fd)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(info)) {
		if v, ok := strings.CutPrefix(line, "flags:"); ok {
			flags, err := strconv.ParseInt(strings.TrimSpace(v), 8, 64)
			if err != nil {
				t.Fatal(err)
			}
			return flags
		}
	}
	t.Fatal(fmt.Errorf("no flags in %q", info))
	return 0
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	n := newNamespace(t)
	n.device(t, Open, "busy0", 1400)
	for name, want := range map[string]string{
		"busy0": "in use", "a-name-that-is-too-long": "no interface name", "a/b": "no interface name", "%s": "no interface name", "..": "no interface name",
	} {
		n.do(t, func() error {
			before := len(openFiles(t))
			dev, err := Open(name, 1400)
			if err == nil {
				return fmt.Errorf("opened %q as %s", name, dev.Name())
			}
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v", name, err)
			}
			if after := len(openFiles(t)); after != before {
				t.Errorf("%q: %d descriptors became %d", name, before, after)
			}
			return nil
		})
	}
}
