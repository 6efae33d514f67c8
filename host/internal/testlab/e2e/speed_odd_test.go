package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/internal/packet"
	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// Odd packets pass a tunnel as they are, in both directions: fragments, options,
// extension headers, protocols that nobody knows, wrong checksums. What is no IP
// packet is lost, and hurts nobody.
func TestOddPackets(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for _, w := range ownWays(0) {
		for _, offload := range []string{"true", "false"} {
			t.Run(w.String()+" offload "+offload, func(t *testing.T) {
				t.Parallel()
				l := lab(t)
				c := w.up(t, l, "--offload="+offload)
				client, gateway := tap(t, l.Client, c.Interface), tap(t, l.Gateway, device(t, l.Gateway))
				limit := c.MTU()
				clamp := min(limit, l.Gateway.Tunnels()[0].Attrs().MTU)
				for name, way := range map[string][2]*tapped{"to the gateway": {client, gateway}, "to the client": {gateway, client}} {
					odd := append(odd(), malformed()...)
					for _, o := range odd {
						way[0].send(t, o.pkt)
					}
					last := ip4(253, 0, nil, []byte("the last of the "+mark))
					way[0].send(t, last)
					compare(t, name, odd, way[1].receive(t, last), clamp)
				}
				for _, inside := range []string{testlab.InsideV4, testlab.InsideV6} {
					whole(t, l, inside)
				}
				reaches(t, l, testlab.InsideV4, testlab.InsideV6)
				if c.MTU() != limit {
					t.Errorf("the MTU was %d, is %d", limit, c.MTU())
				}
				disconnect(t, c)
			})
		}
	}
}

// whole sends datagrams to the inside and back that are many fragments, and one that
// has no checksum.
func whole(t *testing.T, l *testlab.Lab, inside string) {
	t.Helper()
	to, conn := udpEcho(t, l, inside), udp(t, l.Client, nil)
	b := make([]byte, 65536)
	for _, size := range []int{1401, 5000, 20_001, 65_400} {
		data := filled(size)
		_, err := conn.WriteToUDP(data, to)
		must(t, err)
		if n, err := conn.Read(b); err != nil || !bytes.Equal(b[:n], data) {
			t.Errorf("of a datagram of %d bytes to %s, %d came back: %v", size, inside, n, err)
		}
	}
	raw, err := conn.SyscallConn()
	must(t, err)
	raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_NO_CHECK, 1) })
	must(t, err)
	if to.IP.To4() != nil {
		for range 20 {
			answered(t, conn, to, filled(700), 0)
		}
	}
}

// tapped is a device where packets are put in and seen to arrive as they are.
type tapped struct {
	fd, index int
}

func tap(t *testing.T, m *testlab.Machine, device string) *tapped {
	t.Helper()
	s := &tapped{fd: -1}
	must(t, m.Do(func() error {
		link, err := net.InterfaceByName(device)
		if err != nil {
			return err
		}
		s.index = link.Index
		all := int(binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ALL)))
		if s.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, all); err != nil {
			return err
		}
		return unix.Bind(s.fd, &unix.SockaddrLinklayer{Protocol: uint16(all), Ifindex: s.index})
	}))
	t.Cleanup(func() { unix.Close(s.fd) })
	must(t, unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1}))
	must(t, unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20))
	return s
}

// send has the device's kernel send p.
func (s *tapped) send(t *testing.T, p []byte) {
	t.Helper()
	protocol := uint16(unix.ETH_P_IP)
	if len(p) > 0 && p[0]>>4 == 6 {
		protocol = unix.ETH_P_IPV6
	}
	to := &unix.SockaddrLinklayer{Protocol: binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, protocol)), Ifindex: s.index}
	if err := unix.Sendto(s.fd, p, 0, to); err != nil {
		t.Errorf("the device does not take % x: %v", p[:min(len(p), 40)], err)
	}
}

// receive returns what of ours arrives before last.
func (s *tapped) receive(t *testing.T, last []byte) (all [][]byte) {
	t.Helper()
	b := make([]byte, 65536)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		n, from, err := unix.Recvfrom(s.fd, b, 0)
		if err == unix.EAGAIN || err == unix.EINTR {
			continue
		}
		must(t, err)
		if ll, ok := from.(*unix.SockaddrLinklayer); ok && ll.Pkttype == unix.PACKET_OUTGOING || !bytes.Contains(b[:n], []byte(mark)) {
			continue
		}
		if bytes.Equal(b[:n], last) {
			return all
		}
		all = append(all, bytes.Clone(b[:n]))
	}
	t.Error("the last packet did not arrive")
	return all
}

