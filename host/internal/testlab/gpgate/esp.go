package gpgate

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/penstock-vpn/penstock/host/internal/esp"
	"github.com/penstock-vpn/penstock/host/internal/testlab/endpoint"
	"github.com/penstock-vpn/penstock/host/internal/transport"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// keys are an SA each way, of one getconfig.
type keys struct {
	session *session
	suite   *esp.Suite
	enc     string
	hash    string
	in, out esp.SA // from the client, and to it

	mu    sync.Mutex   // guards what follows
	judge *esp.Inbound // tells authentic packets from unknown addresses
	way   *roamer      // nil before the first of them
	path  *endpoint.Path
}

// newKeys replaces the session's keys. Without ESP in common, there are none.
func (s *session) newKeys(r *request) (*keys, error) {
	s.forgetKeys()
	enc, hash := r.c.ESP.Encryption, r.c.ESP.Hash
	suite := suiteOf(enc, hash)
	if suite == nil {
		return nil, fmt.Errorf("there is no ESP with %s and %s", enc, hash)
	}
	if r.c.ESP.Off || !offered(r.fields.Get("enc-algo"), enc) || !offered(r.fields.Get("hmac-algo"), hash) {
		return nil, nil
	}
	k := &keys{session: s, suite: suite, enc: enc, hash: hash}
	for _, sa := range []*esp.SA{&k.in, &k.out} {
		spi := esp.SPI(binary.BigEndian.Uint32(random(4)) | 1<<31)
		*sa = esp.SA{SPI: spi, Suite: suite, Key: random(suite.KeySize), AuthKey: random(suite.AuthKeySize)}
	}
	var err error
	if k.judge, err = k.in.Inbound(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	usable := !s.over && (s.stream == nil || r.c.ESP.BesideStream)
	s.g.seen.add(Event{Kind: Keys, User: s.user, Session: s.number, Note: suite.Name, Fields: map[string]string{
		"c2s-spi": k.in.SPI.String(), "s2c-spi": k.out.SPI.String(), "usable": fmt.Sprint(usable)}})
	if !usable { // the TLS tunnel stands: to use ESP, a client ends that first
		return k, nil
	}
	s.keys = k
	s.g.mu.Lock()
	s.g.bySPI[uint32(k.in.SPI)] = k
	s.g.mu.Unlock()
	return k, nil
}

// suiteOf finds a suite by GlobalProtect's names.
func suiteOf(enc, hash string) *esp.Suite {
	switch enc {
	case "aes-128-gcm":
		return esp.SuiteNamed("aes128gcm16")
	case "aes-256-gcm":
		return esp.SuiteNamed("aes256gcm16")
	case "aes-128-cbc", "aes128":
		return esp.SuiteNamed("aes128-" + hash)
	case "aes-256-cbc":
		return esp.SuiteNamed("aes256-" + hash)
	}
	return nil
}

// offered says whether a client's list has the algorithm. "aes128" is another name.
func offered(list, algorithm string) bool {
	if algorithm == "aes128" {
		algorithm = "aes-128-cbc"
	}
	return slices.Contains(strings.Split(list, ","), algorithm)
}

// forgetKeys makes the keys of ESP worth nothing.
func (s *session) forgetKeys() {
	s.mu.Lock()
	k := s.keys
	s.keys = nil
	s.mu.Unlock()
	if k == nil {
		return
	}
	s.g.mu.Lock()
	delete(s.g.bySPI, uint32(k.in.SPI))
	s.g.mu.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.judge = nil
	if k.path != nil {
		k.path.Close()
	}
}

// page is the part of getconfig's answer. The key of an AEAD has the salt at its end.
func (k *keys) page(c ESP) string {
	v := values{"port": itoa(c.Port), "enc": k.enc, "hash": k.hash, "c2s": fmt.Sprintf("0x%08X", uint32(k.in.SPI)), "s2c": fmt.Sprintf("0x%08X", uint32(k.out.SPI))}
	for name, sa := range map[string]esp.SA{"C2S": k.in, "S2C": k.out} {
		auth := sa.AuthKey
		if len(auth) == 0 {
			auth = random(20) // gateways name a hash beside an AEAD, and a key that nothing uses
		}
		v["ekey"+name], v["ebits"+name] = hex.EncodeToString(sa.Key), itoa(8*len(sa.Key))
		v["akey"+name], v["abits"+name] = hex.EncodeToString(auth), itoa(8*len(auth))
	}
	return render(ipsecPage, v)
}

var ipsecPage = page(`<ipsec>
<udp-port>{{.port}}</udp-port>
<ipsec-mode>esp-tunnel</ipsec-mode>
<enc-algo>{{.enc}}</enc-algo>
<hmac-algo>{{.hash}}</hmac-algo>
<c2s-spi>{{.c2s}}</c2s-spi>
<s2c-spi>{{.s2c}}</s2c-spi>
<akey-s2c>
<bits>{{.abitsS2C}}</bits>
<val>{{.akeyS2C}}</val>
</akey-s2c>
<ekey-s2c>
<bits>{{.ebitsS2C}}</bits>
<val>{{.ekeyS2C}}</val>
</ekey-s2c>
<akey-c2s>
<bits>{{.abitsC2S}}</bits>
<val>{{.akeyC2S}}</val>
</akey-c2s>
<ekey-c2s>
<bits>{{.ebitsC2S}}</bits>
<val>{{.ekeyC2S}}</val>
</ekey-c2s>
</ipsec>
`)

// serveESP takes what comes from addresses that are new.
func (g *gate) serveESP(l *net.UDPConn) {
	buf := make([]byte, 65535)
	for {
		n, from, err := l.ReadFromUDPAddrPort(buf)
		if err != nil {
			fmt.Fprintln(os.Stderr, "udp:", err)
			return
		}
		if n < 8 {
			continue // a NAT's keepalive
		}
		spi := binary.BigEndian.Uint32(buf)
		g.mu.Lock()
		k := g.bySPI[spi]
		g.mu.Unlock()
		if k == nil {
			g.stray(spi)
			continue
		}
		if err := k.from(netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), slices.Clone(buf[:n])); err != nil {
			fmt.Fprintf(os.Stderr, "%s: esp: %v\n", from, err)
		}
	}
}

