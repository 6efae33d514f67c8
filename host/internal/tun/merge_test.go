package tun

import (
	"bytes"
	"encoding/binary"
	"net"
	"slices"
	"testing"

	"github.com/penstock-vpn/penstock/host/internal/packet"
)

// What a batch of datagrams is merged into comes out again as they were: no merged
// packet is longer than 65535 bytes, at the headroom of a stream, where a buffer holds
// the most, or has more segments than the kernel takes.
func TestMergedDatagramsComeOutAgain(t *testing.T) {
	n := newNamespace(t)
	dev := n.device(t, Open, "merge0", 1400)
	n.run(t, "ip", "addr", "add", "10.9.8.1/24", "dev", "merge0")
	conn := n.udp(t, "10.9.8.1:4000", "10.9.8.2:4001")
	if err := conn.SetReadBuffer(8 << 20); err != nil {
		t.Fatal(err)
	}
	const full = 1372
	for _, whole := range []int{packet.MaxSize - 1, packet.MaxSize, packet.MaxSize + 1, packet.MaxSize + 2} {
		var sizes []int
		for left := whole - ipv4Header - udpHeader; left > 0; left -= full {
			sizes = append(sizes, min(left, full))
		}
		comeOut(t, dev, conn, sizes)
	}
	for _, size := range []int{1, 2, 33} {
		comeOut(t, dev, conn, slices.Repeat([]int{size}, 128))
	}
}

func comeOut(t *testing.T, dev Device, conn *net.UDPConn, sizes []int) {
	t.Helper()
	vec := packet.NewBuffers(len(sizes))
	for i, size := range sizes {
		vec[i] = vec[i][:packet.Headroom+copy(vec[i][packet.Headroom:], datagram(byte(i), size))]
	}
	if _, err := dev.Write(vec, packet.Headroom); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 2000)
	for i, size := range sizes {
		n, err := conn.Read(got)
		if err != nil {
			t.Fatalf("of %d datagrams, the first of %d bytes and the last of %d, %d came: %v", len(sizes), sizes[0], sizes[len(sizes)-1], i, err)
		}
		if !bytes.Equal(got[:n], bytes.Repeat([]byte{byte(i)}, size)) {
			t.Errorf("datagram %d is another", i)
		}
	}
}

// datagram is an IPv4 UDP packet from 10.9.8.2 to 10.9.8.1 port 4000.
func datagram(fill byte, size int) []byte {
	p := make([]byte, ipv4Header+udpHeader, ipv4Header+udpHeader+size)
	p[0], p[8], p[9] = 0x45, 64, protoUDP
	binary.BigEndian.PutUint16(p[2:], uint16(cap(p)))
	copy(p[12:], []byte{10, 9, 8, 2, 10, 9, 8, 1})
	binary.BigEndian.PutUint16(p[20:], 4001)
	binary.BigEndian.PutUint16(p[22:], 4000)
	binary.BigEndian.PutUint16(p[24:], uint16(udpHeader+size))
	p = append(p, bytes.Repeat([]byte{fill}, size)...)
	binary.BigEndian.PutUint16(p[10:], packet.Checksum(packet.Sum(p[:20], 0)))
	binary.BigEndian.PutUint16(p[26:], packet.Checksum(packet.Sum(p[20:], packet.PseudoSum(p[12:16], p[16:20], protoUDP, udpHeader+size))))
	return p
}

// A vector that the kernel does not take ends the merging, not the device.
func TestRefusedVectorEndsMerging(t *testing.T) {
	n := newNamespace(t)
	dev := n.device(t, Open, "merge0", 1400)
	n.run(t, "ip", "addr", "add", "10.9.8.1/24", "dev", "merge0")
	conn := n.udp(t, "10.9.8.1:4000", "10.9.8.2:4001")
	comeOut(t, dev, conn, []int{100, 100})
	if dev.(*offload).single.Load() {
		t.Fatal("nothing is merged from the start")
	}
	if _, err := dev.Write([][]byte{make([]byte, packet.Headroom+40)}, packet.Headroom); err == nil {
		t.Fatal("the kernel takes a packet of no version")
	}
	if !dev.(*offload).single.Load() {
		t.Error("merging goes on")
	}
	comeOut(t, dev, conn, []int{100, 100, 50})
}
