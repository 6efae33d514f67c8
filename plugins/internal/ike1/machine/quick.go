package machine

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike/keys"
	"github.com/penstock-vpn/penstock/plugins/internal/ike1"
	"github.com/penstock-vpn/penstock/sdk"
)

// child is a pair of SAs of ESP.
type child struct {
	in, out uint32
	life    time.Duration
}

// quickMode is one of ours that waits for its answer.
type quickMode struct {
	sa    *isakmp
	x     *exchange
	spi   uint32
	ni    []byte
	group *keys.Group
	dh    keys.Exchange // nil: without one
}

// everything is the traffic of tunnel mode, on the gateway's side.
var everything = netip.MustParsePrefix("0.0.0.0/0")

// ready is when an ISAKMP SA may be used: for the first tunnel, or in the place of another.
func (m *Machine) ready(sa *isakmp) error {
	if sa == m.next {
		m.takeOver(sa)
		return nil
	}
	if m.c.DPD > 0 && sa.dpd {
		m.listen(sa)
	}
	return m.beginQuick(sa)
}

// group is that of a key exchange in quick mode; nil: none.
func (m *Machine) group(sa *isakmp) *keys.Group {
	if m.c.PFS == nil && m.c.GatewayPFS && m.granted.pfs {
		return sa.suite.Group
	}
	return m.c.PFS
}

// beginQuick asks for a pair of SAs.
func (m *Machine) beginQuick(sa *isakmp) (err error) {
	if m.quick != nil {
		return nil
	}
	q := &quickMode{sa: sa, group: m.group(sa)}
	if q.spi, err = m.newSPI(); err != nil {
		return err
	}
	if q.ni, err = m.random(nonceSize); err != nil {
		return err
	}
	first := []ike1.Payload{m.c.offerESP(q.spi, m.mode(sa), q.group), {Type: ike1.TypeNonce, Body: q.ni}}
	if q.group != nil {
		if q.dh, err = q.group.Begin(m.c.Random); err != nil {
			return err
		}
		first = append(first, ike1.Payload{Type: ike1.TypeKE, Body: q.dh.Public()})
	}
	if q.x, err = m.begin(sa, ike1.Quick); err != nil {
		return err
	}
	m.quick = q
	q.x.take = func(p []ike1.Payload) error { return m.quickAnswered(q, p) }
	lead := q.x.lead
	q.x.lead = append(slices.Clone(lead), q.ni)
	m.sayHashed(sa, q.x, lead, append(first, m.traffic(sa)...), true)
	return nil
}

// traffic are the identities of quick mode.
func (m *Machine) traffic(sa *isakmp) []ike1.Payload {
	if t := m.c.Transport; t != nil {
		ours, theirs := addressID(m.c.Local.Addr()), addressID(m.c.Remote.Addr())
		ours.Protocol, ours.Port, theirs.Protocol, theirs.Port = t.Protocol, t.Local, t.Protocol, t.Remote
		return append([]ike1.Payload{ours.Payload(), theirs.Payload()}, m.originals(sa)...)
	}
	ours := addressID(m.granted.settings.Addresses[0].Addr())
	theirs := ike1.ID{ID: ike.ID{Kind: ike1.IDSubnet4, Data: make([]byte, 8)}}
	return []ike1.Payload{ours.Payload(), theirs.Payload()}
}

func (m *Machine) newSPI() (uint32, error) {
	for {
		b, err := m.random(4)
		if err != nil {
			return 0, err
		}
		spi := binary.BigEndian.Uint32(b)
		if spi >= leastSPI && !slices.ContainsFunc(m.kids, func(c *child) bool { return c.in == spi }) {
			return spi, nil
		}
	}
}

// quickAnswered handles the gateway's choice.
func (m *Machine) quickAnswered(q *quickMode, p []ike1.Payload) error {
	m.quick = nil
	suite, spi, life, err := m.c.chosenESP(ike1.Find(p, ike1.TypeSA), m.mode(q.sa), q.group)
	if err != nil {
		return senseless(err.Error())
	}
	nr := ike1.Find(p, ike1.TypeNonce)
	if len(nr) < leastNonce {
		return senseless("the gateway's choice for ESP has no nonce")
	}
	var secret []byte
	if q.dh != nil {
		if secret, err = q.dh.Secret(ike1.Find(p, ike1.TypeKE)); err != nil {
			return senseless(err.Error())
		}
	}
	c := &child{in: q.spi, out: spi, life: min(life, lifeTold(p, ike1.ProtocolESP, life))}
	sas := m.pair(q.sa, c, suite, secret, q.ni, nr)
	last := func() { m.lastQuick(q, nr) }
	if !m.up {
		last()
		m.up = true
		m.adopt(c)
		m.emit(Up{Settings: m.inside(p), SAs: sas})
		return nil
	}
	m.emit(Install{sas[:1]})
	last()
	m.emit(Install{sas[1:]})
	m.adopt(c)
	return nil
}

// lastQuick sends the third message, whose hash is of another kind.
func (m *Machine) lastQuick(q *quickMode, nr []byte) {
	name := binary.BigEndian.AppendUint32(nil, q.x.id)
	hash := q.sa.suite.MessageHash(q.sa.keys, []byte{0}, name, q.ni, nr)
	m.say(q.sa, q.x, []ike1.Payload{{Type: ike1.TypeHash, Body: hash}}, false)
}