// compare wants each odd packet to have arrived as it was, and no other. clamp is the
// MTU that both ends fit the MSS of a SYN to.
func compare(t *testing.T, way string, odd []oddPacket, arrived [][]byte, clamp int) {
	t.Helper()
	for _, o := range odd {
		want := bytes.Clone(o.pkt[:packet.Len(o.pkt)])
		packet.ClampMSS(want, clamp)
		at := slices.IndexFunc(arrived, func(p []byte) bool { return bytes.Equal(p, want) })
		switch {
		case len(want) == 0:
		case at < 0:
			t.Errorf("%s: %s did not arrive as it was", way, o.name)
		default:
			arrived = slices.Delete(arrived, at, at+1)
		}
	}
	for _, p := range arrived {
		t.Errorf("%s: this arrived, and was not sent: % x", way, p)
	}
}

type oddPacket struct {
	name string
	pkt  []byte
}

// mark is in every packet that a test puts in.
const mark = "odd packet"

// odd are valid packets.
func odd() []oddPacket {
	load := []byte(mark + ", and what it carries")
	tcp := func(flags byte, options ...byte) []byte {
		h := make([]byte, 20, 40)
		binary.BigEndian.PutUint16(h, 4711)
		binary.BigEndian.PutUint16(h[2:], 80)
		h[12], h[13] = byte(5+len(options)/4)<<4, flags
		return append(append(h, options...), load...)
	}
	datagram := func(sum uint16, length int) []byte {
		h := make([]byte, 8)
		binary.BigEndian.PutUint16(h, 4711)
		binary.BigEndian.PutUint16(h[2:], 53)
		binary.BigEndian.PutUint16(h[4:], uint16(length))
		binary.BigEndian.PutUint16(h[6:], sum)
		return append(h, load...)
	}
	right := 8 + len(load)
	const hopByHop, routing, fragment, esp, none, options = 0, 43, 44, 50, 59, 60
	pad := []byte{1, 4, 0, 0, 0, 0} // PadN
	large := append([]byte(mark), filled(1300)...)
	list := []oddPacket{
		{"a first fragment", ip4(17, 0x2000, nil, large)},
		{"a middle fragment", ip4(17, 0x2000|100, nil, large)},
		{"a last fragment", ip4(17, 200, nil, load)},
		{"a fragment of TCP", ip4(6, 0x2000, nil, tcp(0x10))},
		{"a tiny fragment", ip4(6, 0x2001, nil, []byte(mark))},
		{"reserved and don't fragment bits", ip4(17, 0xc000, nil, datagram(0, right))},
		{"router alert", ip4(2, 0, []byte{148, 4, 0, 0}, load)},
		{"options in front of TCP", ip4(6, 0, []byte{7, 7, 4, 0, 0, 0, 0, 0}, tcp(0x18))},
		{"UDP without checksum", ip4(17, 0, nil, datagram(0, right))},
		{"UDP with a wrong checksum", ip4(17, 0, nil, datagram(0x1234, right))},
		{"UDP of a wrong length", ip4(17, 0, nil, datagram(0, 9000))},
		{"UDP cut in its header", ip4(17, 0, nil, []byte(mark)[:0:0])},
		{"TCP with a wrong checksum", ip4(6, 0, nil, tcp(0x10))},
		{"the same again", ip4(6, 0, nil, tcp(0x10))},
		{"TCP with all flags", ip4(6, 0, nil, tcp(0xff))},
		{"a SYN with an MSS", sealed(ip4(6, 0, nil, tcp(0x02, 2, 4, 0x23, 0x28)))},
		{"a SYN with an option that has no end", ip4(6, 0, nil, tcp(0x02, 2, 40, 0x23, 0x28))},
		{"a SYN with an option of no length", ip4(6, 0, nil, tcp(0x02, 8, 0, 1, 2))},
		{"TCP whose header does not end", ip4(6, 0, nil, append(make([]byte, 12), append([]byte{0xf0}, load...)...))},
		{"a wrong header checksum", spoiled(ip4(17, 0, nil, datagram(0, right)), 10)},
		{"no TTL", spoiled(ip4(17, 0, nil, datagram(0, right)), 8)},
		{"hop by hop", ip6(hopByHop, extend(17, pad...), datagram(7, right))},
		{"a jumbo option", ip6(hopByHop, extend(17, 0xc2, 4, 0, 1, 0, 0), datagram(7, right))},
		{"destination options", ip6(options, extend(17, pad...), datagram(7, right))},
		{"a routing header", ip6(routing, extend(6, 0, 0, 0, 0, 0, 0), tcp(0x10))},
		{"many extensions", ip6(hopByHop, extend(options, pad...), extend(routing, pad...), extend(options, pad...), extend(6, pad...), tcp(0x10))},
		{"a SYN behind extensions", sealed(ip6(hopByHop, extend(options, pad...), extend(6, pad...), tcp(0x02, 2, 4, 0x23, 0x28)))},
		{"a fragment of IPv6", ip6(fragment, []byte{17, 0, 0, 1, 1, 2, 3, 4}, large)},
		{"the last of IPv6", ip6(fragment, []byte{17, 0, 5, 0, 1, 2, 3, 4}, load)},
		{"an atomic fragment", ip6(fragment, []byte{6, 0, 0, 0, 1, 2, 3, 4}, tcp(0x10))},
		{"an extension that does not end", ip6(hopByHop, []byte{6, 255, 1, 4, 0, 0, 0, 0}, load)},
		{"an extension cut in the middle", ip6(hopByHop, []byte{60}, []byte(mark)[:0:0])},
		{"no next header", ip6(none, load)},
		{"ESP", ip6(esp, load)},
		{"nothing in it", ip6(17)},
	}
	for _, protocol := range []byte{0, 47, 50, 51, 132, 136, 255} {
		list = append(list, oddPacket{fmt.Sprintf("protocol %d", protocol), ip4(protocol, 0, nil, load)},
			oddPacket{fmt.Sprintf("next header %d", protocol), ip6(protocol, load)})
	}
	// What carries no mark is not seen.
	return slices.DeleteFunc(list, func(o oddPacket) bool { return !bytes.Contains(o.pkt, []byte(mark)) })
}

