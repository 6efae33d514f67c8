package machine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike/keys"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Further key exchanges (RFC 9370), one at a time in IKE_INTERMEDIATE (RFC 9242), between
// IKE_SA_INIT and IKE_AUTH. Each makes all keys of the IKE SA anew.

// additional says whether any proposal has a further key exchange.
func additional(all []ike.Proposal) bool {
	for _, p := range all {
		for _, x := range p.Transforms {
			if isAdditional(x.Type) {
				return true
			}
		}
	}
	return false
}

// offersWith are the proposals that have further key exchanges, or those that have none.
func offersWith(all []ike.Proposal, further bool) []ike.Proposal {
	return numbered(slices.DeleteFunc(slices.Clone(all), func(p ike.Proposal) bool { return additional([]ike.Proposal{p}) != further })...)
}

func isAdditional(t ike.TransformType) bool { return t >= ike.AdditionalKE1 && t <= ike.AdditionalKE7 }

// intermediate does the key exchanges that are left, and then goes on to the login.
func (m *Machine) intermediate(left []*keys.Group) error {
	if len(left) == 0 {
		return m.logIn()
	}
	x, err := left[0].Begin(m.c.Random)
	if err != nil {
		return err
	}
	m.request(m.sa(), &exchange{
		kind:  ike.Intermediate,
		build: func() []ike.Payload { return []ike.Payload{&ike.KE{Group: left[0].ID, Data: x.Public()}} },
		answer: func(sa *ikeSA, payloads []ike.Payload) error {
			if n := refusal(payloads); n != nil {
				return initRefused(n)
			}
			if err := m.strengthen(sa, left[0], x, first[*ike.KE](payloads)); err != nil {
				return sdk.Fail(sdk.Never, diag.New(diag.Protocol, "the gateway's answer to a further key exchange makes no sense", err.Error()))
			}
			return m.intermediate(left[1:])
		},
	})
	return nil
}

// strengthen makes the keys of the IKE SA anew.
func (m *Machine) strengthen(sa *ikeSA, g *keys.Group, x keys.Exchange, ke *ike.KE) error {
	if ke == nil || ke.Group != g.ID {
		return errors.New("it is of another group, or there is none")
	}
	secret, err := x.Secret(ke.Data)
	if err != nil {
		return err
	}
	i, r := sa.spis()
	sa.schedule = sa.suite.Strengthened(sa.schedule, secret, sa.ni, sa.nr, i, r)
	sa.protection, err = sa.suite.Protect(sa.schedule, sa.initiator, m.c.Random)
	m.showKeys(sa)
	return err
}

// cover notes a message of IKE_INTERMEDIATE for AUTH, which covers it.
func (sa *ikeSA) cover(h ike.Header, inner ike.PayloadType, plain []byte) {
	if h.Exchange != ike.Intermediate {
		return
	}
	key, so := sa.schedule.PR, &sa.covered[1]
	if h.FromInitiator {
		key, so = sa.schedule.PI, &sa.covered[0]
	}
	*so = sa.suite.PRF.Intermediate(key, *so, h, inner, plain)
}

// coveredBy is what AUTH covers of IKE_INTERMEDIATE; auth is the number of the first
// message of IKE_AUTH. nil: there was none.
func (sa *ikeSA) coveredBy(auth uint32) []byte {
	if sa.covered[0] == nil {
		return nil
	}
	return binary.BigEndian.AppendUint32(bytes.Join(sa.covered[:], nil), auth)
}