// inside are the settings, with the network that the gateway answered with.
func (m *Machine) inside(p []ike1.Payload) sdk.NetConfig {
	if m.c.Transport != nil {
		return sdk.NetConfig{}
	}
	agreed := everything
	if all := ike1.FindAll(p, ike1.TypeID); len(all) == 2 {
		id, err := ike1.ParseID(all[1])
		switch {
		case err != nil:
		case id.Kind == ike1.IDSubnet4 && len(id.Data) == 8:
			agreed = network(id.Data)
		case id.Kind == ike.IDIPv4 && len(id.Data) == 4:
			agreed = netip.PrefixFrom(netip.AddrFrom4([4]byte(id.Data)), 32)
		}
	}
	return m.granted.inside(agreed)
}

// pair are both SAs of a child, the inbound one first.
func (m *Machine) pair(sa *isakmp, c *child, s ESPSuite, secret, ni, nr []byte) []sdk.SA {
	one := func(d sdk.Direction, spi uint32) sdk.SA {
		all := sa.suite.ESP(sa.keys, s.key+s.hmac, secret, spi, ni, nr)
		out := sdk.SA{Direction: d, SPI: spi, Suite: s.Name, Key: all[:s.key:s.key], Bytes: s.life}
		if s.hmac > 0 {
			out.AuthKey = all[s.key:]
		}
		cipher, integrity, _ := strings.Cut(s.Name, "-")
		m.show("esp_sa", keys.WiresharkESP(spi, cipher, integrity, out.Key, out.AuthKey))
		return out
	}
	return []sdk.SA{one(sdk.Inbound, c.in), one(sdk.Outbound, c.out)}
}

// adopt makes c the current child, and sees to those that it replaces.
func (m *Machine) adopt(c *child) {
	old := m.kids
	m.kids = append([]*child{c}, old...)
	for _, o := range old {
		m.after(grace, func() error { m.retire(o); return nil })
	}
	m.after(renewAt(c.life), func() error {
		if len(m.kids) > 0 && m.kids[0] == c {
			return m.renewChild()
		}
		return nil
	})
}

// grace is how long packets under old keys may be on their way.
const grace = 5 * time.Second

// renewAt is when something of that life is replaced.
func renewAt(life time.Duration) time.Duration {
	return life - max(life/10, min(life/2, 30*time.Second))
}

// renewChild asks for new keys of the tunnel.
func (m *Machine) renewChild() error {
	if !m.up || !m.sas[0].done {
		return nil
	}
	return m.beginQuick(m.sas[0])
}

// retire says that a child is no more, if it is there still.
func (m *Machine) retire(c *child) {
	if !slices.Contains(m.kids, c) {
		return
	}
	m.kids = slices.DeleteFunc(m.kids, func(x *child) bool { return x == c })
	m.inform(m.sas[0], ike1.Delete{Protocol: ike1.ProtocolESP, SPIs: [][]byte{binary.BigEndian.AppendUint32(nil, c.in)}}.Payload())
	m.emit(Remove{c.in})
}

// quickAsked handles a quick mode that the gateway begins: new keys.
func (m *Machine) quickAsked(sa *isakmp, x *exchange, p []ike1.Payload) error {
	if !m.up {
		return m.drop("a quick mode of the gateway before ours")
	}
	ni, public := ike1.Find(p, ike1.TypeNonce), ike1.Find(p, ike1.TypeKE)
	if len(ni) < leastNonce {
		return m.drop("a quick mode without a nonce")
	}
	suite, answer, spi, group, err := m.c.pick(ike1.Find(p, ike1.TypeSA), m.mode(sa), public != nil)
	if err != nil {
		m.inform(sa, ike1.Notify{Protocol: ike1.ProtocolESP, Kind: ike1.NoProposalChosen}.Payload())
		return m.drop(err.Error())
	}
	c := &child{out: spi, life: m.c.ChildLife}
	if c.in, err = m.newSPI(); err != nil {
		return err
	}
	nr, err := m.random(nonceSize)
	if err != nil {
		return err
	}
	answer.SPI = binary.BigEndian.AppendUint32(nil, c.in)
	reply := []ike1.Payload{ike1.SA([]ike1.Proposal{answer}), {Type: ike1.TypeNonce, Body: nr}}
	var secret []byte
	if group != nil {
		var ours []byte
		if ours, secret, err = group.Answer(m.c.Random, public); err != nil {
			return m.drop(err.Error())
		}
		reply = append(reply, ike1.Payload{Type: ike1.TypeKE, Body: ours})
	}
	for _, id := range ike1.FindAll(p, ike1.TypeID) {
		reply = append(reply, ike1.Payload{Type: ike1.TypeID, Body: bytes.Clone(id)})
	}
	sas := m.pair(sa, c, suite, secret, ni, nr)
	m.emit(Install{sas[:1]})
	name := x.lead[0]
	x.lead = [][]byte{{0}, name, ni, nr}
	x.take = func([]ike1.Payload) error {
		m.emit(Install{sas[1:]})
		m.adopt(c)
		return nil
	}
	m.after(keptFor, func() error {
		if x.take != nil { // it never came to an end
			x.take = nil
			m.emit(Remove{c.in})
		}
		return nil
	})
	m.sayHashed(sa, x, [][]byte{name, ni}, reply, false)
	return nil
}
