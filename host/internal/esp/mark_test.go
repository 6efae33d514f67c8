package esp

import (
	"bytes"
	"slices"
	"testing"
)

// marker is a socket that is able to say octets; they arrive beside the datagrams.
type marker struct {
	*socket
	said    [][]byte // of each SendMarked
	arrives []byte   // of the datagrams to come
	tos     byte
}

func (m *marker) SendMarked(bufs [][]byte, offset int, tos []byte) error {
	m.said = append(m.said, slices.Clone(tos))
	return m.Send(bufs, offset)
}

func (m *marker) Next() ([]byte, bool) {
	d, ok := m.socket.Next()
	if ok {
		m.tos, m.arrives = m.arrives[0], m.arrives[1:]
	}
	return d, ok
}

func (m *marker) TOS() byte { return m.tos }

// markers are wires over such sockets, with an SA from one to the other.
func markers(t *testing.T) (from, to *Wire, a, b *marker) {
	t.Helper()
	x, y := sockets()
	a, b = &marker{socket: x}, &marker{socket: y}
	from, to = NewWire(a, Handler{}), NewWire(b, Handler{})
	o, in := ends(t, newSA(SuiteNamed("aes128gcm16"), testSPI))
	from.SetOutbound(o)
	if err := to.AddInbound(in); err != nil {
		t.Fatal(err)
	}
	return from, to, a, b
}

func TestWireSaysOctets(t *testing.T) {
	from, _, a, _ := markers(t)
	var bufs [][]byte
	tos := make([]byte, 300)
	for i := range tos {
		bufs, tos[i] = append(bufs, framed(ipv4(60))), byte(i)
	}
	if err := from.SendMarked(bufs, headroom, tos); err != nil {
		t.Fatal(err)
	}
	if got := slices.Concat(a.said...); len(a.said) != 3 || !bytes.Equal(got, tos) {
		t.Errorf("said %v", a.said)
	}
	a.said = nil
	send(t, from, ipv4(60))
	// What is left out would have its octet said of another.
	if err := from.SendMarked([][]byte{framed([]byte("\x00no packet")), framed(ipv4(60))}, headroom, []byte{1, 2}); err != nil || a.said != nil {
		t.Errorf("said %v, %v", a.said, err)
	}
}

func TestWireTellsOctets(t *testing.T) {
	from, to, a, b := markers(t)
	b.arrives = []byte{0, 0xb9, 0xff, 2, 1, 0, 0}
	send(t, from, ipv4(60), ipv4(61), ipv4(62), ipv4(63), ipv4(64))
	batch := <-b.arrived
	batch[2][len(batch[2])-1]++ // forged
	b.arrived <- batch
	if got := receive(t, to); len(got) != 4 || !bytes.Equal(to.Marks()[:4], []byte{0, 0xb9, 2, 1}) {
		t.Errorf("%d packets with %v", len(got), to.Marks())
	}
	send(t, from, ipv4(60), ipv4(61))
	if got := receive(t, to); len(got) != 2 || to.Marks() != nil {
		t.Errorf("%d packets with %v", len(got), to.Marks())
	}
	if a.said != nil {
		t.Errorf("said %v", a.said)
	}
}

// A socket that is not able to carries the packets all the same.
func TestOctetsOverAPlainSocket(t *testing.T) {
	from, to, _ := wires(t, newSA(SuiteNamed("aes128-sha1"), testSPI), Handler{})
	if err := from.SendMarked([][]byte{framed(ipv4(60))}, headroom, []byte{2}); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, to); len(got) != 1 || to.Marks() != nil {
		t.Errorf("%d packets with %v", len(got), to.Marks())
	}
}
