package machine

import (
	"bytes"
	"crypto/rand"
	"slices"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike/keys"
)

// renewed is a new SA at a gate.
type renewed struct {
	choice  ike.Proposal
	secrets []byte // SK(0) | Ni | Nr | SK(1) ...
	ni, nr  []byte
	left    []*keys.Group
	link    byte
	forgets int             // how often the gate says that it knows of nothing
	refuses ike.NotifyType  // in place of an answer; 0: it does not
	weaker  []ike.Transform // what it chooses in place of all
	ours    []byte
}

// create answers CREATE_CHILD_SA.
func (g *gate) create(payloads []ike.Payload) []ike.Payload {
	r := &g.renewal
	if r.refuses != 0 {
		return refuse(r.refuses)
	}
	offer, ke := first[*ike.SA](payloads).Proposals, first[*ike.KE](payloads)
	want := []ike.Transform{gcm, prf256, x25519, mlkem}
	if r.ours = []byte{0x52, 0, 0, 0, 0, 0, 0, 2}; offer[0].Protocol == ike.ProtocolESP {
		want, r.ours = []ike.Transform{{Type: ike.Encryption, ID: 20, KeyBits: 128}, {Type: ike.SequenceSizes}, x25519, mlkem}, []byte{0, 0, 0x56, 0x78}
	}
	if r.weaker != nil {
		want = r.weaker
	}
	i := slices.IndexFunc(offer, func(p ike.Proposal) bool {
		return !slices.ContainsFunc(want, func(x ike.Transform) bool { return !p.Has(x) })
	})
	if i < 0 {
		return refuse(ike.NoProposalChosen)
	}
	for n, p := range offer {
		if int(p.Number) != n+1 {
			g.t.Errorf("proposal %d has the number %d", n+1, p.Number)
		}
	}
	r.choice = ike.Proposal{Number: offer[i].Number, Protocol: offer[i].Protocol, SPI: r.ours, Transforms: want}
	var err error
	if r.left, err = keys.Additional(r.choice); err != nil {
		g.t.Fatal(err)
	}
	group, err := keys.FindGroup(ke.Group)
	if err != nil {
		g.t.Fatal(err)
	}
	public, secret, err := group.Answer(rand.Reader, ke.Data)
	if err != nil {
		g.t.Fatal(err)
	}
	r.ni, r.nr, r.link = bytes.Clone(first[ike.Nonce](payloads)), bytes.Repeat([]byte{9}, 32), 1
	r.secrets = slices.Concat(secret, r.ni, r.nr)
	answer := []ike.Payload{&ike.SA{Proposals: []ike.Proposal{r.choice}}, ike.Nonce(r.nr), &ike.KE{Group: ke.Group, Data: public}}
	if offer[0].Protocol == ike.ProtocolESP {
		answer = append(answer, &ike.TS{Selectors: ike.Everything()[:1]}, &ike.TS{Responder: true, Selectors: ike.Everything()[:1]})
	}
	return append(answer, r.more()...)
}

// more names the link to what is left.
func (r *renewed) more() []ike.Payload {
	if len(r.left) == 0 {
		return nil
	}
	return []ike.Payload{&ike.Notify{Kind: ike.AdditionalKeyExchange, Data: []byte{0xab, r.link}}}
}

// followUp answers IKE_FOLLOWUP_KE.
func (g *gate) followUp(payloads []ike.Payload) []ike.Payload {
	r, ke, n := &g.renewal, first[*ike.KE](payloads), notification(payloads, ike.AdditionalKeyExchange)
	if r.forgets > 0 {
		r.forgets--
		return refuse(ike.StateNotFound)
	}
	if len(r.left) == 0 || ke == nil || ke.Group != r.left[0].ID || n == nil || !bytes.Equal(n.Data, []byte{0xab, r.link}) {
		g.t.Fatalf("a key exchange of %+v by %+v, left are %d", ke, n, len(r.left))
	}
	public, secret, err := r.left[0].Answer(rand.Reader, ke.Data)
	if err != nil {
		g.t.Fatal(err)
	}
	r.left, r.link, r.secrets = r.left[1:], r.link+1, append(r.secrets, secret...)
	return append([]ike.Payload{&ike.KE{Group: ke.Group, Data: public}}, r.more()...)
}

