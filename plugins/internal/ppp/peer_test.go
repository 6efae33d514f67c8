package ppp

import (
	"bytes"
	"crypto/md5"
	"crypto/rc4"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/penstock-vpn/penstock/plugins/internal/eap"
)

// The other end of the line, for tests: it asks for a login, and gives addresses.

var (
	serverAddress = netip.MustParseAddr("10.0.0.1")
	clientAddress = netip.MustParseAddr("10.0.0.2")
	serverDNS     = netip.MustParseAddr("10.0.0.53")
)

const (
	testUser     = "alice"
	testPassword = "Iridium-4711"
)

// gate is what a server wants.
type gate struct {
	login    Method
	password string
	expired  bool // it wants a new password first
	ipv6     bool
	none     bool // it gives no addresses
	mppe     *MPPE
}

func newServer(g *gate, c Config) *Machine {
	c.MPPE = g.mppe
	m := &Machine{c: c.withDefaults()}
	if g.mppe != nil {
		m.ccp = &automaton{m: m, protocol: ProtocolCCP, layer: newCCP(m)}
	}
	m.lcp = &lcp{m: m}
	m.link = &automaton{m: m, protocol: ProtocolLCP, layer: &serverLCP{m.lcp, g}}
	if !g.none {
		m.add(ProtocolIPCP, "IPv4", &serverIPCP{newIPCP(m)})
	}
	if g.ipv6 {
		m.add(ProtocolIPv6CP, "IPv6", &serverIPv6CP{newIPv6CP(m)})
	}
	return m
}

// serverIPv6CP is of a router, which asks nobody.
type serverIPv6CP struct{ *ipv6cp }

func (l *serverIPv6CP) up() { l.netLayer.up() }

// router is what answers solicitations at the server's end; nil: nothing does.
type router func() []byte

// advertisement is one of those of RFC 4861, with these options.
func advertisement(lifetime byte, options ...string) []byte {
	body := []byte("\x86\x00\x00\x00\x40\x00\x00" + string([]byte{lifetime}) + strings.Repeat("\x00", 8) + strings.Join(options, ""))
	from, to := netip.MustParseAddr("fe80::1"), netip.MustParseAddr("ff02::1")
	binary.BigEndian.PutUint16(body[2:], ^sumICMP(from, to, body))
	p := []byte{0x60, 0, 0, 0, byte(len(body) >> 8), byte(len(body)), 58, 255}
	return append(append(append(p, from.AsSlice()...), to.AsSlice()...), body...)
}

// prefixOption gives one to make addresses from, serversOption a name server.
func prefixOption(prefix string, length, flags, lifetime byte) string {
	a := netip.MustParseAddr(prefix).As16()
	return "\x03\x04" + string([]byte{length, flags, 0, 0, 0, lifetime}) + strings.Repeat("\x00", 8) + string(a[:])
}

func serversOption(lifetime byte, servers ...string) string {
	text := "\x19" + string([]byte{byte(1 + 2*len(servers)), 0, 0, 0, 0, 0, lifetime})
	for _, s := range servers {
		a := netip.MustParseAddr(s).As16()
		text += string(a[:])
	}
	return text
}

type serverLCP struct {
	*lcp
	g *gate
}

func (l *serverLCP) request() []option {
	all := l.lcp.request()
	for _, w := range wire {
		if w.method == l.g.login {
			all = append(all, option{optAuth, []byte(w.value)})
		}
	}
	return all
}

func (l *serverLCP) naked(wanted []option) {
	for _, o := range wanted {
		if o.kind == optAuth {
			l.g.login = methodOf(o.value)
		}
	}
	l.lcp.naked(wanted)
}

func (l *serverLCP) up() {
	in := &login{m: l.m, method: l.g.login}
	l.m.auth = in
	switch l.g.login {
	case PAP:
		in.way = &papServer{in, l.g}
	case CHAPMD5, MSCHAPv2:
		in.way = &chapServer{login: in, g: l.g}
	case EAP:
		in.way = &eapServer{login: in, g: l.g}
	default:
		l.m.admitted(NoLogin, nil)
		return
	}
	in.way.begin()
}

type serverIPCP struct{ *ipcp }

func (l *serverIPCP) request() []option {
	return []option{{optAddress, serverAddress.AsSlice()}}
}

func (l *serverIPCP) judge(asked []option) (reject, nak []option) {
	right := map[byte]netip.Addr{optAddress: clientAddress, optDNS1: serverDNS}
	for _, o := range asked {
		want, known := right[o.kind]
		switch {
		case !known:
			reject = append(reject, o)
		case address(o.value) != want:
			nak = append(nak, option{o.kind, want.AsSlice()})
		}
	}
	return reject, nak
}

func (l *serverIPCP) up() { l.netLayer.up() }

type papServer struct {
	*login
	g *gate
}

func (*papServer) protocol() uint16 { return ProtocolPAP }
func (*papServer) begin()           {}

