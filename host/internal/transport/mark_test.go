package transport

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/internal/dataplane"
	"github.com/penstock-vpn/penstock/host/internal/dtls"
	"github.com/penstock-vpn/penstock/host/internal/esp"
)

// marker is what the wires of datagrams can.
type marker interface {
	dataplane.Datagram
	SendMarked(bufs [][]byte, offset int, tos []byte) error
	Marks() []byte
}

var families = map[string]net.IP{"IPv4": net.IPv4(127, 0, 0, 1), "IPv6": net.IPv6loopback}

// ends are a transport over loopback and the plain socket that it is connected to.
func ends(t testing.TB, address net.IP) (*Packets, *net.UDPConn) {
	t.Helper()
	far, err := net.ListenUDP("udp", &net.UDPAddr{IP: address})
	must(t, err)
	t.Cleanup(func() { _ = far.Close() })
	must(t, far.SetReadBuffer(4<<20))
	conn, err := net.DialUDP("udp", nil, far.LocalAddr().(*net.UDPAddr))
	must(t, err)
	p := AcceptUDP(conn)
	t.Cleanup(func() { _ = p.Close() })
	return p, far
}

// wantMarked reads datagrams and their octets from conn, in order, as the kernel tells
// both to any program.
func wantMarked(t *testing.T, conn *net.UDPConn, bufs [][]byte, tos []byte) {
	t.Helper()
	control(conn, func(fd int) {
		must(t, unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVTOS, 1))
		if conn.LocalAddr().(*net.UDPAddr).IP.To4() == nil {
			must(t, unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS, 1))
		}
	})
	must(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
	p, oob := make([]byte, maxDatagram), make([]byte, 100)
	for i, b := range bufs {
		n, m, _, _, err := conn.ReadMsgUDP(p, oob)
		must(t, err)
		messages, err := unix.ParseSocketControlMessage(oob[:m])
		if err != nil || len(messages) != 1 {
			t.Fatalf("control data % x, %v", oob[:m], err)
		}
		if got := messages[0].Data[0]; !bytes.Equal(p[:n], b[headroom:]) || got != tos[i] {
			t.Fatalf("datagram %d: %d bytes with %#02x, want %d with %#02x", i, n, got, len(b)-headroom, tos[i])
		}
	}
}

// mixed are octets in runs, longer than a batch.
func mixed() (tos []byte) {
	for i, octet := range []byte{0, 2, 0xb8, 0xbb, 0, 3, 1, 0xff, 2} {
		tos = append(tos, slices.Repeat([]byte{octet}, 1+7*i)...)
	}
	return tos
}

func TestOctetsLeave(t *testing.T) {
	for family, address := range families {
		for way, set := range map[string]func(*sender){
			"segments": func(*sender) {},
			"sendmmsg": func(s *sender) { s.noSegment = true },
			"sendmsg":  func(s *sender) { s.noSegment, s.single = true, true },
		} {
			t.Run(family+" "+way, func(t *testing.T) {
				p, far := ends(t, address)
				wire := p.Wire().(marker)
				tx := wire.(*packetWire).tx
				set(tx)
				tos := mixed()
				bufs := frames(repeatSize(len(tos), 700)...)
				must(t, wire.SendMarked(bufs, headroom, tos))
				wantMarked(t, far, bufs, tos)
				must(t, wire.Send(bufs, headroom))
				wantMarked(t, far, bufs, make([]byte, len(bufs)))
				if tx.noTOS {
					t.Error("the kernel refuses octets")
				}
			})
		}
	}
}

