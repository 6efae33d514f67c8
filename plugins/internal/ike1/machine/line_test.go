package machine

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"math/big"
	"net/netip"
	"sync"
	"testing"
	"time"

	"crypto/x509"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike1"
	"github.com/penstock-vpn/penstock/plugins/internal/ike1/gate"
	"github.com/penstock-vpn/penstock/sdk"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

const groupKey = "Iridium-4711"

// line is a machine and a gate with a line between them, which may lose what it carries.
type line struct {
	t    *testing.T
	m    *Machine
	g    *gate.Gate
	now  time.Time
	lose func() bool

	answers map[uint16]string // to XAUTH
	asks    []Ask
	ups     []Up
	have    map[uint32]sdk.SA // inbound SAs that are installed
	out     []sdk.SA          // outbound ones, in their order
	sent    int
	ports   map[uint16]bool
	verify  []Verify
	ended   *Ended
}

// able is a client that wants a tunnel, and its gateway.
func able() (Config, *gate.Gate) {
	c := Config{Gateway: "vpn.test", Auth: SharedKey{[]byte(groupKey)}, XAuth: true, Settings: true, Aggressive: true,
		Identity: &ike.ID{Kind: ike.IDKey, Data: []byte("staff")}, DPD: time.Minute,
		Local: netip.MustParseAddrPort("10.0.0.2:500"), Remote: netip.MustParseAddrPort("192.0.2.1:500")}
	g := &gate.Gate{Key: []byte(groupKey), Rounds: []gate.Round{passwordRound}, Settings: []ike1.Attribute{
		{Type: ike1.InternalIP4Address, Value: []byte{10, 1, 0, 5}}, {Type: ike1.InternalIP4DNS, Value: []byte{10, 1, 0, 1}},
		{Type: ike1.UnitySplitInclude, Value: []byte{10, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0}}, {Type: ike1.UnityBanner, Value: []byte("Hello")}}}
	return c, g
}

var passwordRound = gate.Round{Ask: []ike1.Attribute{ike1.Basic(ike1.XAuthType, 0), {Type: ike1.XAuthUser}, {Type: ike1.XAuthPassword}},
	Right: map[uint16]string{ike1.XAuthUser: "alice", ike1.XAuthPassword: "secret1"}}

func connect(t *testing.T, c Config, g *gate.Gate) *line {
	l := &line{t: t, m: New(c), g: g, now: start, have: map[uint32]sdk.SA{}, ports: map[uint16]bool{},
		answers: map[uint16]string{ike1.XAuthUser: "alice", ike1.XAuthPassword: "secret1"}}
	return l
}

// begin brings a tunnel up, or ends.
func (l *line) begin() *line {
	l.t.Helper()
	l.do(l.m.Begin(l.now))
	return l
}

// up is begin, and wants a tunnel whose keys both sides have.
func (l *line) up() *line {
	l.t.Helper()
	l.begin()
	if len(l.ups) != 1 || l.ended != nil {
		l.t.Fatalf("%d tunnels, ended %v", len(l.ups), l.ended)
	}
	l.agrees()
	return l
}

// agrees wants both sides to have the same keys for the newest tunnel.
func (l *line) agrees() {
	l.t.Helper()
	in, out := l.g.SAs[0], l.g.SAs[1]
	last := l.out[len(l.out)-1]
	if last.SPI != in.SPI || !bytes.Equal(last.Key, in.Key) {
		l.t.Errorf("we send with %v, and the gateway receives with %v", last, in)
	}
	if have, is := l.have[out.SPI]; !is || !bytes.Equal(have.Key, out.Key) {
		l.t.Errorf("we receive with %v, and the gateway sends with %v", l.have, out)
	}
}

// do carries out effects, and what comes of them.
func (l *line) do(effects []Effect) {
	for len(effects) > 0 {
		e := effects[0]
		effects = append(effects[1:], l.effect(e)...)
	}
}

func (l *line) effect(e Effect) []Effect {
	switch e := e.(type) {
	case Send:
		l.sent++
		l.ports[e.Port] = true
		if l.lost() {
			return nil
		}
		return l.arrive(l.g.Receive(e.Datagram))
	case Ask:
		l.asks = append(l.asks, e)
		return l.m.Answered(l.now, l.answers, nil)
	case Verify:
		l.verify = append(l.verify, e)
		return l.m.Verified(l.now, nil)
	case Sign:
		s, err := rsa.SignPKCS1v15(rand.Reader, rsaKey(), crypto.Hash(0), e.Digest)
		return l.m.Signed(l.now, s, err)
	case Up:
		l.ups = append(l.ups, e)
		l.install(e.SAs)
	case Install:
		l.install(e.SAs)
	case Remove:
		if _, is := l.have[e.SPI]; !is {
			l.t.Errorf("%#x is removed, and is not there", e.SPI)
		}
		delete(l.have, e.SPI)
	case Ended:
		l.ended = &e
	}
	return nil
}

func (l *line) lost() bool { return l.lose != nil && l.lose() }

// arrive hands the gateway's datagrams over.
func (l *line) arrive(datagrams [][]byte) (effects []Effect) {
	for _, d := range datagrams {
		if !l.lost() {
			effects = append(effects, l.m.Receive(l.now, bytes.Clone(d))...)
		}
	}
	return effects
}

func (l *line) install(sas []sdk.SA) {
	for _, sa := range sas {
		if sa.SPI < leastSPI || len(sa.Key) == 0 {
			l.t.Fatalf("installed %v", sa)
		}
		if sa.Direction == sdk.Inbound {
			l.have[sa.SPI] = sa
		} else {
			l.out = append(l.out, sa)
		}
	}
}

// gateTries is when the gateway sends again what is not answered.
const gateTries = 2 * time.Second

// pass lets time go by, with all that is due in it.
func (l *line) pass(d time.Duration) *line {
	end := l.now.Add(d)
	for l.ended == nil {
		next := l.m.Deadline()
		if again := l.now.Add(gateTries); l.g.Waiting() != nil && next.After(again) {
			next = again
		}
		if next.IsZero() || next.After(end) {
			break
		}
		if next.After(l.now) {
			l.now = next
		}
		l.do(l.arrive(l.g.Waiting()))
		l.do(l.m.Tick(l.now))
	}
	l.now = end
	return l
}

// failure is why the session ended.
func (l *line) failure() *sdk.Failure {
	l.t.Helper()
	var f *sdk.Failure
	if l.ended == nil || !errors.As(l.ended.Err, &f) {
		l.t.Fatalf("ended with %+v", l.ended)
	}
	return f
}

// rsaKey is one for client and gateway alike.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

var certificate = sync.OnceValue(func() []byte {
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: start.Add(time.Hour), DNSNames: []string{"vpn.test"}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, rsaKey().Public(), rsaKey())
	if err != nil {
		panic(err)
	}
	return der
})
