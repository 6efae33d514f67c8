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
)

// Attributes of phase 1, RFC 2409 appendix A.
const (
	attrCipher   = 1
	attrHash     = 2
	attrMethod   = 3
	attrGroup    = 4
	attrLifeType = 11
	attrLife     = 12
	attrBits     = 14
)

// Ways to prove oneself, RFC 2409 and the drafts about XAUTH and hybrid authentication.
const (
	methodPSK      = 1
	methodRSA      = 3
	methodHybrid   = 64221
	methodXAuthPSK = 65001
	methodXAuthRSA = 65005
)

const (
	transformIKE = 1 // the one of phase 1
	lifeSeconds  = 1
)

// defaultIKE is what is offered, best first: as much as fits into a message that no one has
// to fragment.
var defaultIKE = []string{
	"aes256-sha256-modp2048", "aes256-sha256-ecp256", "aes256-sha384-ecp384", "aes256-sha512-ecp521",
	"aes256-sha256-modp3072", "aes256-sha256-modp4096", "aes256-sha512-modp4096", "aes256-sha384-modp3072", "aes256-sha512-modp8192", "aes256-sha512-modp6144",
	"aes256-sha384-modp2048", "aes256-sha512-modp2048", "aes128-sha256-modp2048", "aes128-sha256-ecp256", "aes128-sha256-modp3072", "aes128-sha256-modp4096",
	"aes256-sha1-modp2048", "aes128-sha1-modp2048", "aes256-sha1-modp3072", "aes256-sha1-modp4096", "aes128-sha1-modp3072", "aes256-sha1-ecp256", "aes128-sha1-ecp256",
}

// DefaultIKE offers what is not weak; in aggressive mode with one group, as its first
// message has a public value.
func DefaultIKE(aggressive bool) []v1.Suite {
	all, err := ParseIKE(defaultIKE)
	if err != nil {
		panic(err)
	}
	if aggressive {
		all = slices.DeleteFunc(all, func(s v1.Suite) bool { return s.Group != all[0].Group })
	}
	return all
}

// ParseIKE reads a list of proposals in strongSwan's notation: "aes256-sha256-modp2048".
// What is weak is offered when it is named here.
func ParseIKE(names []string) (all []v1.Suite, err error) {
	for _, name := range names {
		var s v1.Suite
		for word := range strings.SplitSeq(strings.ToLower(name), "-") {
			if !addWord(&s, word) {
				return nil, fmt.Errorf("%q in the proposal %q is unknown, or one too many", word, name)
			}
		}
		if s.Cipher == nil || s.Hash == nil || s.Group == nil {
			return nil, fmt.Errorf("the proposal %q needs a cipher, a hash and a group, as in aes256-sha256-modp2048", name)
		}
		all = append(all, s)
	}
	return all, nil
}

func addWord(s *v1.Suite, word string) bool {
	for _, c := range v1.Ciphers {
		if c.Name == word && s.Cipher == nil {
			s.Cipher = c
			return true
		}
	}
	for _, h := range v1.Hashes {
		if h.Name == word && s.Hash == nil {
			s.Hash = h
			return true
		}
	}
	g, err := ParseGroup(word)
	if err == nil && s.Group == nil {
		s.Group = g
		return true
	}
	return false
}

// firstOfIKEv2 is the first group that IKEv1 has no number for.
const firstOfIKEv2 = 22

// ParseGroup finds a group of IKEv1 by name.
func ParseGroup(name string) (*keys.Group, error) {
	for _, g := range keys.Groups {
		if g.Name == name && g.ID < firstOfIKEv2 {
			return g, nil
		}
	}
	return nil, fmt.Errorf("the group %q is unknown", name)
}

// method is how both sides prove themselves.
func (c Config) method() uint16 {
	_, isKey := c.Auth.(SharedKey)
	_, isHybrid := c.Auth.(Hybrid)
	switch {
	case isHybrid:
		return methodHybrid
	case isKey && c.XAuth:
		return methodXAuthPSK
	case isKey:
		return methodPSK
	case c.XAuth:
		return methodXAuthRSA
	}
	return methodRSA
}

// lifetime are the attributes of one, in seconds.
func lifetime(kind, value uint16, d time.Duration) []ike1.Attribute {
	n := uint32(d / time.Second)
	if n < 1<<16 {
		return []ike1.Attribute{ike1.Basic(kind, lifeSeconds), ike1.Basic(value, uint16(n))}
	}
	return []ike1.Attribute{ike1.Basic(kind, lifeSeconds), {Type: value, Value: binary.BigEndian.AppendUint32(nil, n)}}
}

// offerIKE is the SA payload of phase 1.
func (c Config) offerIKE() ike1.Payload {
	p := ike1.Proposal{Number: 1, Protocol: ike1.ProtocolIKE}
	for i, s := range c.IKE {
		t := ike1.Transform{Number: uint8(i + 1), ID: transformIKE, Attributes: []ike1.Attribute{ike1.Basic(attrCipher, s.Cipher.ID)}}
		if s.Cipher.Bits != 0 {
			t.Attributes = append(t.Attributes, ike1.Basic(attrBits, s.Cipher.Bits))
		}
		t.Attributes = append(t.Attributes, ike1.Basic(attrHash, s.Hash.ID), ike1.Basic(attrGroup, s.Group.ID), ike1.Basic(attrMethod, c.method()))
		t.Attributes = append(t.Attributes, lifetime(attrLifeType, attrLife, c.IKELife)...)
		p.Transforms = append(p.Transforms, t)
	}
	return ike1.SA([]ike1.Proposal{p})
}

// chosenIKE reads the gateway's choice, which must be one of what was offered.
func (c Config) chosenIKE(body []byte) (s v1.Suite, life time.Duration, err error) {
	t, _, err := single(body, ike1.ProtocolIKE)
	if err != nil {
		return s, 0, err
	}
	get := func(kind uint16) uint16 { n, _ := t.Get(kind); return uint16(n) }
	if s, err = v1.FindSuite(get(attrCipher), get(attrBits), get(attrHash), get(attrGroup)); err != nil {
		return s, 0, err
	}
	if !slices.Contains(c.IKE, s) || get(attrMethod) != c.method() {
		return s, 0, fmt.Errorf("the gateway chose %v with the login %d, which was not offered", s, get(attrMethod))
	}
	return s, lifeOf(t.Attributes, attrLifeType, attrLife, c.IKELife), nil
}

// single is the one transform of a choice, and the SPI of who chose.
func single(body []byte, p ike1.Protocol) (t ike1.Transform, spi []byte, err error) {
	all, err := ike1.ParseSA(body)
	if err != nil {
		return t, nil, err
	}
	if len(all) != 1 || len(all[0].Transforms) != 1 || all[0].Protocol != p {
		return t, nil, fmt.Errorf("the gateway did not choose one set of algorithms")
	}
	return all[0].Transforms[0], all[0].SPI, nil
}

// lifeOf is the time among attributes, if it is shorter than most.
func lifeOf(all []ike1.Attribute, kind, value uint16, most time.Duration) time.Duration {
	seconds := false
	for _, a := range all {
		n, isNumber := a.Number()
		switch {
		case a.Type == kind:
			seconds = isNumber && n == lifeSeconds
		case a.Type == value && seconds && isNumber && n > 0:
			most = min(most, time.Duration(n)*time.Second)
		}
	}
	return most
}