// atFollowUps is up with a gate that can do ML-KEM.
func atFollowUps(t *testing.T, names ...string) (*Machine, *gate) {
	t.Helper()
	c, g := atGate(), newGate(t, gcm, prf256, x25519, mlkem)
	g.fragments = true
	var err error
	if c.ESP, err = ParseESP(names); err != nil {
		t.Fatal(err)
	}
	m := New(c)
	if effectOf[Up](talk(m, g, m.Begin(start))) == nil {
		t.Fatal("not up")
	}
	return m, g
}

// New keys of the tunnel come of all key exchanges (RFC 9370 section 2.2.4).
func TestChildFollowUps(t *testing.T) {
	for name, esp := range map[string][]string{"the default": nil, "by name": {"aes128gcm16-curve25519-ke1_mlkem768"}, "without a group": {"aes128gcm16-ke1_mlkem768"}} {
		t.Run(name, func(t *testing.T) {
			m, g := atFollowUps(t, esp...)
			effects := talk(m, g, m.step(start, func() error { return m.renewChild(m.child()) }))
			installed := effectOf[Install](effects)
			if installed == nil || len(g.renewal.left) > 0 || m.renewing != nil {
				t.Fatalf("%v, left are %d", effects, len(g.renewal.left))
			}
			want := g.suite.PRF.Expand(g.schedule.Derive, 40, g.renewal.secrets)
			if !bytes.Equal(installed.SAs[1].Key, want[:20]) || !bytes.Equal(installed.SAs[0].Key, want[20:]) {
				t.Error("the keys of ESP differ")
			}
		})
	}
}

// So do those of IKE, without a new login, and its next keys come of those.
func TestIKEFollowUps(t *testing.T) {
	m, g := atFollowUps(t)
	effects := talk(m, g, m.step(start, m.renewIKE))
	if effectOf[Reauthenticate](effects) != nil || len(g.renewal.left) > 0 || m.renewing != nil || len(m.sa().suite.Additional) != 1 {
		t.Fatalf("%v, left are %d", effects, len(g.renewal.left))
	}
	seed := g.suite.PRF.Sum(g.schedule.Derive, g.renewal.secrets)
	sa := m.sa()
	want := g.suite.PRF.Expand(seed, 32, g.renewal.ni, g.renewal.nr, sa.ours[:], g.renewal.ours)
	if !bytes.Equal(sa.schedule.Derive, want) {
		t.Errorf("SK_d is %x, want %x", sa.schedule.Derive, want)
	}
}

// What an IKE SA with further key exchanges does not get in the same strength, takes a
// login. A child may do with less, since its keys come of those of IKE.
func TestAsStrongAsBefore(t *testing.T) {
	weaker := []ike.Transform{gcm, prf256, x25519}
	for name, spoil := range map[string]func(*renewed){
		"a refusal": func(r *renewed) { r.refuses = ike.NoProposalChosen }, "weaker keys": func(r *renewed) { r.weaker = weaker },
	} {
		m, g := atFollowUps(t)
		spoil(&g.renewal)
		old := m.sa()
		effects := talk(m, g, m.step(start, m.renewIKE))
		if anew, ended := effectOf[Reauthenticate](effects), effectOf[Ended](effects); anew == nil && (ended == nil || ended.Err == nil) || m.sa() != old {
			t.Errorf("%s: %v", name, effects)
		}
	}
	m, g := atFollowUps(t)
	g.renewal.weaker = []ike.Transform{{Type: ike.Encryption, ID: 20, KeyBits: 128}, {Type: ike.SequenceSizes}, x25519}
	if effects := talk(m, g, m.step(start, func() error { return m.renewChild(m.child()) })); effectOf[Install](effects) == nil {
		t.Errorf("a child: %v", effects)
	}
}

