package userstack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
)

// zone is a name server's: what it says to a name, of each kind.
type zone struct {
	mu    sync.Mutex
	asked []string
}

// answer is its answer to a message; large says that it goes over a stream.
func (z *zone) answer(b []byte, large bool) []byte {
	var p dnsmessage.Parser
	h, err := p.Start(b)
	if err != nil {
		return nil
	}
	q, err := p.Question()
	if err != nil {
		return nil
	}
	q.Name = dnsmessage.MustNewName(strings.ToLower(q.Name.String())) // as some servers do
	z.mu.Lock()
	z.asked = append(z.asked, fmt.Sprintf("%s %s", q.Type, q.Name))
	z.mu.Unlock()
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: h.ID, Response: true}, Questions: []dnsmessage.Question{q}}
	add := func(a string) {
		r := dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60}}
		if ip := netip.MustParseAddr(a); ip.Is6() {
			r.Body = &dnsmessage.AAAAResource{AAAA: ip.As16()}
		} else {
			r.Body = &dnsmessage.AResource{A: ip.As4()}
		}
		m.Answers = append(m.Answers, r)
	}
	switch name := q.Name.String(); {
	case name == "outside.test.":
		if q.Type == dnsmessage.TypeA {
			add("192.0.2.1")
		}
	case name == "large.test." && !large:
		m.Truncated = true
	case name == "broken.test.":
		m.RCode = dnsmessage.RCodeServerFailure
	case name == "www.test." || name == "www.corp.test." || name == "large.test.":
		add(map[dnsmessage.Type]string{dnsmessage.TypeA: thereV4.String(), dnsmessage.TypeAAAA: thereV6.String()}[q.Type])
	default:
		m.RCode = dnsmessage.RCodeNameError
	}
	out, _ := m.Pack()
	return out
}

func (z *zone) questions() []string {
	z.mu.Lock()
	defer z.mu.Unlock()
	return slices.Clone(z.asked)
}

// serve answers behind the tunnel. To each datagram it answers wrongly first.
func (z *zone) serve(t *testing.T, p pair) {
	t.Helper()
	at := fullAddress(netip.AddrPortFrom(thereV4, dnsPort))
	udp, err := gonet.DialUDP(p.there.stack.Stack, &at, nil, protocol(thereV4))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = udp.Close() })
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := udp.ReadFrom(b)
			if err != nil {
				return
			}
			answer := z.answer(b[:n], false)
			wrong := slices.Clone(answer)
			wrong[0] ^= 1 // the id
			_, _ = udp.WriteTo(wrong, from)
			_, _ = udp.WriteTo(answer, from)
		}
	}()
	p.listen(t, thereV4, dnsPort, func(c net.Conn) {
		defer c.Close() //nolint:errcheck // of the test
		var length [2]byte
		if _, err := io.ReadFull(c, length[:]); err != nil {
			return
		}
		b := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(c, b); err != nil {
			return
		}
		answer := z.answer(b, true)
		_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
	})
}

func TestNamesAreAskedInside(t *testing.T) {
	p, z := newPair(t), &zone{}
	z.serve(t, p)
	p.listen(t, thereV6, 7, echo)
	both := []netip.Addr{thereV6, thereV4}
	for name, want := range map[string][]netip.Addr{
		"www.test": both, "WWW.test": both, "www.test.": both, "large.test": both, "www": both, "localhost": nil, "nowhere.test": nil, "broken.test": nil,
		"": nil, "a b": nil, "*.test": nil, ".test": nil, strings.Repeat("a.", 200): nil,
	} {
		got, err := p.here.lookup(t.Context(), name)
		if _, isName := errors.AsType[*NameError](err); !slices.Equal(got, want) || (want == nil) != isName {
			t.Errorf("%q: %v %v, want %v", name, got, err, want)
		}
	}
	if asked := z.questions(); !slices.Contains(asked, "TypeA www.corp.test.") || !slices.Contains(asked, "TypeAAAA localhost.") || slices.Contains(asked, "TypeA www.") {
		t.Errorf("asked were %q", asked)
	}
	before := len(z.questions())
	c := p.dial(t, t.Context(), "www.test", 7)
	if got := c.RemoteAddr().(*net.TCPAddr).IP.String(); got != thereV6.String() || len(z.questions()) != before {
		t.Errorf("connected to %s; asked were %q", got, z.questions()[before:])
	}
	if _, err := p.here.Dial(t.Context(), "outside.test", 7); !isRefused(err) || !strings.Contains(err.Error(), "outside.test: 192.0.2.1") {
		t.Errorf("a name that is outside: %v", err)
	}
}

func isRefused(err error) bool {
	_, ok := errors.AsType[*Refused](err)
	return ok
}

func TestNamesWithoutServers(t *testing.T) {
	p := newPair(t)
	c := settingsOf(hereV4, hereV6)
	c.DNS = nil
	if err := p.here.Configure(c); err != nil {
		t.Fatal(err)
	}
	if _, err := p.here.lookup(t.Context(), "www.test"); !isRefused(err) || !strings.Contains(err.Error(), "no name servers") {
		t.Errorf("%v", err)
	}
}

// An address that does not answer costs a moment when there is another.
func TestTheSecondAddressIsTried(t *testing.T) {
	p := newPair(t)
	p.listen(t, thereV4, 7, echo)
	silent := netip.MustParseAddr("10.9.0.77") // nobody has it
	c, err := p.here.dialFirst(t.Context(), []netip.Addr{silent, thereV6, thereV4}, 7)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // of the test
	if got := c.RemoteAddr().(*net.TCPAddr).IP.String(); got != thereV4.String() {
		t.Errorf("connected to %s", got)
	}
}

func FuzzParseAnswer(f *testing.F) {
	z := &zone{}
	name := dnsmessage.MustNewName("www.test.")
	for _, kind := range []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA} {
		asked, err := question{7, name, kind}.append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(z.answer(asked, true))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, kind := range []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA} {
			found, good, err := question{7, name, kind}.parse(b)
			if len(found) > mostAddresses || good < 0 || good > mostGood || err != nil && found != nil {
				t.Errorf("%v %v %v", found, good, err)
			}
		}
	})
}
