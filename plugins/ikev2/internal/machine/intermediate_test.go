package machine

import (
	"bytes"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
)

var (
	gcm     = ike.Transform{Type: ike.Encryption, ID: 20, KeyBits: 256}
	prf256  = ike.Transform{Type: ike.PRF, ID: 5}
	x25519  = ike.Transform{Type: ike.KeyExchange, ID: 31}
	mlkem   = ike.Transform{Type: ike.AdditionalKE1, ID: 36}
	ecp384  = ike.Transform{Type: ike.AdditionalKE1 + 1, ID: 20}
	noThird = ike.Transform{Type: ike.AdditionalKE1 + 2, ID: 0}
)

// With a gateway that can, further key exchanges make the keys, whole or in fragments;
// the others never hear of them.
func TestFurtherKeyExchanges(t *testing.T) {
	for name, test := range map[string]struct {
		offer     string // "": the default
		wants     []ike.Transform
		fragments bool
	}{
		"ML-KEM":               {"", []ike.Transform{gcm, prf256, x25519, mlkem}, false},
		"ML-KEM in fragments":  {"", []ike.Transform{gcm, prf256, x25519, mlkem}, true},
		"a gateway that can't": {"", []ike.Transform{gcm, prf256, x25519}, true},
		"three of them":        {"aes256gcm16-prfsha256-curve25519-ke1_mlkem768-ke2_ecp384", []ike.Transform{gcm, prf256, x25519, mlkem, ecp384}, true},
	} {
		t.Run(name, func(t *testing.T) {
			c, g := atGate(), newGate(t, test.wants...)
			g.fragments = test.fragments
			if test.offer != "" {
				var err error
				if c.IKE, err = ParseIKE([]string{test.offer}); err != nil {
					t.Fatal(err)
				}
			}
			m := New(c)
			up := effectOf[Up](talk(m, g, m.Begin(start)))
			if up == nil || len(g.left) > 0 {
				t.Fatalf("not up; left %d", len(g.left))
			}
			if !bytes.Equal(up.SAs[0].Key, g.child[1]) || !bytes.Equal(up.SAs[1].Key, g.child[0]) {
				t.Error("the keys of ESP differ")
			}
			if n := len(g.suite.Additional); (g.covered[0] == nil) != (n == 0) {
				t.Errorf("%d further key exchanges, covered %x", n, g.covered[0])
			}
		})
	}
}

// Who was in between IKE_INTERMEDIATE is found out by AUTH.
func TestIntermediateIsAuthenticated(t *testing.T) {
	for way := range 2 {
		g := newGate(t, gcm, prf256, x25519, mlkem)
		m := New(atGate())
		for _, e := range m.Begin(start) {
			if sent, isSend := e.(Send); isSend {
				m.Receive(start, g.receive(sent.Datagram)[0])
			}
		}
		// The request of IKE_INTERMEDIATE waits; what it comes to is changed on one side.
		o := m.sa().outstanding
		answers := g.receive(o.datagrams[0])
		g.covered[way][3] ^= 1
		ended := effectOf[Ended](talk(m, g, m.Receive(start, answers[0])))
		if ended == nil || ended.Err == nil {
			t.Errorf("direction %d changed, and nobody minds", way)
		}
	}
}

// What a gateway may not do with further key exchanges.
func TestFurtherKeyExchangesThatEnd(t *testing.T) {
	for name, spoil := range map[string]func(g *gate, answer []ike.Payload) []ike.Payload{
		"another group": func(_ *gate, p []ike.Payload) []ike.Payload { first[*ike.KE](p).Group = 35; return p },
		"too short":     func(_ *gate, p []ike.Payload) []ike.Payload { ke := first[*ike.KE](p); ke.Data = ke.Data[1:]; return p },
		"nothing":       func(*gate, []ike.Payload) []ike.Payload { return nil },
		"a refusal":     func(*gate, []ike.Payload) []ike.Payload { return refuse(ike.NoProposalChosen) },
	} {
		g := newGate(t, gcm, prf256, x25519, mlkem)
		m := New(atGate())
		effects := m.Begin(start)
		sent := effectOf[Send](effects)
		m.Receive(start, g.receive(sent.Datagram)[0])
		protection := g.protection
		public, _, err := g.left[0].Answer(nil, first[*ike.KE](m.sa().outstanding.x.build()).Data)
		if err != nil {
			t.Fatal(err)
		}
		answer := spoil(g, []ike.Payload{&ike.KE{Group: 36, Data: public}})
		h := ike.Header{Initiator: g.peer, Responder: g.ours, Exchange: ike.Intermediate, Response: true, MessageID: 1}
		b, err := protection.Seal(h, answer)
		if err != nil {
			t.Fatal(err)
		}
		ended := effectOf[Ended](m.Receive(start, b))
		if ended == nil || ended.Err == nil || !strings.Contains(ended.Err.Error(), "gateway") {
			t.Errorf("%s: ended %v", name, ended)
		}
	}
}

// A choice of further key exchanges is one of those that were offered.
func TestAdditionalChoices(t *testing.T) {
	offer, err := ParseIKE([]string{"aes256gcm16-prfsha256-curve25519-ke1_mlkem768"})
	if err != nil {
		t.Fatal(err)
	}
	choice := func(x ...ike.Transform) ike.Proposal {
		return ike.Proposal{Number: 1, Protocol: ike.ProtocolIKE, Transforms: append([]ike.Transform{gcm, prf256, x25519}, x...)}
	}
	for name, test := range map[string]struct {
		p  ike.Proposal
		ok bool
	}{
		"that": {choice(mlkem), true}, "none": {choice(), false}, "another": {choice(mlkem, ecp384), false}, "nothing third": {choice(mlkem, noThird), false},
	} {
		if err := accepted(offer, test.p); (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []string{"aes256gcm16-prfsha256-curve25519-ke8_mlkem768", "aes256gcm16-prfsha256-curve25519-ke1_rot13", "aes256gcm16-prfsha256-mlkem768"} {
		if _, err := ParseIKE([]string{bad}); err == nil {
			t.Errorf("%s is read", bad)
		}
	}
}