func (w *papServer) receive(p packet, _ []byte) {
	if p.code != 1 {
		return
	}
	want := string(append(append([]byte{byte(len(testUser))}, testUser...), append([]byte{byte(len(w.g.password))}, w.g.password...)...))
	if string(p.data) != want {
		w.m.send(ProtocolPAP, packet{3, p.id, []byte("\x02no")})
		return
	}
	w.m.send(ProtocolPAP, packet{2, p.id, []byte{0}})
	w.succeeded(nil)
}

// chapServer is MD5 and MS-CHAPv2. It answers a repeated response with what it said.
type chapServer struct {
	*login
	g         *gate
	challenge []byte
	heard     []byte
	answer    packet
}

func (*chapServer) protocol() uint16 { return ProtocolCHAP }

func (w *chapServer) begin() {
	w.challenge = bytes.Repeat([]byte{0xa5}, 16)
	w.send(packet{chapChallenge, 9, append(append([]byte{16}, w.challenge...), "gate"...)})
}

func (w *chapServer) receive(p packet, whole []byte) {
	switch {
	case w.heard != nil && bytes.Equal(w.heard, p.append(nil)):
		w.m.send(ProtocolCHAP, w.answer)
		return
	case p.code == chapResponse && w.login.method == CHAPMD5 && w.heard == nil:
		sum := md5.Sum([]byte(string([]byte{p.id}) + w.g.password + string(w.challenge)))
		w.decide(p, bytes.Equal(p.data[1:17], sum[:]), "", "")
	case p.code == chapResponse && w.heard == nil:
		w.mschap(p, w.g.password, p.data[1:17], p.data[25:49])
	case p.code == chapChangePassword && w.g.expired:
		w.g.expired = false
		w.g.password = w.decrypted(p.data[:516])
		w.mschap(p, w.g.password, p.data[532:548], p.data[556:580])
	}
}

func (w *chapServer) decrypted(block []byte) string {
	c, _ := rc4.NewCipher(passwordHash(w.g.password))
	plain := make([]byte, len(block))
	c.XORKeyStream(plain, block)
	n := binary.LittleEndian.Uint32(plain[512:])
	var text []uint16
	for b := plain[512-n : 512]; len(b) > 0; b = b[2:] {
		text = append(text, binary.LittleEndian.Uint16(b))
	}
	return string(utf16.Decode(text))
}

// mschap checks a response by doing it too, with the client's own noise.
func (w *chapServer) mschap(p packet, password string, noise, response []byte) {
	challenge := packet{chapChallenge, p.id, append([]byte{16}, w.challenge...)}
	own, err := eap.MSCHAPv2(testUser, password, bytes.NewReader(noise)).Handle(p.id, challenge.append(nil))
	good := err == nil && bytes.Equal(own[headerSize+1+24:headerSize+1+48], response)
	w.decide(p, good, proof(password, response, noise, w.challenge), "E=691 R=0 C=00000000000000000000000000000000 V=3 M=no")
}

// proof is the authenticator response of RFC 2759 section 8.7.
func proof(password string, response, noise, challenge []byte) string {
	sum := func(parts ...[]byte) []byte { s := sha1.Sum(bytes.Join(parts, nil)); return s[:] }
	text := passwordHash(password)
	again := md4Sum(text)
	digest := sum(again, response, []byte("Magic server to client signing constant"))
	short := sum(noise, challenge, []byte(testUser))[:8]
	return "S=" + strings.ToUpper(hex.EncodeToString(sum(digest, short, []byte("Pad to make it do more than one iteration")))) + " M=welcome"
}

func (w *chapServer) decide(p packet, good bool, yes, no string) {
	w.heard = p.append(nil)
	w.due = time.Time{}
	switch {
	case good && w.g.expired:
		w.answer = packet{chapFailure, p.id, fmt.Appendf(nil, "E=648 R=0 C=%x V=3 M=old", w.challenge)}
	case good:
		w.answer = packet{chapSuccess, p.id, []byte(yes)}
	default:
		w.answer = packet{chapFailure, p.id, []byte(no)}
	}
	w.m.send(ProtocolCHAP, w.answer)
	if w.answer.code == chapSuccess {
		w.succeeded(make([]byte, mppeKeys))
	}
}

// eapServer is EAP-MD5.
type eapServer struct {
	*login
	g *gate
}

func (*eapServer) protocol() uint16 { return ProtocolEAP }

func (w *eapServer) begin() { w.send(packet{code(eap.Request), 5, []byte("\x04\x04abcd")}) }

func (w *eapServer) receive(p packet, _ []byte) {
	sum := md5.Sum([]byte("\x05" + w.g.password + "abcd"))
	good := len(p.data) >= 18 && bytes.Equal(p.data[2:18], sum[:])
	if !good {
		w.m.send(ProtocolEAP, packet{code(eap.Failure), p.id, nil})
		return
	}
	w.m.send(ProtocolEAP, packet{code(eap.Success), p.id, nil})
	w.succeeded(nil)
}
