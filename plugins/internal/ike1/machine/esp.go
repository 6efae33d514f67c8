package machine

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ike/keys"
	"github.com/penstock-vpn/penstock/plugins/internal/ike1"
	v1 "github.com/penstock-vpn/penstock/plugins/internal/ike1/keys"
	"github.com/penstock-vpn/penstock/sdk"
)

// ESPSuite is what a pair of SAs uses.
type ESPSuite struct {
	Name      string // in the words of the datapath
	cipher    uint8
	bits      uint16
	auth      uint16    // 0: the cipher authenticates too
	key, hmac int       // bytes
	life      sdk.Limit // in bytes, of each SA
	weak      string    // which part of it is; "": none
}

// Weak says which part of it is weak; "": none is.
func (s ESPSuite) Weak() string { return s.weak }

// Attributes of ESP, RFC 2407 section 4.5.
const (
	espLifeType = 1
	espLife     = 2
	espGroup    = 3
	espMode     = 4
	espAuth     = 5
	espBits     = 6
)

// Modes of ESP in UDP, by who says how NAT is found: RFC 3947, and the drafts before.
const (
	modeTunnel       = 3
	modeTransport    = 4
	modeTunnelOld    = 61443
	modeTransportOld = 61444
)

// espCiphers have numbers of their own in ESP; those of the key exchange have others.
var espCiphers = []ESPSuite{
	{Name: "aes256gcm16", cipher: 20, bits: 256, key: 36}, {Name: "aes192gcm16", cipher: 20, bits: 192, key: 28},
	{Name: "aes128gcm16", cipher: 20, bits: 128, key: 20}, {Name: "aes256", cipher: 12, bits: 256, key: 32},
	{Name: "aes192", cipher: 12, bits: 192, key: 24}, {Name: "aes128", cipher: 12, bits: 128, key: 16},
	{Name: "3des", cipher: 3, key: 24, life: shortLife, weak: "3des"},
}

// shortLife is that of keys for blocks of 64 bits: of so many, two are hardly ever the same,
// which would tell something of what is in them.
var shortLife = sdk.Limit{Soft: 256 << 20, Hard: 1 << 30}

var defaultESP = []string{"aes256gcm16", "aes128gcm16", "aes256-sha256", "aes128-sha256", "aes256-sha384", "aes256-sha512", "aes256-sha1", "aes128-sha1"}

// DefaultESP offers what is not weak.
func DefaultESP() []ESPSuite {
	all, err := ParseESP(defaultESP)
	if err != nil {
		panic(err)
	}
	return all
}