// A message of segments holds one octet, and none costs a message nothing.
func TestGroupsAreOfOneOctet(t *testing.T) {
	p, _ := ends(t, families["IPv4"])
	tx := p.Wire().(*packetWire).tx
	type message struct{ count, control int }
	segment, tos := unix.CmsgSpace(2), unix.CmsgSpace(4)
	for _, c := range []struct {
		tos  []byte
		want []message
	}{
		{nil, []message{{8, segment}}},
		{make([]byte, 8), []message{{8, segment}}},
		{[]byte{2, 2, 2, 2, 2, 2, 2, 2}, []message{{8, segment + tos}}},
		{[]byte{0, 2, 2, 2, 0, 0, 3, 1}, []message{{1, 0}, {3, segment + tos}, {2, segment}, {1, tos}, {1, tos}}},
	} {
		must(t, tx.send(frames(repeatSize(8, 500)...), headroom, c.tos))
		var got []message
		for i := range tx.end {
			got = append(got, message{tx.groups[i].count, int(tx.msgs[i].hdr.Controllen)})
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v: messages of %v, want %v", c.tos, got, c.want)
		}
	}
}

// A kernel that takes no octets gets none any more, and segments stay what they are.
func TestRefusedOctetsAreLeftOut(t *testing.T) {
	for family, address := range families {
		for _, c := range []struct{ octets, segments bool }{{true, false}, {false, true}, {true, true}} {
			p, far := ends(t, address)
			tx := p.Wire().(*packetWire).tx
			if c.octets {
				for i := range tx.control { // of a length that no kernel takes
					tx.control[i].tos.hdr.SetLen(unix.CmsgLen(3))
				}
			}
			if c.segments {
				// Without UDP checksums it takes no segments.
				level, option := unix.SOL_SOCKET, unix.SO_NO_CHECK
				if family == "IPv6" {
					level, option = unix.IPPROTO_UDP, unix.UDP_NO_CHECK6_TX
				}
				control(p.conn, func(fd int) { must(t, unix.SetsockoptInt(fd, level, option, 1)) })
				control(far, func(fd int) { _ = unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_NO_CHECK6_RX, 1) })
			}
			tos := mixed()
			arrive := tos
			if c.octets {
				arrive = make([]byte, len(tos))
			}
			bufs := frames(repeatSize(len(tos), 700)...)
			for range 2 {
				must(t, tx.send(bufs, headroom, tos))
				wantMarked(t, far, bufs, arrive)
			}
			if tx.noTOS != c.octets || tx.noSegment != c.segments {
				t.Errorf("%s, refused %+v: octets are off %t, segments %t", family, c, tx.noTOS, tx.noSegment)
			}
		}
	}
}

// pairs are two ends of each kind of wire.
func pairs(t *testing.T, address net.IP) map[string][2]marker {
	p, far := ends(t, address)
	must(t, far.Close())
	conn, err := net.DialUDP("udp", far.LocalAddr().(*net.UDPAddr), p.conn.LocalAddr().(*net.UDPAddr))
	must(t, err)
	back := AcceptUDP(conn)
	t.Cleanup(func() { _ = back.Close() })
	return map[string][2]marker{
		"udp":  {p.Wire().(marker), back.Wire().(marker)},
		"dtls": dtlsPair(t, address),
		"esp":  espPair(t, address),
	}
}

func dtlsPair(t *testing.T, address net.IP) [2]marker {
	t.Helper()
	server, err := net.ListenUDP("udp", &net.UDPAddr{IP: address})
	must(t, err)
	own := server.LocalAddr().(*net.UDPAddr)
	accepted, failed := make(chan *DTLS, 1), make(chan error, 1)
	go func() {
		d, err := func() (*DTLS, error) {
			buf := make([]byte, 2048)
			n, from, err := server.ReadFromUDPAddrPort(buf)
			if err = errors.Join(err, server.Close()); err != nil {
				return nil, err
			}
			conn, err := net.DialUDP("udp", own, net.UDPAddrFromAddrPort(from))
			if err != nil {
				return nil, err
			}
			return AcceptDTLS(context.Background(), conn, buf[:n], dtls.Config{PSK: pskOptions.PSK, PSKIdentity: "psk"})
		}()
		accepted <- d
		failed <- err
	}()
	d, err := New(Config{}).OpenDTLS(t.Context(), address.String(), own.Port, pskOptions)
	must(t, err)
	far := <-accepted
	must(t, <-failed)
	t.Cleanup(func() { _ = errors.Join(d.Close(), far.Close()) })
	return [2]marker{d.Wire().(marker), far.Wire().(marker)}
}

