package gate

import (
	"crypto/x509"
	"net/netip"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike1"
	"github.com/penstock-vpn/penstock/plugins/internal/ike1/keys"
)

// us is the gate's identity.
var us = ike1.ID{ID: ike.ID{Kind: ike.IDIPv4, Data: netip.MustParseAddr("192.0.2.1").AsSlice()}}

func (g *Gate) phase1(s *sa, msg *ike1.Message) (out [][]byte, taken bool) {
	body, next := msg.Body, []byte(nil)
	if msg.Encrypted != (s.iv != nil) || s.done {
		return nil, false
	}
	if msg.Encrypted {
		var err error
		if body, next, err = s.schedule.Open(s.iv, msg.Body); err != nil {
			return nil, false
		}
	}
	p, _, err := ike1.ParsePayloads(msg.First, body)
	if err != nil {
		if msg.Encrypted { // under another key
			return g.refuse(s, ike1.PayloadMalformed), false
		}
		return nil, false
	}
	s.iv = next
	s.stage++
	if s.kind == ike1.Aggressive {
		return g.aggressive(s, p), true
	}
	return g.main(s, p), true
}

func (g *Gate) refuse(s *sa, why ike1.NotifyType) [][]byte {
	return g.say(s, ike1.Informational, 1, nil, nil, ike1.Notify{Protocol: ike1.ProtocolIKE, Kind: why}.Payload())
}

func (g *Gate) main(s *sa, p []ike1.Payload) [][]byte {
	switch s.stage {
	case 1:
		chosen := g.choose(s, p)
		if chosen == nil {
			return g.refuse(s, ike1.NoProposalChosen)
		}
		return g.say(s, s.kind, 0, nil, nil, append([]ike1.Payload{*chosen}, g.vendors()...)...)
	case 2:
		answer := g.exchange(s, p)
		iv := s.iv
		s.iv = nil
		out := g.say(s, s.kind, 0, nil, nil, append(answer, g.nat(s)...)...)
		s.iv = iv
		return out
	}
	s.idi = ike1.Find(p, ike1.TypeID)
	if !g.believes(s, p) {
		return g.refuse(s, ike1.AuthenticationFailed)
	}
	id := us.Payload()
	out := g.say(s, s.kind, 0, &s.iv, nil, append([]ike1.Payload{id}, g.proof(s, id.Body)...)...)
	return append(out, g.established(s)...)
}

func (g *Gate) aggressive(s *sa, p []ike1.Payload) [][]byte {
	if s.stage == 1 {
		chosen := g.choose(s, p)
		if chosen == nil {
			return g.refuse(s, ike1.NoProposalChosen)
		}
		s.idi = ike1.Find(p, ike1.TypeID)
		id := us.Payload()
		all := append([]ike1.Payload{*chosen}, g.exchange(s, p)...)
		all = append(append(append(append(all, id), g.proof(s, id.Body)...), g.nat(s)...), g.vendors()...)
		iv := s.iv
		s.iv = nil
		g.waiting = g.say(s, s.kind, 0, nil, nil, all...)
		s.iv = iv
		return g.waiting
	}
	g.waiting = nil
	if !g.believes(s, p) {
		return g.refuse(s, ike1.AuthenticationFailed)
	}
	return g.established(s)
}

// choose takes the client's first offer.
func (g *Gate) choose(s *sa, p []ike1.Payload) *ike1.Payload {
	s.offer = ike1.Find(p, ike1.TypeSA)
	offers, err := ike1.ParseSA(s.offer)
	if err != nil || len(offers) == 0 || len(offers[0].Transforms) == 0 {
		return nil
	}
	t := offers[0].Transforms[0]
	get := func(kind uint16) uint16 { n, _ := t.Get(kind); return uint16(n) }
	if s.suite, err = keys.FindSuite(get(1), get(14), get(2), get(4)); err != nil || s.suite.Weak() != "" {
		return nil
	}
	offers[0].Transforms = offers[0].Transforms[:1]
	payload := ike1.SA(offers[:1])
	return &payload
}

// exchange answers the client's half of the key exchange and makes the keys.
func (g *Gate) exchange(s *sa, p []ike1.Payload) []ike1.Payload {
	s.theirs, s.ni, s.nr = ike1.Find(p, ike1.TypeKE), ike1.Find(p, ike1.TypeNonce), g.random(20)
	public, secret, err := s.suite.Group.Answer(randomOf{g}, s.theirs)
	if err != nil {
		panic(err)
	}
	s.public = public
	seed := s.suite.SignedSeed(secret, s.ni, s.nr)
	if g.Key != nil {
		seed = s.suite.SharedSeed(g.Key, s.ni, s.nr)
	}
	if s.schedule, err = s.suite.NewSchedule(seed, secret, s.peer, s.ours); err != nil {
		panic(err)
	}
	s.iv = s.suite.IV(s.schedule, s.theirs, s.public)
	return []ike1.Payload{{Type: ike1.TypeKE, Body: public}, {Type: ike1.TypeNonce, Body: s.nr}}
}

type randomOf struct{ g *Gate }

// Read implements io.Reader.
func (r randomOf) Read(b []byte) (int, error) { return copy(b, r.g.random(len(b))), nil }

// nat are hashes of nowhere: there is a NAT.
func (g *Gate) nat(s *sa) []ike1.Payload {
	kind := ike1.TypeNATD
	for _, v := range g.Vendors {
		if v == ike1.VendorNATDraft2 || v == ike1.VendorNATDraft3 {
			kind = ike1.TypeNATDOld
		}
	}
	return []ike1.Payload{{Type: kind, Body: g.random(s.suite.Hash.Size)}, {Type: kind, Body: g.random(s.suite.Hash.Size)}}
}

// believes checks the client's proof.
func (g *Gate) believes(s *sa, p []ike1.Payload) bool {
	want := s.suite.Proof(s.schedule.Seed, s.theirs, s.public, s.peer, s.ours, s.offer, s.idi)
	if chain := ike1.Chain(p); len(chain) > 0 {
		c, err := x509.ParseCertificate(chain[0])
		return err == nil && keys.Verify(c.PublicKey, want, ike1.Find(p, ike1.TypeSig)) == nil
	}
	return string(want) == string(ike1.Find(p, ike1.TypeHash))
}

// established goes on with XAUTH, or with settings.
func (g *Gate) established(s *sa) [][]byte {
	s.done, s.lastIV = true, s.iv
	g.Logins++
	if len(g.Rounds) > 0 {
		return g.ask(s)
	}
	return g.push(s)
}
