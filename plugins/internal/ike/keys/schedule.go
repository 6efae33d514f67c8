package keys

import (
	"fmt"
	"io"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
)

// Suite is what an IKE SA was negotiated to use.
type Suite struct {
	Cipher    *Cipher
	Integrity *Integrity // nil with an AEAD
	PRF       *PRF
	Group     *Group
	// Additional are further key exchanges (RFC 9370), in their order.
	Additional []*Group
}

// ChosenSuite reads the responder's choice.
func ChosenSuite(p ike.Proposal) (s Suite, err error) {
	find := func(t ike.TransformType) ike.Transform {
		x, found := p.Chosen(t)
		if err == nil && (!found || x.Strange) {
			err = fmt.Errorf("no single algorithm of transform type %d was chosen", t)
		}
		return x
	}
	cipher, prf, group := find(ike.Encryption), find(ike.PRF), find(ike.KeyExchange)
	if err != nil {
		return s, err
	}
	if s.Cipher, err = FindCipher(cipher.ID, cipher.KeyBits); err != nil {
		return s, err
	}
	if s.PRF, err = FindPRF(prf.ID); err != nil {
		return s, err
	}
	if s.Group, err = FindGroup(group.ID); err != nil {
		return s, err
	}
	if s.Additional, err = Additional(p); err != nil || s.Cipher.AEAD() {
		return s, err
	}
	integrity := find(ike.Integrity)
	if err == nil {
		s.Integrity, err = FindIntegrity(integrity.ID)
	}
	return s, err
}

// Proposal is the choice that s was read from.
func (s Suite) Proposal() ike.Proposal {
	p := ike.Proposal{Protocol: ike.ProtocolIKE, Transforms: []ike.Transform{{Type: ike.Encryption, ID: s.Cipher.ID, KeyBits: s.Cipher.Bits},
		{Type: ike.PRF, ID: s.PRF.ID}, {Type: ike.KeyExchange, ID: s.Group.ID}}}
	if s.Integrity != nil {
		p.Transforms = append(p.Transforms, ike.Transform{Type: ike.Integrity, ID: s.Integrity.ID})
	}
	for i, g := range s.Additional {
		p.Transforms = append(p.Transforms, ike.Transform{Type: ike.AdditionalKE1 + ike.TransformType(i), ID: g.ID})
	}
	return p
}

// Additional are the further key exchanges of a choice; 0 is none.
func Additional(p ike.Proposal) (all []*Group, err error) {
	for t := ike.AdditionalKE1; t <= ike.AdditionalKE7; t++ {
		x, chosen := p.Chosen(t)
		if !chosen || x.ID == 0 {
			continue
		}
		g, err := FindAdditional(x.ID)
		if err != nil {
			return nil, err
		}
		all = append(all, g)
	}
	return all, nil
}

// String is the suite in the notation of proposals.
func (s Suite) String() string {
	text := s.Cipher.Name
	if s.Integrity != nil {
		text += "-" + s.Integrity.Name
	}
	text += "-prf" + s.PRF.Name + "-" + s.Group.Name
	for i, g := range s.Additional {
		text += fmt.Sprintf("-ke%d_%s", i+1, g.Name)
	}
	return text
}

// Schedule is what the keys of an IKE SA are made of, in both directions.
type Schedule struct {
	Derive     []byte // SK_d
	PI, PR     []byte // SK_pi, SK_pr: for AUTH
	integrityI []byte
	integrityR []byte
	encryptI   []byte
	encryptR   []byte
}

// NewSchedule computes the keys of a fresh IKE SA, RFC 7296 section 2.14.
func (s Suite) NewSchedule(secret, ni, nr []byte, i, r ike.SPI) Schedule {
	return s.schedule(s.PRF.Sum(append(append([]byte(nil), ni...), nr...), secret), ni, nr, i, r)
}

// Successor computes the keys of an IKE SA that takes the place of one with the
// schedule old and its PRF, section 2.18: further are the secrets of key exchanges that
// followed (RFC 9370 section 2.2.4).
func (s Suite) Successor(old Schedule, prf *PRF, secret, ni, nr []byte, i, r ike.SPI, further ...[]byte) Schedule {
	return s.schedule(prf.Sum(old.Derive, append([][]byte{secret, ni, nr}, further...)...), ni, nr, i, r)
}

// Strengthened are the keys of the same IKE SA after another key exchange, RFC 9370
// section 2.2.2.
func (s Suite) Strengthened(k Schedule, secret, ni, nr []byte, i, r ike.SPI) Schedule {
	return s.Successor(k, s.PRF, secret, ni, nr, i, r)
}

// Resumed are the keys of an IKE SA that goes on from a ticket, whose SK_d was derive
// (RFC 5723 section 5.1).
func (s Suite) Resumed(derive, ni, nr []byte, i, r ike.SPI) Schedule {
	return s.schedule(s.PRF.Sum(derive, []byte("Resumption"), ni, nr), ni, nr, i, r)
}

func (s Suite) schedule(seed, ni, nr []byte, i, r ike.SPI) Schedule {
	integrity := 0
	if s.Integrity != nil {
		integrity = s.Integrity.Key
	}
	sizes := []int{s.PRF.Size, integrity, integrity, s.Cipher.Key, s.Cipher.Key, s.PRF.Size, s.PRF.Size}
	total := 0
	for _, n := range sizes {
		total += n
	}
	material := s.PRF.Expand(seed, total, ni, nr, i[:], r[:])
	var k Schedule
	for i, to := range []*[]byte{&k.Derive, &k.integrityI, &k.integrityR, &k.encryptI, &k.encryptR, &k.PI, &k.PR} {
		*to, material = material[:sizes[i]:sizes[i]], material[sizes[i]:]
	}
	return k
}

// ChildKeys are the keys of a pair of SAs of ESP, section 2.17: n bytes for each
// direction, the initiator's outbound one first. secret is of a key exchange of its
// own; nil: there was none. further are those of key exchanges that followed (RFC 9370
// section 2.2.4).
func (k Schedule) ChildKeys(prf *PRF, n int, secret, ni, nr []byte, further ...[]byte) (fromInitiator, fromResponder []byte) {
	material := prf.Expand(k.Derive, 2*n, append([][]byte{secret, ni, nr}, further...)...)
	return material[:n:n], material[n:]
}

// Protect makes what seals our messages and opens the other side's. initiator says
// which of both we are.
func (s Suite) Protect(k Schedule, initiator bool, random io.Reader) (*Protection, error) {
	i, err := s.Cipher.sealer(s.Integrity, k.encryptI, k.integrityI, random)
	if err != nil {
		return nil, err
	}
	r, err := s.Cipher.sealer(s.Integrity, k.encryptR, k.integrityR, random)
	if err != nil {
		return nil, err
	}
	if initiator {
		return &Protection{i, r}, nil
	}
	return &Protection{r, i}, nil
}