func espPair(t *testing.T, address net.IP) [2]marker {
	t.Helper()
	p, far := ends(t, address)
	must(t, far.Close())
	conn, err := net.DialUDP("udp", far.LocalAddr().(*net.UDPAddr), p.conn.LocalAddr().(*net.UDPAddr))
	must(t, err)
	back := AcceptUDP(conn)
	t.Cleanup(func() { _ = back.Close() })
	wires := [2]*esp.Wire{esp.NewWire(p.ESP(), esp.Handler{}), esp.NewWire(back.ESP(), esp.Handler{})}
	suite := esp.SuiteNamed("aes128gcm16")
	for i := range wires {
		sa := esp.SA{SPI: esp.SPI(0x1000 + i), Suite: suite, Key: bytes.Repeat([]byte{byte(i)}, suite.KeySize)}
		out, err := sa.Outbound()
		must(t, err)
		in, err := sa.Inbound()
		must(t, err)
		wires[i].SetOutbound(out)
		must(t, wires[1-i].AddInbound(in))
	}
	return [2]marker{wires[0], wires[1]}
}

// packets are frames that are IP packets, for ESP.
func packets(n, size int) [][]byte {
	bufs := frames(repeatSize(n, size)...)
	for _, b := range bufs {
		copy(b[headroom:], []byte{0x45, 0, byte(size >> 8), byte(size)})
	}
	return bufs
}

// received reads n datagrams and their octets.
func received(t *testing.T, w marker, n, room int) (sizes []int, tos []byte) {
	t.Helper()
	bufs, size := frames(repeatSize(room, 3000)...), make([]int, room)
	for len(sizes) < n {
		m, err := w.Recv(bufs, size, headroom)
		must(t, err)
		sizes = append(sizes, size[:m]...)
		if marks := w.Marks(); marks != nil {
			tos = append(tos, marks[:m]...)
		} else {
			tos = append(tos, make([]byte, m)...)
		}
	}
	return sizes, tos
}

// Octets arrive beside the datagrams that have them, joined by the kernel or not, and
// however many are taken at once.
func TestOctetsArrive(t *testing.T) {
	for family, address := range families {
		for kind, pair := range pairs(t, address) {
			for _, room := range []int{1, 7, batchSize, 2 * batchSize} {
				t.Run(family+" "+kind+" "+itoa(room), func(t *testing.T) {
					tos := mixed()
					for i, w := range pair {
						must(t, w.SendMarked(packets(len(tos), 700), headroom, tos))
						if sizes, got := received(t, pair[1-i], len(tos), room); len(sizes) != len(tos) || !bytes.Equal(got, tos) {
							t.Errorf("%d datagrams with\n%v, want\n%v", len(sizes), got, tos)
						}
						must(t, w.Send(packets(40, 700), headroom))
						if _, got := received(t, pair[1-i], 40, room); !bytes.Equal(got, make([]byte, 40)) || pair[1-i].Marks() != nil {
							t.Errorf("without octets: %v", got)
						}
					}
				})
			}
		}
	}
}

func TestOctetsDoNotAllocate(t *testing.T) {
	for kind, pair := range pairs(t, families["IPv4"]) {
		sent, bufs, sizes, tos := packets(32, 1300), packets(32, 3000), make([]int, 32), mixed()[1:33]
		if n := testing.AllocsPerRun(50, func() {
			for _, b := range sent { // it was sealed where it lies
				copy(b[headroom:], []byte{0x45, 0, 1300 >> 8, 1300 & 0xff})
			}
			must(t, pair[0].SendMarked(sent, headroom, tos))
			for got := 0; got < len(bufs); {
				m, err := pair[1].Recv(bufs[got:], sizes, headroom)
				must(t, err)
				if pair[1].Marks() == nil {
					t.Fatal("no octets came")
				}
				got += m
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", kind, n)
		}
	}
}