// stray notes ESP that no keys are for, once for each SPI.
func (g *gate) stray(spi uint32) {
	g.mu.Lock()
	known := g.strays[spi]
	g.strays[spi] = true
	g.mu.Unlock()
	if !known {
		g.seen.add(Event{Kind: Stray, Note: esp.SPI(spi).String()})
	}
}

// from has a way to the address that an authentic packet came from, if it is new: a
// NAT may have given the client another one.
func (k *keys) from(a netip.AddrPort, packet []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.judge == nil || k.way != nil && k.way.latest.Load().to == a {
		return nil
	}
	if _, _, verdict := k.judge.Open(make([]byte, len(packet)), packet); verdict != esp.Good {
		return fmt.Errorf("%s packet", verdict)
	}
	conn, err := endpoint.DialUDP(k.session.espPort(), a)
	if err != nil {
		return err
	}
	p := transport.AcceptUDP(conn)
	w := &way{to: a, socket: p.ESP(), first: packet}
	k.session.g.seen.add(Event{Kind: Bound, User: k.session.user, Session: k.session.number, Note: a.String()})
	if k.way != nil {
		return k.way.move(w)
	}
	k.way = &roamer{}
	k.way.latest.Store(w)
	return k.carry(p.Info().Overhead)
}

func (s *session) espPort() int { return s.g.config.Load().ESP.Port }

// carry makes ESP a path of the session's tunnel. The caller holds mu.
func (k *keys) carry(overhead int) error {
	out, err := k.out.Outbound()
	if err != nil {
		return err
	}
	in, err := k.in.Inbound()
	if err != nil {
		return err
	}
	wire := esp.NewWire(k.way, esp.Handler{})
	wire.SetOutbound(out)
	if err := wire.AddInbound(in); err != nil {
		return err
	}
	k.session.mu.Lock()
	tunnel := k.session.tunnel
	k.session.mu.Unlock()
	if tunnel == nil {
		return wire.Close()
	}
	k.path, err = tunnel.Datagrams(k.session.watch(wire), framing.Spec{}, nil, "dtls", overhead+k.suite.Overhead())
	return err
}
