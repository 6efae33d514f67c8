package ikegate

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
)

// grant makes the tunnel: AES-256 with SHA-256, as gateways of some age like it.
func (g *Gate) grant() ([]ike.Payload, error) {
	var offer *ike.SA
	for _, p := range g.wish {
		if sa, isSA := p.(*ike.SA); isSA {
			offer = sa
		}
	}
	if offer == nil {
		return nil, errors.New("the client wants no SA")
	}
	choice, err := choose(offer, ike.Transform{Type: ike.Encryption, ID: 12, KeyBits: 256}, ike.Transform{Type: ike.Integrity, ID: 12}, ike.Transform{Type: ike.SequenceSizes})
	if err != nil {
		return nil, err
	}
	out := binary.BigEndian.Uint32(choice.SPI)
	choice.SPI = make([]byte, 4)
	_, _ = rand.Read(choice.SPI) // never fails
	choice.SPI[0] |= 1           // not one of the reserved ones
	fromClient, fromUs := g.schedule.ChildKeys(g.suite.PRF, 64, nil, g.ni, g.nr)
	const suite, key = "aes256-sha256", 32
	g.esp, err = plugintest.NewESP(
		sdk.SA{Direction: sdk.Inbound, SPI: binary.BigEndian.Uint32(choice.SPI), Suite: suite, Key: fromClient[:key], AuthKey: fromClient[key:]},
		sdk.SA{Direction: sdk.Outbound, SPI: out, Suite: suite, Key: fromUs[:key], AuthKey: fromUs[key:]})
	if err != nil {
		return nil, err
	}
	all := ike.Everything()[:1]
	return []ike.Payload{g.settings(), &ike.SA{Proposals: []ike.Proposal{choice}}, &ike.TS{Selectors: all}, &ike.TS{Responder: true, Selectors: all}}, nil
}

// settings are in Cisco's terms.
func (g *Gate) settings() *ike.Config {
	c := &ike.Config{Kind: ike.ConfigReply, Attributes: []ike.Attribute{
		{Kind: ike.InternalIP4Address, Value: g.Address.AsSlice()},
		{Kind: ike.InternalIP4Netmask, Value: []byte{255, 255, 255, 0}},
		{Kind: ike.UnityBanner, Value: []byte(g.Banner)},
		{Kind: ike.UnityDefaultDomain, Value: []byte(g.Domain)},
		{Kind: ike.UnitySplitDNS, Value: []byte(g.Domain)},
	}}
	if g.DNS.IsValid() {
		c.Attributes = append(c.Attributes, ike.Attribute{Kind: ike.InternalIP4DNS, Value: g.DNS.AsSlice()})
	}
	var include []byte
	for _, r := range g.Routes {
		include = append(append(include, r.Addr().AsSlice()...), net.CIDRMask(r.Bits(), 32)...)
		include = append(include, 0, 0, 0, 0, 0, 0)
	}
	if include != nil {
		c.Attributes = append(c.Attributes, ike.Attribute{Kind: ike.UnitySplitInclude, Value: include})
	}
	return c
}
