package gpgate

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"encoding/xml"
	"io"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/penstock-vpn/penstock/host/internal/packet"
	"github.com/penstock-vpn/penstock/host/internal/testlab/endpoint"
)

// fakeStream is a TLS connection: what is read from it, in pieces of a size, and what
// was written to it.
type fakeStream struct {
	in    []byte
	piece int
	out   bytes.Buffer
}

func (f *fakeStream) Read(p []byte) (int, error) {
	if len(f.in) == 0 {
		return 0, io.EOF
	}
	n := copy(p, f.in[:min(f.piece, len(f.in))])
	f.in = f.in[n:]
	return n, nil
}

func (f *fakeStream) WriteFrame(frame []byte) error {
	f.out.Write(frame)
	return nil
}

func (f *fakeStream) Flush() error { return nil }
func (f *fakeStream) Close() error { return nil }

func stream(in []byte, piece int) (*gpst, *fakeStream, *bytes.Buffer) {
	f, said := &fakeStream{in: in, piece: piece}, &bytes.Buffer{}
	return &gpst{Stream: f, s: &session{g: &gate{seen: &journal{out: said}}}}, f, said
}

// Frames lose their EtherType however they are cut, and nothing else.
func TestEtherTypesIn(t *testing.T) {
	payload := bytes.Repeat([]byte{0x1a, 0x2b, 0x3c, 0x4d}, 10)
	wire := bytes.Join([][]byte{frame(0x1a2b3c4d, 0x0800, 40, ofData, payload), frame(0x1a2b3c4d, 0, 0, 0, nil), frame(0x1a2b3c4d, 0x86dd, 40, ofData, payload)}, nil)
	want := bytes.Join([][]byte{frame(0x1a2b3c4d, 0, 40, ofData, payload), frame(0x1a2b3c4d, 0, 0, 0, nil), frame(0x1a2b3c4d, 0, 40, ofData, payload)}, nil)
	for piece := 1; piece <= len(wire); piece++ {
		s, _, said := stream(bytes.Clone(wire), piece)
		got, err := io.ReadAll(s)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("in pieces of %d: %x, %v", piece, got, err)
		}
		if said.Len() > 0 {
			t.Fatalf("in pieces of %d: %s", piece, said)
		}
	}
}

func TestEtherTypesOut(t *testing.T) {
	s, f, _ := stream(nil, 1)
	for _, first := range []byte{0x45, 0x60} {
		if err := s.WriteFrame(frame(0x1a2b3c4d, 0, 1, ofData, []byte{first})); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.WriteFrame(frame(0x1a2b3c4d, 0, 0, 0, nil)); err != nil {
		t.Fatal(err)
	}
	want := bytes.Join([][]byte{frame(0x1a2b3c4d, 0x0800, 1, ofData, []byte{0x45}), frame(0x1a2b3c4d, 0x86dd, 1, ofData, []byte{0x60}), frame(0x1a2b3c4d, 0, 0, 0, nil)}, nil)
	if !bytes.Equal(f.out.Bytes(), want) {
		t.Errorf("wrote %x, want %x", f.out.Bytes(), want)
	}
}

// A client that sends another EtherType is written down.
func TestBreach(t *testing.T) {
	s, _, said := stream(frame(0x1a2b3c4d, 0x0806, 2, ofData, []byte{1, 2}), 100)
	if _, err := io.ReadAll(s); err != nil || !strings.Contains(said.String(), `"breach"`) {
		t.Errorf("%s, %v", said, err)
	}
}

func FuzzStream(f *testing.F) {
	f.Add(frame(0x1a2b3c4d, 0x0800, 40, ofData, make([]byte, 40)), 7)
	f.Fuzz(func(t *testing.T, wire []byte, piece int) {
		s, _, _ := stream(wire, max(1, piece&0xff))
		got, err := io.ReadAll(s)
		if err != nil || len(got) != len(wire) {
			t.Errorf("%d bytes of %d, %v", len(got), len(wire), err)
		}
	})
}

// ping makes a magic ping of either family.
func ping(t *testing.T, from, to netip.Addr) []byte {
	t.Helper()
	m := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: 0x4747, Seq: 3, Data: []byte(magic)}}
	var pseudo []byte
	if to.Is6() {
		m.Type = ipv6.ICMPTypeEchoRequest
		pseudo = icmp.IPv6PseudoHeader(from.AsSlice(), to.AsSlice())
	}
	body, err := m.Marshal(pseudo)
	if err != nil {
		t.Fatal(err)
	}
	if to.Is6() {
		head := make([]byte, 40)
		head[0], head[6], head[7] = 0x60, 58, 64
		binary.BigEndian.PutUint16(head[4:], uint16(len(body)))
		copy(head[8:], from.AsSlice())
		copy(head[24:], to.AsSlice())
		return append(head, body...)
	}
	head := make([]byte, 20)
	head[0], head[8], head[9] = 0x45, 64, 1
	binary.BigEndian.PutUint16(head[2:], uint16(20+len(body)))
	copy(head[12:], from.AsSlice())
	copy(head[16:], to.AsSlice())
	return append(head, body...)
}