// A gateway that forgets what it is doing is asked again, and then for a login.
func TestForgottenFollowUps(t *testing.T) {
	for _, forgets := range []int{1, maxLost} {
		m, g := atFollowUps(t)
		g.renewal.forgets = forgets
		effects := talk(m, g, m.step(start, func() error { return m.renewChild(m.child()) }))
		for range forgets {
			now := m.Deadline()
			effects = append(effects, talk(m, g, m.Tick(now))...)
		}
		if installed, anew := effectOf[Install](effects) != nil, effectOf[Reauthenticate](effects) != nil; installed != (forgets < maxLost) || anew == installed {
			t.Errorf("forgotten %d times: installed %v, a new login %v", forgets, installed, anew)
		}
	}
}

// What comes out of turn is refused, and changes nothing.
func TestFollowUpsOutOfTurn(t *testing.T) {
	l := newLine(t, 1, nil, mlkem)
	m := l.ends[1].Machine
	ke := func() *ike.KE {
		x, err := keys.KEMs[0].Begin(m.c.Random)
		if err != nil {
			t.Fatal(err)
		}
		return &ike.KE{Group: 36, Data: x.Public()}
	}
	ask := func(payloads ...ike.Payload) ike.NotifyType {
		t.Helper()
		answer, err := m.followedUp(m.sa(), payloads)
		if err != nil {
			t.Fatal(err)
		}
		if n := refusal(answer); n != nil {
			return n.Kind
		}
		return 0
	}
	link := func(b []byte) *ike.Notify { return &ike.Notify{Kind: ike.AdditionalKeyExchange, Data: b} }
	if got := ask(ke(), link(nil)); got != ike.StateNotFound {
		t.Errorf("nothing was begun: %v", got)
	}
	x, err := keys.Groups[0].Begin(m.c.Random)
	if err != nil {
		t.Fatal(err)
	}
	p := ike.Proposal{Number: 1, Protocol: ike.ProtocolESP, SPI: []byte{0, 0, 0x77, 0x77}, Transforms: []ike.Transform{{Type: ike.Encryption, ID: 20, KeyBits: 128}, {Type: ike.SequenceSizes}, x25519, mlkem}}
	answer, err := m.created(m.sa(), []ike.Payload{&ike.Notify{Protocol: ike.ProtocolESP, Kind: ike.RekeySA, SPI: spiBytes(m.child().out)}, &ike.SA{Proposals: []ike.Proposal{p}}, make(ike.Nonce, 32), &ike.KE{Group: 31, Data: x.Public()}})
	n := notification(answer, ike.AdditionalKeyExchange)
	if err != nil || n == nil {
		t.Fatalf("%v, %v", answer, err)
	}
	if got := ask(ke(), link([]byte("another"))); got != ike.StateNotFound {
		t.Errorf("another link: %v", got)
	}
	if got := ask(&ike.KE{Group: 35, Data: make([]byte, 800)}, n); got != ike.InvalidSyntax {
		t.Errorf("another group: %v", got)
	}
	if got := ask(&ike.KE{Group: 36, Data: make([]byte, 3)}, n); got != ike.InvalidSyntax {
		t.Errorf("3 bytes: %v", got)
	}
	if m.busyWith(m.sa(), nil) != true || len(m.kids) != 1 {
		t.Error("the IKE SA may be replaced meanwhile, or the child is there already")
	}
	if got := ask(ke(), n); got != 0 || len(m.kids) != 2 || m.pending != nil {
		t.Errorf("in turn: %v, %d children", got, len(m.kids))
	}
	if got := ask(ke(), n); got != ike.StateNotFound {
		t.Errorf("once more: %v", got)
	}
}