// malformed are no packets, or only begin with one.
func malformed() []oddPacket {
	good4, good6 := ip4(17, 0, nil, []byte(mark+" of no use")), ip6(17, []byte(mark+" of no use"))
	set := func(p []byte, at int, value uint16) []byte {
		p = bytes.Clone(p)
		binary.BigEndian.PutUint16(p[at:], value)
		return p
	}
	list := []oddPacket{
		{"a longer length", set(good4, 2, 1400)}, {"length 0", set(good4, 2, 0)}, {"a length below the header's", set(good4, 2, 19)},
		{"header length 0", spoiled(good4, 0, 0x40)}, {"header length 16", spoiled(good4, 0, 0x44)}, {"header longer than all", set(spoiled(good4, 0, 0x4f), 2, 40)},
		{"a shorter length", set(good4, 2, 33)},
		{"a longer payload", set(good6, 4, 1300)}, {"the longest payload", set(good6, 4, 65535)}, {"a shorter payload", set(good6, 4, 12)},
		{"one byte", []byte{0x45}}, {"one byte of IPv6", []byte{0x60}},
	}
	for _, version := range []byte{0, 1, 5, 7, 15} {
		list = append(list, oddPacket{fmt.Sprintf("version %d", version), spoiled(good4, 0, version<<4|5)})
	}
	for n := 1; n < 40; n += 3 {
		list = append(list, oddPacket{"IPv6 cut", bytes.Clone(good6[:n])}, oddPacket{"IPv4 cut", bytes.Clone(good4[:min(n, 19)])})
	}
	return list
}

// ip4 is an IPv4 packet between two hosts that are nowhere.
func ip4(protocol byte, fragment uint16, options, payload []byte) []byte {
	p := append(append(make([]byte, 20), options...), payload...)
	p[0], p[8], p[9] = 0x45+byte(len(options)/4), 64, protocol
	binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
	binary.BigEndian.PutUint16(p[4:], 0xbeef)
	binary.BigEndian.PutUint16(p[6:], fragment)
	copy(p[12:], []byte{198, 51, 100, 7, 198, 51, 100, 8})
	binary.BigEndian.PutUint16(p[10:], packet.Checksum(packet.Sum(p[:20+len(options)], 0)))
	return p
}

// ip6 is an IPv6 packet between two hosts that are nowhere.
func ip6(next byte, parts ...[]byte) []byte {
	p := append(make([]byte, 40), bytes.Join(parts, nil)...)
	p[0], p[6], p[7] = 0x60, next, 64
	binary.BigEndian.PutUint16(p[4:], uint16(len(p)-40))
	copy(p[8:], net.ParseIP("2001:db8::7"))
	copy(p[24:], net.ParseIP("2001:db8::8"))
	return p
}

// extend is an extension header of 8 bytes.
func extend(next byte, body ...byte) []byte { return append([]byte{next, 0}, body...) }

// spoiled is p with one byte that is wrong: value, or another than it was.
func spoiled(p []byte, at int, value ...byte) []byte {
	p = bytes.Clone(p)
	p[at] ^= 0x55
	if len(value) > 0 {
		p[at] = value[0]
	}
	return p
}

// sealed gives the TCP at the end of p its checksum: the clamp has to keep it right.
func sealed(p []byte) []byte {
	at, addresses := len(p)-len(mark+", and what it carries")-24, p[12:20]
	if p[0]>>4 == 6 {
		addresses = p[8:40]
	}
	half := len(addresses) / 2
	binary.BigEndian.PutUint16(p[at+16:], packet.Checksum(packet.Sum(p[at:], packet.PseudoSum(addresses[:half], addresses[half:], 6, len(p)-at))))
	return p
}
