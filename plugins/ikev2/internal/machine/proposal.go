package machine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike/keys"
)

// DefaultIKE offers all that is not weak, first of all with ML-KEM as a further key
// exchange. That is a proposal of its own, which gateways pass over that do not know it.
func DefaultIKE() []ike.Proposal {
	all := classicalIKE()
	hybrid := newProposal(ike.ProtocolIKE)
	hybrid.Transforms = slices.Clone(all[0].Transforms)
	for _, g := range keys.KEMs {
		hybrid.add(ike.AdditionalKE1, g.ID, 0)
	}
	return numbered(append([]ike.Proposal{hybrid.Proposal}, all...)...)
}

func classicalIKE() []ike.Proposal {
	combined, chained := strong(ike.ProtocolIKE)
	for _, p := range []*proposal{&combined, &chained} {
		for _, f := range keys.PRFs {
			if !f.Weak {
				p.add(ike.PRF, f.ID, 0)
			}
		}
		for _, g := range keys.Groups {
			if !g.Weak {
				p.add(ike.KeyExchange, g.ID, 0)
			}
		}
	}
	return numbered(combined.Proposal, chained.Proposal)
}

// DefaultESP offers all that the datapath can do and is not weak.
func DefaultESP() []ike.Proposal {
	combined, chained := strong(ike.ProtocolESP)
	combined.addSequences()
	chained.addSequences()
	return numbered(combined.Proposal, chained.Proposal)
}

// strong are the ciphers that authenticate too, and those that go with what does.
func strong(of ike.Protocol) (combined, chained proposal) {
	combined, chained = newProposal(of), newProposal(of)
	for _, c := range keys.Ciphers {
		switch {
		case c.Weak:
		case c.AEAD():
			combined.add(ike.Encryption, c.ID, c.Bits)
		default:
			chained.add(ike.Encryption, c.ID, c.Bits)
		}
	}
	for _, i := range keys.Integrities {
		if !i.Weak {
			chained.add(ike.Integrity, i.ID, 0)
		}
	}
	return combined, chained
}

type proposal struct{ ike.Proposal }

func newProposal(p ike.Protocol) proposal { return proposal{ike.Proposal{Protocol: p}} }

func (p *proposal) add(t ike.TransformType, id, bits uint16) {
	x := ike.Transform{Type: t, ID: id, KeyBits: bits}
	if !p.Has(x) {
		p.Transforms = append(p.Transforms, x)
	}
}

// addSequences offers extended sequence numbers, and plain ones.
func (p *proposal) addSequences() {
	p.add(ike.SequenceSizes, 1, 0)
	p.add(ike.SequenceSizes, 0, 0)
}

func numbered(all ...ike.Proposal) []ike.Proposal {
	for i := range all {
		all[i].Number = uint8(i + 1)
	}
	return all
}

// ParseIKE reads a list of proposals in strongSwan's notation: "aes256-sha256-modp2048",
// "aes256gcm16-prfsha384-ecp384". What is weak is offered when it is named here.
func ParseIKE(names []string) ([]ike.Proposal, error) {
	return parseAll(names, func(name string) (ike.Proposal, error) {
		p := newProposal(ike.ProtocolIKE)
		for word := range strings.SplitSeq(name, "-") {
			if !p.addIKE(word) {
				return p.Proposal, fmt.Errorf("%q in the proposal %q is unknown", word, name)
			}
		}
		return p.Proposal, p.completeIKE(name)
	})
}

func (p *proposal) addIKE(word string) bool {
	if p.addCipher(word) || p.addIntegrity(word) || p.addGroup(word) || p.addAdditional(word) {
		return true
	}
	for _, f := range keys.PRFs {
		if "prf"+f.Name == word {
			p.add(ike.PRF, f.ID, 0)
			return true
		}
	}
	return false
}

func (p *proposal) addCipher(word string) bool {
	for _, c := range keys.Ciphers {
		if c.Name == word {
			p.add(ike.Encryption, c.ID, c.Bits)
			return true
		}
	}
	return false
}

func (p *proposal) addIntegrity(word string) bool {
	for _, i := range keys.Integrities {
		if i.Name == word {
			p.add(ike.Integrity, i.ID, 0)
			return true
		}
	}
	return false
}

func (p *proposal) addGroup(word string) bool {
	for _, g := range keys.Groups {
		if g.Name == word {
			p.add(ike.KeyExchange, g.ID, 0)
			return true
		}
	}
	return false
}

// addAdditional reads "ke1_mlkem768": the first further key exchange.
func (p *proposal) addAdditional(word string) bool {
	place, name, _ := strings.Cut(word, "_")
	if len(place) != 3 || place[:2] != "ke" || place[2] < '1' || place[2] > '7' {
		return false
	}
	t := ike.AdditionalKE1 + ike.TransformType(place[2]-'1')
	for _, g := range slices.Concat(keys.KEMs, keys.Groups) {
		if g.Name == name {
			p.add(t, g.ID, 0)
			return true
		}
	}
	return false
}

