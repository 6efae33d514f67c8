package trace

import (
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"golang.org/x/net/bpf"
)

// sixPacket is an UDP datagram in IPv6.
func sixPacket(from, to string) []byte {
	b := append([]byte{0x60, 0, 0, 0, 0, 8, 17, 64}, netip.MustParseAddr(from).AsSlice()...)
	b = append(b, netip.MustParseAddr(to).AsSlice()...)
	return append(b, 0, 1, 0, 2, 0, 8, 0, 0)
}

// fourPacket is the header of a packet of some protocol, with something after it.
func fourPacket(protocol byte, from, to string, payload ...byte) []byte {
	b := append([]byte{0x45, 0, 0, 28, 0, 0, 0, 0, 64, protocol, 0, 0}, netip.MustParseAddr(from).AsSlice()...)
	return append(append(b, netip.MustParseAddr(to).AsSlice()...), payload...)
}

// The kernel's program lets through what it should, for any number of addresses.
func TestFilter(t *testing.T) {
	addresses := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("fd00::1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("fd00::2")}
	quoted := append([]byte{3, 4, 0, 0, 0, 0, 5, 0}, fourPacket(17, "10.0.0.1", "192.0.2.2", 0, 1, 0, 2, 0, 0, 0, 0)...)
	other := append([]byte{3, 4, 0, 0, 0, 0, 5, 0}, fourPacket(17, "10.0.0.1", "192.0.2.9", 0, 1, 0, 2, 0, 0, 0, 0)...)
	for name, test := range map[string]struct {
		packet []byte
		taken  bool
	}{
		"to":                {fourPacket(6, "10.0.0.1", "192.0.2.1", 1, 2, 3, 4, 5, 6, 7, 8), true},
		"from, the second":  {fourPacket(50, "192.0.2.2", "10.0.0.1", 1, 2, 3, 4, 5, 6, 7, 8), true},
		"of others":         {fourPacket(6, "10.0.0.1", "192.0.2.3", 1, 2, 3, 4, 5, 6, 7, 8), false},
		"to, IPv6":          {sixPacket("fd00::9", "fd00::1"), true},
		"from, IPv6":        {sixPacket("fd00::2", "fd00::9"), true},
		"of others, IPv6":   {sixPacket("fd00::8", "fd00::9"), false},
		"half an address":   {sixPacket("fd00::8", "fd00:0:0:1::1"), false},
		"about a packet":    {fourPacket(1, "10.0.0.254", "10.0.0.1", quoted...), true},
		"about another":     {fourPacket(1, "10.0.0.254", "10.0.0.1", other...), false},
		"an echo":           {fourPacket(1, "10.0.0.254", "10.0.0.1", append([]byte{8}, quoted[1:]...)...), false},
		"cut short":         {[]byte{0x45, 0, 0}, false},
		"nothing at all":    {[]byte{}, false},
		"short about":       {fourPacket(1, "10.0.0.254", "10.0.0.1", 3, 4), false},
		"not about, but 17": {fourPacket(17, "10.0.0.254", "10.0.0.1", quoted...), false},
	} {
		kind := uint32(etherIPv4)
		if len(test.packet) > 0 && test.packet[0]>>4 == 6 {
			kind = etherIPv6
		}
		program := filter(addresses)
		program[0] = bpf.LoadConstant{Dst: bpf.RegA, Val: kind} // the test's machine knows no extension
		vm, err := bpf.NewVM(program)
		if err != nil {
			t.Fatal(err)
		}
		n, err := vm.Run(test.packet)
		if err != nil || n > 0 != test.taken {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
}

// Packets of an address that was named are seen, in both directions, and no others.
func TestTap(t *testing.T) {
	r, path := recorder(t, Options{})
	switch {
	case r.tap != nil:
	case os.Geteuid() != 0 && os.Getenv("CI") == "":
		t.Skip("needs root")
	default:
		t.Fatal("there is no packet socket")
	}
	r.Hide("hunter22")
	r.Around(netip.MustParseAddr("127.0.0.77"))
	r.Around(netip.MustParseAddr("127.0.0.77"))
	for _, host := range []string{"127.0.0.77", "127.0.0.78"} {
		far, err := net.ListenPacket("udp", host+":0")
		if err != nil {
			t.Fatal(err)
		}
		near, err := net.Dial("udp", far.LocalAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := near.Write([]byte("to " + host + " hunter22")); err != nil {
			t.Fatal(err)
		}
		if _, err := far.WriteTo([]byte("from "+host), near.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		_, _ = near.Read(make([]byte, 64))
		_, _ = near.Close(), far.Close()
	}
	shut(t, r)
	seen := tshark(t, "tshark", "-r", path, "-T", "fields", "-e", "frame.interface_name", "-e", "frame.protocols", "-e", "data.text", "-o", "data.show_as_text:TRUE")
	wants(t, seen, "penstock outer\traw:ip:udp", "to 127.0.0.77 ********", "from 127.0.0.77")
	if strings.Contains(seen, "127.0.0.78") || strings.Contains(seen, "hunter22") || strings.Count(seen, "\n") != 2 {
		t.Errorf("seen is\n%s", seen)
	}
}
