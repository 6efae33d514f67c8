package dataplane

import (
	"bytes"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/penstock-vpn/penstock/host/internal/packet"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// markedDatagram is a fakeDatagram that is able to mark: what comes from the gateway
// has its octet in front.
type markedDatagram struct {
	*fakeDatagram
	said  [][]byte // of each SendMarked
	marks []byte
}

func (d *markedDatagram) SendMarked(bufs [][]byte, offset int, tos []byte) error {
	d.said = append(d.said, slices.Clone(tos))
	return d.Send(bufs, offset)
}

func (d *markedDatagram) Recv(bufs [][]byte, sizes []int, offset int) (int, error) {
	n, err := d.fakeDatagram.Recv(bufs, sizes, offset)
	d.marks = nil
	for i := range n {
		b := bufs[i][offset : offset+sizes[i]]
		d.marks = append(d.marks, b[0])
		sizes[i] = copy(b, b[1:])
	}
	return n, err
}

func (d *markedDatagram) Marks() []byte {
	if bytes.Trim(d.marks, "\x00") == nil {
		return nil
	}
	return d.marks
}

func (r *rig) markedDatagram() *markedDatagram {
	r.t.Helper()
	d := &markedDatagram{fakeDatagram: newDatagram(r.sent)}
	if err := r.AddDatagram(1, d, oneByte(rules()), 0, 0, "dtls", 79); err != nil {
		r.t.Fatal(err)
	}
	synctest.Wait()
	return d
}

// markedSocket is the same for ESP, going out.
type markedSocket struct {
	*fakeSocket
	said [][]byte
}

func (s *markedSocket) SendMarked(bufs [][]byte, offset int, tos []byte) error {
	s.said = append(s.said, slices.Clone(tos))
	return s.Send(bufs, offset)
}

func (s *markedSocket) TOS() byte { return 0 }

// withTOS is packet n with an octet, and a right checksum when it is one of IPv4.
func withTOS(n uint64, tos byte) []byte {
	p := numbered(n, 40)
	packet.SetTOS(p, tos)
	return p
}

// What leaves shows of a packet's octet what its kind of path and the user allow.
func TestMarksOfWhatLeaves(t *testing.T) {
	inner := []byte{0, 2, 0xb9, 0xb8, 3}
	for _, c := range []struct {
		name           string
		esp, ecn, pass bool
		said           []byte // nil: nothing
	}{
		{"DTLS", false, false, false, nil},
		{"DTLS, DSCP passed", false, false, true, []byte{0, 0, 0xb8, 0xb8, 0}},
		{"ESP", true, false, false, nil},
		{"ESP of one who combines", true, true, false, []byte{0, 2, 1, 0, 3}},
		{"ESP of one who combines, DSCP passed", true, true, true, inner},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, Options{PassDSCP: c.pass})
			var said *[][]byte
			if c.esp {
				s := &markedSocket{fakeSocket: &fakeSocket{wireEnd: newWireEnd(r.sent)}}
				said = &s.said
				if err := r.AddESP(1, s, ESP{SAs: keys("aes128gcm16"), ECN: c.ecn}, framing.Spec{}, 0, 0, 28); err != nil {
					t.Fatal(err)
				}
			} else {
				said = &r.markedDatagram().said
			}
			r.event(1, Up)
			for n, tos := range inner {
				r.kernelSends(withTOS(uint64(n), tos))
				synctest.Wait()
			}
			var want [][]byte // a batch of nothing but 0 is not marked at all
			for _, tos := range c.said {
				if tos != 0 {
					want = append(want, []byte{tos})
				}
			}
			if !slices.EqualFunc(*said, want, bytes.Equal) {
				t.Errorf("%s: %v, want %v", c.name, *said, want)
			}
			*said = nil
			all := [][]byte{withTOS(7, inner[0]), withTOS(8, inner[1]), withTOS(9, inner[2]), withTOS(10, inner[3]), withTOS(11, inner[4])}
			r.kernelSends(all...)
			synctest.Wait()
			if got := slices.Concat(*said...); !bytes.Equal(got, c.said) {
				t.Errorf("%s, together: %v, want %v", c.name, *said, c.said)
			}
			if frames, _ := r.sent.take(); len(frames) != 10 {
				t.Errorf("%s: %d frames left", c.name, len(frames))
			}
		})
	}
}

// What says something to the gateway, and carries no packet, has no mark.
func TestControlFramesHaveNoMarks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{PassDSCP: true})
		d := r.markedDatagram()
		r.event(1, Up)
		if err := r.SendControl(1, typeBye, withTOS(1, 0xb8)); err != nil {
			t.Fatal(err)
		}
		advance(rules().Dpd.After)
		synctest.Wait()
		if frames, _ := r.sent.take(); len(frames) < 2 || d.said != nil {
			t.Errorf("%d frames, marks %v", len(frames), d.said)
		}
	})
}

// What arrives has both marks combined, and is counted when that costs it.
func TestMarksOfWhatArrives(t *testing.T) {
	for inner := range byte(4) {
		for outer := range byte(4) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, Options{})
				d := r.markedDatagram()
				r.event(1, Up)
				const dscp = 0xb8
				d.fromGW <- append([]byte{0}, dtls(typeData, withTOS(1, dscp|inner))...)
				d.fromGW <- append([]byte{0x20 | outer}, dtls(typeData, withTOS(2, dscp|inner))...)
				d.fromGW <- append([]byte{0}, dtls(typeData, withTOS(3, dscp|inner))...)
				leaves, ok := packet.CombineECN(packet.ECN(inner), packet.ECN(outer))
				want := [][]byte{withTOS(1, dscp|inner), withTOS(2, dscp|byte(leaves)), withTOS(3, dscp|inner)}
				if !ok {
					want = slices.Delete(want, 1, 2)
				}
				for _, p := range want {
					if got := r.kernelGets(); !bytes.Equal(got, p) {
						t.Errorf("inside %d, outside %d: % x, want % x", inner, outer, got, p)
					}
				}
				synctest.Wait()
				if s := r.Stats(); s.RxPackets != uint64(len(want)) || s.RxDropped != uint64(3-len(want)) {
					t.Errorf("inside %d, outside %d: %+v", inner, outer, s.Counts)
				}
			})
		}
	}
}

// A mark on what carries no packet means nothing.
func TestMarkedControlFramesAreFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		d := r.markedDatagram()
		r.event(1, Up)
		d.fromGW <- append([]byte{3}, dtls(typeBye, withTOS(1, 0))...)
		if e := r.event(1, Control); !bytes.Equal(e.Payload, withTOS(1, 0)) {
			t.Errorf("% x", e.Payload)
		}
		d.fromGW <- append([]byte{3}, dtls(typeData, []byte("no packet"))...)
		synctest.Wait()
		if s := r.Stats(); s.RxPackets != 0 || s.RxDropped != 1 {
			t.Errorf("%+v", s.Counts)
		}
	})
}

func TestMarksDoNotAllocate(t *testing.T) {
	x := &path{marker: &markedDatagram{}, marking: packet.Marking{Normal: true}}
	var batch [][]byte
	for i := range 128 {
		batch = append(batch, append(make([]byte, packet.Headroom), withTOS(uint64(i), byte(i))...))
	}
	if n := testing.AllocsPerRun(50, func() {
		if got := x.outer(batch); len(got) != 128 || got[6] != 2 {
			t.Errorf("octets %v", got)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