// ParseESP reads proposals: "aes256gcm16", "aes128-sha1".
func ParseESP(names []string) (all []ESPSuite, err error) {
	for _, name := range names {
		s, err := parseESP(strings.ToLower(name))
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

func parseESP(name string) (s ESPSuite, err error) {
	cipher, hash, hasHash := strings.Cut(name, "-")
	if cipher == "des" {
		return s, fmt.Errorf("the cipher in the proposal %q is one whose key is found in a day, and is not supported. 3des is the weakest that is", name)
	}
	for _, c := range espCiphers {
		if c.Name == cipher {
			s = c
		}
	}
	if s.Name == "" {
		return s, fmt.Errorf("the cipher in the proposal %q is unknown", name)
	}
	if combined := strings.Contains(cipher, "gcm"); combined == hasHash {
		return s, fmt.Errorf("the proposal %q needs a hash with CBC, and none with GCM", name)
	}
	s.Name = name
	for _, h := range v1.Hashes {
		if h.Name == hash {
			s.auth, s.hmac = h.Auth, h.Size
			if h.Weak && s.weak == "" {
				s.weak = h.Name
			}
		}
	}
	if hasHash && s.auth == 0 {
		return s, fmt.Errorf("the hash in the proposal %q is unknown", name)
	}
	return s, nil
}

func (s ESPSuite) attributes(mode uint16, group *keys.Group, life time.Duration) []ike1.Attribute {
	all := append([]ike1.Attribute{ike1.Basic(espMode, mode)}, lifetime(espLifeType, espLife, life)...)
	if s.bits != 0 {
		all = append(all, ike1.Basic(espBits, s.bits))
	}
	if s.auth != 0 {
		all = append(all, ike1.Basic(espAuth, s.auth))
	}
	if group != nil {
		all = append(all, ike1.Basic(espGroup, group.ID))
	}
	return all
}

// is says whether a transform is that suite; its lifetimes may be any.
func (s ESPSuite) is(t ike1.Transform, mode uint16, group *keys.Group) bool {
	want := map[uint16]uint32{espMode: uint32(mode), espBits: uint32(s.bits), espAuth: uint32(s.auth), espGroup: 0}
	if group != nil {
		want[espGroup] = uint32(group.ID)
	}
	for kind, n := range want {
		if got, _ := t.Get(kind); got != n {
			return false
		}
	}
	return t.ID == s.cipher
}

// offerESP is the SA payload of quick mode.
func (c Config) offerESP(spi uint32, mode uint16, group *keys.Group) ike1.Payload {
	p := ike1.Proposal{Number: 1, Protocol: ike1.ProtocolESP, SPI: binary.BigEndian.AppendUint32(nil, spi)}
	for i, s := range c.ESP {
		p.Transforms = append(p.Transforms, ike1.Transform{Number: uint8(i + 1), ID: s.cipher, Attributes: s.attributes(mode, group, c.ChildLife)})
	}
	return ike1.SA([]ike1.Proposal{p})
}

// chosenESP reads the gateway's choice.
func (c Config) chosenESP(body []byte, mode uint16, group *keys.Group) (s ESPSuite, spi uint32, life time.Duration, err error) {
	t, name, err := single(body, ike1.ProtocolESP)
	if err != nil {
		return s, 0, 0, err
	}
	if spi, err = readSPI(name); err != nil {
		return s, 0, 0, err
	}
	for _, s := range c.ESP {
		if s.is(t, mode, group) {
			return s, spi, lifeOf(t.Attributes, espLifeType, espLife, c.ChildLife), nil
		}
	}
	return s, 0, 0, fmt.Errorf("the gateway chose the cipher %d for ESP in a way that was not offered", t.ID)
}

// leastSPI is the first that is not reserved.
const leastSPI = 256

func readSPI(b []byte) (uint32, error) {
	if len(b) != 4 || binary.BigEndian.Uint32(b) < leastSPI {
		return 0, fmt.Errorf("the gateway's SPI %x is none", b)
	}
	return binary.BigEndian.Uint32(b), nil
}

// pick takes the first of ours that the gateway offers, with a key exchange if it made one.
func (c Config) pick(body []byte, mode uint16, exchange bool) (s ESPSuite, answer ike1.Proposal, spi uint32, group *keys.Group, err error) {
	all, err := ike1.ParseSA(body)
	if err != nil {
		return s, answer, 0, nil, err
	}
	for _, s := range c.ESP {
		for _, p := range all {
			for _, t := range p.Transforms {
				g := c.groupOf(t)
				if p.Protocol != ike1.ProtocolESP || (g != nil) != exchange || !s.is(t, mode, g) {
					continue
				}
				spi, err := readSPI(p.SPI)
				return s, ike1.Proposal{Number: p.Number, Protocol: p.Protocol, Transforms: []ike1.Transform{t}}, spi, g, err
			}
		}
	}
	return s, answer, 0, nil, fmt.Errorf("the gateway offers nothing that is wanted")
}

// groupOf is the group of an offer, if we may use it; weak ones only when they were named.
func (c Config) groupOf(t ike1.Transform) *keys.Group {
	id, _ := t.Get(espGroup)
	g, err := keys.FindGroup(uint16(id))
	named := func(s v1.Suite) bool { return s.Group == g }
	if err != nil || g.Weak && g != c.PFS && !slices.ContainsFunc(c.IKE, named) {
		return nil
	}
	return g
}
