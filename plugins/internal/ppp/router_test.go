package ppp

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

const autonomousOnLink = 0xc0

func oneRouter() []byte {
	return advertisement(30, "\x05\x01\x00\x00\x00\x00\x05\xdc", prefixOption("2001:db8:7::", 64, autonomousOnLink, 100), serversOption(100, "2001:db8:7::53"))
}

// dual is a line with IPv6 at both ends, and that router.
func dual(t *testing.T, r router) *line {
	c := config(CHAPMD5)
	c.IPv6 = true
	l := newLine(t, 1, c, &gate{login: CHAPMD5, password: testPassword, ipv6: true})
	l.router = r
	return l
}

// A router's prefix makes the address; whoever has none is not waited for long.
func TestIPv6(t *testing.T) {
	l := dual(t, oneRouter).begin()
	n := l.mustBeUp()
	if want := netip.MustParsePrefix("2001:db8:7::/64"); !want.Contains(n.IPv6) || n.Address != clientAddress || !slices.Equal(n.DNS, []netip.Addr{serverDNS, netip.MustParseAddr("2001:db8:7::53")}) {
		t.Errorf("%+v", n)
	}
	for name, change := range map[string]func(*line){
		"no router": func(l *line) { l.router = nil },
		"no IPv6": func(l *line) {
			l.ends[theServer] = newServer(&gate{login: CHAPMD5, password: testPassword}, Config{Random: seeded(3)})
		},
		"a way out, alone": func(l *line) { l.router = func() []byte { return advertisement(30) } },
		"an address, alone": func(l *line) {
			l.router = func() []byte { return advertisement(0, prefixOption("2001:db8::", 64, autonomousOnLink, 1)) }
		},
		"not of its own": func(l *line) {
			l.router = func() []byte { return advertisement(30, prefixOption("2001:db8::", 64, 0x80, 1)) }
		},
		"of the link": func(l *line) {
			l.router = func() []byte { return advertisement(30, prefixOption("fe80::", 64, autonomousOnLink, 1)) }
		},
		"of another length": func(l *line) {
			l.router = func() []byte { return advertisement(30, prefixOption("2001:db8::", 48, autonomousOnLink, 1)) }
		},
		"that is over": func(l *line) {
			l.router = func() []byte { return advertisement(30, prefixOption("2001:db8::", 64, autonomousOnLink, 0)) }
		},
		"passed on":        func(l *line) { l.router = func() []byte { p := oneRouter(); p[7] = 254; return p } },
		"with a wrong sum": func(l *line) { l.router = func() []byte { p := oneRouter(); p[len(p)-1] ^= 1; return p } },
		"with a broken end": func(l *line) {
			l.router = func() []byte {
				return advertisement(30, prefixOption("2001:db8::", 64, autonomousOnLink, 1), "\x19\x05")
			}
		},
	} {
		l := dual(t, nil)
		change(l)
		began := l.now
		if n := l.begin().mustBeUp(); n.IPv6.IsValid() || l.now.Sub(began) > 2*time.Second || n.Address != clientAddress {
			t.Errorf("%s: %+v after %v", name, n, l.now.Sub(began))
		}
	}
}

// What was advertised holds for the session: routers are not asked once packets flow.
func TestIPv6InMidSession(t *testing.T) {
	for name, r := range map[string]router{"a router": oneRouter, "none": nil} {
		l := dual(t, r).begin()
		before := l.mustBeUp()
		l.ends[theClient] = Resume(l.now, func() Config { c := config(CHAPMD5); c.IPv6, c.Random = true, seeded(9); return c }(), *l.ends[theClient].Saved())
		l.seen[theClient] = nil
		server := l.ends[theServer]
		l.took(theServer, server.step(l.now, func() { server.link.happens(down); server.lcp.begin(); server.link.happens(up) }))
		l.run(20*time.Second, func() bool { return false })
		if n := l.ends[theClient].Saved().Network; n.IPv6 != before.IPv6 || len(of[Up](l, theClient)) != 0 {
			t.Errorf("%s: %+v became %+v", name, before, n)
		}
		for _, s := range of[Send](l, theClient) {
			if s.Protocol == protocolIPv6 {
				t.Errorf("%s: asked again", name)
			}
		}
	}
}

// Packets that come before anybody can take them are no protocols that are not known.
func TestEarlyPackets(t *testing.T) {
	for protocol, want := range map[uint16]string{protocolIPv4: "[]", 0x002b: "[c021 08"} {
		if got := strings.Join(exchange(t, protocol, packet{0x45, 0, make([]byte, 16)}), " "); !strings.HasPrefix("["+got+"]", want) {
			t.Errorf("%04x: %s, want %s", protocol, got, want)
		}
	}
}

// A solicitation has the checksum that its receiver looks for.
func TestSolicitation(t *testing.T) {
	p := solicitation(netip.MustParseAddr("fe80::1"))
	if sumICMP(netip.MustParseAddr("fe80::1"), allRouters, p[headerIPv6:]) != 0xffff || len(p) != 48 || p[7] != 255 {
		t.Errorf("%x", p)
	}
}

// Whatever comes, what is taken is an address that can be used.
func FuzzAdvert(f *testing.F) {
	f.Add(oneRouter())
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= headerIPv6+headerAdvert { // or nothing gets past the checksum
			b = slices.Clone(b)
			from, to := netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:]))
			if n := int(b[4])<<8 | int(b[5]); n >= 4 && n <= len(b)-headerIPv6 {
				body := b[headerIPv6 : headerIPv6+n]
				body[2], body[3] = 0, 0
				sum := ^sumICMP(from, to, body)
				body[2], body[3] = byte(sum>>8), byte(sum)
			}
		}
		a, ok := parseAdvert(b)
		if !ok {
			return
		}
		if a.prefix.Bits() != 64 || a.prefix != a.prefix.Masked() || !a.prefix.Addr().IsGlobalUnicast() || len(a.dns) > maxServers {
			t.Fatalf("%x: %+v", b, a)
		}
	})
}
