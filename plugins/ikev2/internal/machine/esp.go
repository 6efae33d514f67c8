package machine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike/keys"
)

// espSuite is what a pair of SAs uses.
type espSuite struct {
	name      string // in the words of the datapath, which are those of package keys
	key, auth int
	esn       bool
	group     *keys.Group // nil: no key exchange of its own
}

// chosenESP reads an accepted proposal.
func chosenESP(p ike.Proposal) (espSuite, error) {
	x, _ := p.Chosen(ike.Encryption)
	c, err := keys.FindCipher(x.ID, x.KeyBits)
	if err != nil {
		return espSuite{}, err
	}
	s := espSuite{name: c.Name, key: c.Key}
	if !c.AEAD() {
		x, _ := p.Chosen(ike.Integrity)
		i, err := keys.FindIntegrity(x.ID)
		if err != nil {
			return s, err
		}
		s.name, s.auth = s.name+"-"+i.Name, i.Key
	}
	if x, has := p.Chosen(ike.SequenceSizes); has {
		s.esn = x.ID == 1
	}
	if x, has := p.Chosen(ike.KeyExchange); has && x.ID != 0 {
		s.group, err = keys.FindGroup(x.ID)
	}
	return s, err
}

// ParseESP reads proposals as ParseIKE does: "aes256gcm16", "aes128-sha1-modp2048",
// "aes256gcm16-ecp256-ke1_mlkem768". Key exchanges are for rekeys: each has its own then.
func ParseESP(names []string) ([]ike.Proposal, error) {
	return parseAll(names, func(name string) (ike.Proposal, error) {
		p := newProposal(ike.ProtocolESP)
		for word := range strings.SplitSeq(name, "-") {
			if word == "3des" || !p.addCipher(word) && !p.addIntegrity(word) && !p.addGroup(word) && !p.addAdditional(word) {
				return p.Proposal, fmt.Errorf("%q in the proposal %q is unknown", word, name)
			}
		}
		p.addSequences()
		return p.Proposal, p.complete(name)
	})
}

// withoutGroups is the offer within IKE_AUTH, whose SAs have no key exchange of their own.
func withoutGroups(all []ike.Proposal) []ike.Proposal {
	out := make([]ike.Proposal, len(all))
	for i, p := range all {
		p.Transforms = slices.DeleteFunc(slices.Clone(p.Transforms), func(x ike.Transform) bool { return x.Type == ike.KeyExchange || isAdditional(x.Type) })
		out[i] = p
	}
	return out
}

// withSPI names the SPI in every proposal.
func withSPI(all []ike.Proposal, spi []byte) []ike.Proposal {
	out := slices.Clone(all)
	for i := range out {
		out[i].SPI = spi
	}
	return out
}