func TestAnswersToPings(t *testing.T) {
	pings := Config{Network: Network{InsidePing: true}}.pings(netip.MustParseAddr("10.77.0.1"))
	for i, from := range []string{"10.88.0.2", "fd88::2"} {
		from, to := netip.MustParseAddr(from), pings[i]
		pkt := ping(t, from, to)
		e := echoes[packet.Version(pkt)]
		if !toGate(pkt, pings) || packet.Checksum(e.sum(pkt)) != 0 {
			t.Fatalf("%v: not taken for a ping of ours", to)
		}
		a := e.answer(pkt)
		if toGate(a, pings) || packet.Checksum(e.sum(a)) != 0 {
			t.Errorf("%v: the answer is %x", to, a)
		}
		m, err := icmp.ParseMessage(int(e.next), a[e.header:])
		if err != nil || m.Type != ipv4.ICMPTypeEchoReply && m.Type != ipv6.ICMPTypeEchoReply {
			t.Errorf("%v: the answer is %v, %v", to, m, err)
		}
		if source := net.IP(a[e.src : e.src+e.size]); source.String() != to.String() {
			t.Errorf("the answer comes from %v", source)
		}
	}
}

func TestAddress(t *testing.T) {
	g := &gate{sessions: map[string]*session{"a": {v4: "10.88.0.2"}, "b": {v4: "10.88.0.9"}}}
	of := func(s *session) string { return s.v4 }
	for preferred, want := range map[string]string{
		"": "10.88.0.3", "10.88.0.77": "10.88.0.77", "10.88.0.9": "10.88.0.3", "192.0.2.1": "10.88.0.3", "nonsense": "10.88.0.3",
	} {
		if got := g.address(preferred, endpoint.V4, of); got != want {
			t.Errorf("who prefers %q gets %s, want %s", preferred, got, want)
		}
	}
}

// What the gateway says is XML, whatever is in it.
func TestPages(t *testing.T) {
	odd := `<&>"'` + "\u00e9"
	s := &session{user: odd, portal: odd, v4: "10.88.0.2", v6: "fd88::2", ping: []netip.Addr{{}, {}}}
	c := Config{Domain: odd, Network: Network{DNS: []string{odd}, Suffixes: []string{odd, odd}}}.withDefaults()
	for name, text := range map[string]string{
		"getconfig": render(configPage, c.network(s, nil)), "login": render(loginPage, values{"arguments": s.arguments(c)}),
		"offers": "<list>" + offers([]Offer{{Address: odd, Label: odd, Priorities: map[string]int{odd: 1}}}) + "</list>", "error": ErrorXML(odd), "prelogin error": PreloginError(odd),
	} {
		var whole struct {
			Inner string `xml:",innerxml"`
		}
		if err := xml.Unmarshal([]byte(text), &whole); err != nil {
			t.Errorf("%s: %v in %s", name, err, text)
		}
	}
}

// A Config arrives in the gateway's process as it left, empty lists included.
func TestConfigTravels(t *testing.T) {
	c := Config{Network: Network{Routes: []string{}}, Stream: Stream{Raw: []byte{}}, Gateway: Role{Users: map[string]string{}}}.withDefaults()
	for _, b := range append(Anywhere(GatewayLogin), InStream()...) {
		b.Change(&c)
	}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var got Config
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.withDefaults(), c) {
		t.Errorf("%+v arrived, %+v left", got, c)
	}
}
