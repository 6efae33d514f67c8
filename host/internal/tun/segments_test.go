package tun

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/penstock-vpn/penstock/host/internal/packet"
)

// large makes a packet as the kernel hands it over, its sum that of the pseudo header.
func large(v6, udp bool, payload, size int) (virtio, pkt []byte) {
	virtio = make([]byte, virtioSize)
	put := func(at, v int) { binary.NativeEndian.PutUint16(virtio[at:], uint16(v)) }
	start, proto, header, at := ipv4Header, protoTCP, 32, 16
	if v6 {
		start = ipv6Header
	}
	if udp {
		proto, header, at = protoUDP, udpHeader, 6
	}
	pkt = make([]byte, start+header+payload)
	switch {
	case v6:
		pkt[0], pkt[6], pkt[7] = 0x60, byte(proto), 64
		copy(pkt[8:], "sixteen byte srcsixteen byte dst")
	default:
		pkt[0], pkt[8], pkt[9] = 0x45, 64, byte(proto)
		copy(pkt[12:], "src.dst.")
		binary.BigEndian.PutUint16(pkt[4:], 0xffff) // the next one is 0
	}
	if !udp {
		binary.BigEndian.PutUint32(pkt[start+4:], 0xfffffff0) // it wraps
		pkt[start+12], pkt[start+13] = 8<<4, 0x10|tcpFIN|tcpPSH|tcpCWR
	}
	for i := range payload {
		pkt[start+header+i] = byte(i * 11 / 7)
	}
	virtio[0], virtio[1] = needsChecksum, map[bool]byte{true: gsoTCPv6, false: gsoTCPv4}[v6]
	if udp {
		virtio[1] = gsoUDP
	}
	put(4, size)
	put(6, start)
	put(8, at)
	return virtio, pkt
}

// valid says whether lengths and sums of a packet are right.
func valid(pkt []byte) bool {
	start, proto, addresses := ipv4Header, pkt[9], pkt[12:20]
	if pkt[0]>>4 == 6 {
		start, proto, addresses = ipv6Header, pkt[6], pkt[8:40]
	} else if packet.Checksum(packet.Sum(pkt[:start], 0)) != 0 {
		return false
	}
	return packet.Len(pkt) == len(pkt) && packet.Checksum(packet.Sum(pkt[start:], packet.PseudoSum(addresses, nil, proto, len(pkt)-start))) == 0
}

func TestSegments(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		for _, udp := range []bool{false, true} {
			for _, payload := range []int{1, 1399, 1400, 1401, 14000, 60001} {
				virtio, pkt := large(v6, udp, payload, 1400)
				whole := bytes.Clone(pkt)
				var s segments
				if err := s.cut(virtio, pkt); err != nil {
					t.Fatal(err)
				}
				got := collect(t, &s, pkt)
				if want := whole[s.head:]; !bytes.Equal(got, want) {
					t.Errorf("v6 %t, udp %t, %d bytes: %d bytes came out, or others", v6, udp, payload, len(got))
				}
			}
		}
	}
}

// collect checks each segment and returns their payloads. The first is cut in place,
// and half-way what is left moves away.
func collect(t *testing.T, s *segments, pkt []byte) (payloads []byte) {
	t.Helper()
	count := (len(s.rest) + s.size - 1) / s.size
	for i := range count {
		dst := pkt
		if i > 0 {
			dst = make([]byte, packet.BufferSize)
		}
		if i == count/2 && i > 0 {
			s.move(make([]byte, packet.MaxSize))
			clear(pkt)
		}
		n, err := s.next(dst)
		if err != nil {
			t.Fatal(err)
		}
		seg := dst[:n]
		if !valid(seg) {
			t.Fatalf("segment %d of %d is not valid: %x", i, count, seg[:s.head])
		}
		checkOrder(t, s, seg, i, count)
		payloads = append(payloads, seg[s.head:]...)
	}
	if s.pending {
		t.Error("something is left")
	}
	return payloads
}

// checkOrder checks what tells the segments of a packet apart.
func checkOrder(t *testing.T, s *segments, seg []byte, i, count int) {
	t.Helper()
	if id := binary.BigEndian.Uint16(seg[4:]); !s.v6 && id != uint16(0xffff+i) {
		t.Errorf("segment %d has the identification %#x", i, id)
	}
	if s.udp {
		return
	}
	if seq := binary.BigEndian.Uint32(seg[s.start+4:]); seq != 0xfffffff0+uint32(i*s.size) {
		t.Errorf("segment %d has the sequence number %#x", i, seq)
	}
	want := byte(0x10)
	if i == 0 {
		want |= tcpCWR
	}
	if i == count-1 {
		want |= tcpFIN | tcpPSH
	}
	if got := seg[s.start+13]; got != want {
		t.Errorf("segment %d of %d has the flags %#x, want %#x", i, count, got, want)
	}
}

func TestSumsAreCompleted(t *testing.T) {
	for _, udp := range []bool{false, true} {
		virtio, pkt := large(false, udp, 100, 0)
		virtio[1] = gsoNone
		binary.BigEndian.PutUint16(pkt[2:], uint16(len(pkt)))
		binary.BigEndian.PutUint16(pkt[10:], packet.Checksum(packet.Sum(pkt[:ipv4Header], 0)))
		at := field(virtio, 6) + field(virtio, 8)
		if udp {
			binary.BigEndian.PutUint16(pkt[ipv4Header+4:], uint16(len(pkt)-ipv4Header))
		}
		binary.BigEndian.PutUint16(pkt[at:], ^packet.Checksum(packet.PseudoSum(pkt[12:20], nil, pkt[9], len(pkt)-ipv4Header)))
		if err := complete(virtio, pkt); err != nil || !valid(pkt) {
			t.Errorf("udp %t: %v, %x", udp, err, pkt[:ipv4Header+8])
		}
	}
}

func FuzzSegments(f *testing.F) {
	for _, v6 := range []bool{false, true} {
		virtio, pkt := large(v6, v6, 3000, 1400)
		f.Add(virtio, pkt)
	}
	f.Fuzz(func(t *testing.T, virtio, pkt []byte) {
		if len(virtio) < virtioSize {
			return
		}
		_ = complete(virtio, bytes.Clone(pkt))
		var s segments
		if s.cut(virtio, pkt) != nil {
			return
		}
		want, got := len(s.rest), 0
		for dst := make([]byte, packet.BufferSize); s.pending; {
			n, err := s.next(dst)
			if err != nil {
				t.Fatal(err)
			}
			got += n - s.head
		}
		if got != want {
			t.Errorf("%d bytes of %d", got, want)
		}
	})
}