func (p *proposal) count(t ike.TransformType) (n int) {
	for _, x := range p.Transforms {
		if x.Type == t {
			n++
		}
	}
	return n
}

// completeIKE adds the pseudo-random functions that go with the integrity algorithms
// where none is named, and says what lacks.
func (p *proposal) completeIKE(name string) error {
	if p.count(ike.PRF) == 0 {
		for _, i := range keys.Integrities {
			for _, f := range keys.PRFs {
				if i.Name == f.Name && p.Has(ike.Transform{Type: ike.Integrity, ID: i.ID}) {
					p.add(ike.PRF, f.ID, 0)
				}
			}
		}
	}
	for t, what := range map[ike.TransformType]string{ike.PRF: "pseudo-random function or integrity algorithm", ike.KeyExchange: "group"} {
		if p.count(t) == 0 {
			return fmt.Errorf("the proposal %q has no %s", name, what)
		}
	}
	return p.complete(name)
}

// complete says what lacks, of IKE and ESP alike.
func (p *proposal) complete(name string) error {
	combined, chained := 0, 0
	for _, x := range p.Transforms {
		if c, err := keys.FindCipher(x.ID, x.KeyBits); x.Type == ike.Encryption && err == nil && c.AEAD() {
			combined++
		} else if x.Type == ike.Encryption {
			chained++
		}
	}
	if (combined > 0) == (chained > 0) || (chained > 0) != (p.count(ike.Integrity) > 0) {
		return fmt.Errorf("the proposal %q needs a cipher, with CBC an integrity algorithm, and none with GCM or ChaCha20-Poly1305", name)
	}
	return nil
}

func parseAll(names []string, parse func(string) (ike.Proposal, error)) ([]ike.Proposal, error) {
	var all []ike.Proposal
	for _, name := range names {
		p, err := parse(strings.ToLower(strings.TrimSpace(name)))
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return numbered(all...), nil
}

// accepted says why a gateway's choice is none of what was offered, or nil. A gateway
// that leaves out the further key exchanges of a proposal, in place of passing it over, has
// in truth chosen one without them.
func accepted(offered []ike.Proposal, chosen ike.Proposal) error {
	err := fmt.Errorf("the gateway chose the proposal %d, which was not made", chosen.Number)
	lenient := false
	for _, o := range offered {
		if o.Protocol != chosen.Protocol || o.Number != chosen.Number && !lenient {
			continue
		}
		why := fits(o, chosen)
		if why == nil {
			return nil
		}
		if o.Number == chosen.Number {
			err, lenient = why, additional([]ike.Proposal{o})
		}
	}
	return err
}

// fits says why a choice is none of what a proposal offers, or nil.
func fits(o, chosen ike.Proposal) error {
	for _, x := range chosen.Transforms {
		if _, single := chosen.Chosen(x.Type); !single || !o.Has(x) {
			return fmt.Errorf("the gateway chose an algorithm that was not offered (type %d, %d with %d bits)", x.Type, x.ID, x.KeyBits)
		}
	}
	for _, x := range o.Transforms {
		if _, has := chosen.Chosen(x.Type); !has && !optional(o, x.Type) {
			return fmt.Errorf("the gateway chose no algorithm of type %d", x.Type)
		}
	}
	return nil
}

// choose answers a gateway's offer with the first of ours that it has; nil: none fits.
func choose(ours, theirs []ike.Proposal) *ike.Proposal {
	for _, our := range ours {
		for _, their := range theirs {
			if our.Protocol != their.Protocol {
				continue
			}
			if p := overlap(our, their); p != nil {
				return p
			}
		}
	}
	return nil
}

// overlap takes of each type the first that both have. All types that either has must
// be agreed on, but for those that are optional there.
func overlap(our, their ike.Proposal) *ike.Proposal {
	p := ike.Proposal{Number: their.Number, Protocol: their.Protocol}
	agreed, lacking := map[ike.TransformType]bool{}, map[ike.TransformType]bool{}
	for _, x := range our.Transforms {
		if !agreed[x.Type] && their.Has(x) {
			agreed[x.Type] = true
			p.Transforms = append(p.Transforms, x)
		}
	}
	for _, side := range []ike.Proposal{our, their} {
		for _, x := range side.Transforms {
			lacking[x.Type] = lacking[x.Type] || !agreed[x.Type] && !optional(side, x.Type)
		}
	}
	for _, lacks := range lacking {
		if lacks {
			return nil
		}
	}
	return &p
}

// optional says whether p does without an algorithm of that type: for key exchanges
// and extended sequence numbers, 0 is none.
func optional(p ike.Proposal, t ike.TransformType) bool {
	return (t == ike.KeyExchange || t == ike.SequenceSizes || isAdditional(t)) && p.Has(ike.Transform{Type: t})
}
