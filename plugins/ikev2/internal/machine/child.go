package machine

import (
	"encoding/binary"
	"fmt"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// child is a pair of SAs of ESP.
type child struct {
	in, out  uint32 // SPIs: what we receive with, what the gateway receives with
	inbound  sdk.SA
	outbound sdk.SA
	tsi, tsr []ike.Selector

	successor *child // takes its place; nil: none yet
	sending   bool   // the datapath sends on it
	deleting  bool   // the gateway was told that it is over
}

func spiBytes(spi uint32) []byte { return binary.BigEndian.AppendUint32(nil, spi) }

// newSPI finds one that is not in use.
func (m *Machine) newSPI() (uint32, error) {
	for {
		b, err := m.random(4)
		if err != nil {
			return 0, err
		}
		spi := binary.BigEndian.Uint32(b)
		if spi >= 256 && m.kid(func(c *child) bool { return c.in == spi }) == nil {
			return spi, nil
		}
	}
}

func (m *Machine) kid(is func(*child) bool) *child {
	for _, c := range m.kids {
		if is(c) {
			return c
		}
	}
	return nil
}

// finish takes what the gateway granted at the end of IKE_AUTH.
func (m *Machine) finish(payloads []ike.Payload) error {
	choice, tsi, tsr := chosenChild(payloads)
	if choice == nil || tsi == nil || tsr == nil {
		return sdk.Fail(sdk.Never, diag.New(diag.Protocol, "the gateway grants no tunnel", "Its answer holds no SA."))
	}
	sa := m.sa()
	err := accepted(withoutGroups(m.c.ESP), *choice)
	var c *child
	if err == nil {
		c, err = m.makeChild(*choice, m.login.spi, childKeys{sa, nil, nil, sa.ni, sa.nr, true})
	}
	if err != nil {
		return sdk.Fail(sdk.Never, diag.New(diag.Protocol, "the gateway's choice for ESP makes no sense", err.Error()))
	}
	settings, err := settingsOf(first[*ike.Config](payloads), tsr.Selectors)
	if err != nil {
		return sdk.Fail(sdk.Never, diag.New(diag.Protocol, "the gateway's settings make no sense", err.Error()))
	}
	m.mobike = !m.c.NoMOBIKE && notification(payloads, ike.MobikeSupported) != nil
	c.tsi, c.tsr, c.sending = tsi.Selectors, tsr.Selectors, true
	m.kids, m.up = []*child{c}, true
	m.emit(Up{Settings: settings, SAs: []sdk.SA{c.inbound, c.outbound}, Way: m.way})
	m.keepTicket(payloads)
	m.init, m.login = nil, nil
	m.limit(payloads)
	return m.live()
}

// chosenChild finds what a tunnel is made of in an answer; nil: it lacks.
func chosenChild(payloads []ike.Payload) (choice *ike.Proposal, tsi, tsr *ike.TS) {
	if sa := first[*ike.SA](payloads); sa != nil && len(sa.Proposals) == 1 && len(sa.Proposals[0].SPI) == 4 {
		choice = &sa.Proposals[0]
	}
	for _, p := range payloads {
		if ts, isTS := p.(*ike.TS); isTS && len(ts.Selectors) > 0 {
			if ts.Responder {
				tsr = ts
			} else {
				tsi = ts
			}
		}
	}
	return choice, tsi, tsr
}

// childKeys is what the keys of a child are made of.
type childKeys struct {
	sa        *ikeSA
	secret    []byte   // of a key exchange of its own; nil: there was none
	further   [][]byte // of those that followed
	ni, nr    []byte
	initiator bool // it was we who asked for the child
}

// makeChild makes the SAs of an accepted choice.
func (m *Machine) makeChild(choice ike.Proposal, in uint32, k childKeys) (*child, error) {
	suite, err := chosenESP(choice)
	if err != nil {
		return nil, err
	}
	out := binary.BigEndian.Uint32(choice.SPI)
	if out < 256 {
		return nil, fmt.Errorf("the gateway's SPI is the reserved %d", out)
	}
	send, receive := k.sa.schedule.ChildKeys(k.sa.suite.PRF, suite.key+suite.auth, k.secret, k.ni, k.nr, k.further...)
	if !k.initiator {
		send, receive = receive, send
	}
	c := &child{
		in: in, out: out,
		inbound:  m.limited(suite.sa(sdk.Inbound, in, receive)),
		outbound: m.limited(suite.sa(sdk.Outbound, out, send)),
	}
	m.showChild(c.inbound, c.outbound)
	return c, nil
}

// limited has sa carry twice as much at most as it may before it is replaced.
func (m *Machine) limited(sa sdk.SA) sdk.SA {
	sa.Bytes = sdk.Limit{Soft: m.c.ChildBytes, Hard: 2 * m.c.ChildBytes}
	sa.Packets = sdk.Limit{Soft: m.c.ChildPackets, Hard: 2 * m.c.ChildPackets}
	return sa
}

func (s espSuite) sa(d sdk.Direction, spi uint32, material []byte) sdk.SA {
	return sdk.SA{Direction: d, SPI: spi, Suite: s.name, Key: material[:s.key:s.key], AuthKey: material[s.key:], ESN: s.esn}
}
