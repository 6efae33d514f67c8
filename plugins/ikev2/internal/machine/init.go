package machine

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike/keys"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// initiation is IKE_SA_INIT, which may take several attempts.
type initiation struct {
	group    *keys.Group
	exchange keys.Exchange
	cookie   []byte
	attempts int
	hashes   []uint16 // of signatures that the gateway takes; nil: it is of old
}

// maxAttempts bounds cookies and other groups: a gateway needs one of each.
const maxAttempts = 5

func (m *Machine) begin() error {
	spi, err := m.random(8)
	if err != nil {
		return err
	}
	sa := &ikeSA{initiator: true, ours: ike.SPI(spi)}
	if sa.ni, err = m.random(32); err != nil {
		return err
	}
	m.sas = []*ikeSA{sa}
	m.init = &initiation{}
	id, _ := firstTransform(m.c.IKE, ike.KeyExchange)
	return m.attempt(id)
}

func firstTransform(all []ike.Proposal, t ike.TransformType) (uint16, bool) {
	for _, p := range all {
		for _, x := range p.Transforms {
			if x.Type == t {
				return x.ID, true
			}
		}
	}
	return 0, false
}

// attempt sends IKE_SA_INIT with that group.
func (m *Machine) attempt(group uint16) error {
	if m.init.attempts++; m.init.attempts > maxAttempts {
		return sdk.Fail(sdk.Backoff, diag.New(diag.Protocol, "the gateway does not come to an end of its conditions", "It asked for cookies or other groups again and again."))
	}
	if m.init.group == nil || m.init.group.ID != group {
		g, err := keys.FindGroup(group)
		if err != nil {
			return err
		}
		if m.init.exchange, err = g.Begin(m.c.Random); err != nil {
			return err
		}
		m.init.group = g
	}
	m.sa().nextID, m.sa().peer = 0, ike.SPI{}
	m.request(m.sa(), &exchange{kind: ike.SAInit, build: m.initRequest, answer: m.initAnswer})
	return nil
}

func (m *Machine) initRequest() []ike.Payload {
	var all []ike.Payload
	if m.init.cookie != nil {
		all = append(all, &ike.Notify{Kind: ike.Cookie, Data: m.init.cookie})
	}
	sa := m.sa()
	all = append(all,
		&ike.SA{Proposals: m.c.IKE},
		&ike.KE{Group: m.init.group.ID, Data: m.init.exchange.Public()},
		ike.Nonce(sa.ni))
	all = append(all, m.natDetection(sa)...)
	all = append(all,
		&ike.Notify{Kind: ike.FragmentationSupported},
		&ike.Notify{Kind: ike.SignatureHashAlgorithms, Data: hashList(keys.Hashes)})
	if additional(m.c.IKE) {
		all = append(all, &ike.Notify{Kind: ike.IntermediateSupported})
	}
	all = append(all, m.announce()...)
	if m.c.From != "" {
		return append(all, &ike.Notify{Kind: ike.RedirectedFrom, Data: gatewayIdentity(m.c.From)})
	}
	return append(all, &ike.Notify{Kind: ike.RedirectSupported})
}

// natDetection says where we and the gateway are. Unless ESP may go plain, the source is
// none that exists: so the gateway finds a NAT, and sends ESP in UDP.
func (m *Machine) natDetection(sa *ikeSA) []ike.Payload {
	i, r := sa.spis()
	source := addressHash(i, r, m.c.Local)
	if !m.c.Plain || !m.c.Local.IsValid() {
		var err error
		if source, err = m.random(sha1.Size); err != nil {
			m.end(err)
		}
	}
	return []ike.Payload{
		&ike.Notify{Kind: ike.NATDetectionSource, Data: source},
		&ike.Notify{Kind: ike.NATDetectionDestination, Data: addressHash(i, r, m.c.Remote)},
	}
}

// spis are the initiator's and the responder's.
func (sa *ikeSA) spis() (i, r ike.SPI) {
	if sa.initiator {
		return sa.ours, sa.peer
	}
	return sa.peer, sa.ours
}

// addressHash is RFC 7296 section 2.23's.
func addressHash(i, r ike.SPI, a netip.AddrPort) []byte {
	b := append(append([]byte(nil), i[:]...), r[:]...)
	b = append(b, a.Addr().Unmap().AsSlice()...)
	sum := sha1.Sum(binary.BigEndian.AppendUint16(b, a.Port()))
	return sum[:]
}

func hashList(ids []uint16) (b []byte) {
	for _, id := range ids {
		b = binary.BigEndian.AppendUint16(b, id)
	}
	return b
}

// initAnswer takes the gateway's keys, or does what it asks for.
func (m *Machine) initAnswer(_ *ikeSA, payloads []ike.Payload) error {
	if n := notification(payloads, ike.Cookie); n != nil && len(n.Data) > 0 && len(n.Data) <= 64 {
		m.init.cookie = bytes.Clone(n.Data)
		return m.attempt(m.init.group.ID)
	}
	if n := notification(payloads, ike.InvalidKEPayload); n != nil && len(n.Data) == 2 {
		return m.otherGroup(binary.BigEndian.Uint16(n.Data))
	}
	if n := notification(payloads, ike.Redirect); n != nil && m.c.From == "" {
		return m.redirect(n.Data, m.sa().ni)
	}
	if n := refusal(payloads); n != nil {
		return initRefused(n)
	}
	if err := m.initKeys(payloads); err != nil {
		return sdk.Fail(sdk.Never, diag.New(diag.Protocol, "the gateway's first answer makes no sense", err.Error()))
	}
	sa := m.sa()
	m.noteVendors(payloads)
	sa.fragments = notification(payloads, ike.FragmentationSupported) != nil
	if n := notification(payloads, ike.SignatureHashAlgorithms); n != nil {
		for b := n.Data; len(b) >= 2; b = b[2:] {
			m.init.hashes = append(m.init.hashes, binary.BigEndian.Uint16(b))
		}
	}
	if !m.traversal(payloads) && !m.c.Begin4500 {
		return sdk.Fail(sdk.Never, diag.New(diag.Protocol, "the gateway does not know NAT traversal", "Without it there is no ESP in UDP, which is the only one that is supported."))
	}
	if len(sa.suite.Additional) > 0 && notification(payloads, ike.IntermediateSupported) == nil {
		return sdk.Fail(sdk.Never, diag.New(diag.Protocol, "the gateway's first answer makes no sense", "It wants further key exchanges and knows no exchange for them."))
	}
	if len(m.c.Auth) > 1 && notification(payloads, ike.MultipleAuthSupported) == nil {
		return sdk.Fail(sdk.Never, diag.New(diag.Config, "the gateway takes one way to log in, not two", "Leave out the option auth2.").With("auth2"))
	}
	return m.intermediate(sa.suite.Additional)
}

// traversal goes on at port 4500, if the gateway knows of NATs.
func (m *Machine) traversal(payloads []ike.Payload) bool {
	n := notification(payloads, ike.NATDetectionDestination)
	if n == nil {
		return false
	}
	m.detectNAT(payloads)
	m.floated = true
	return true
}

// detectNAT looks whether the gateway sees us as we do, and whether it is where we see it.
func (m *Machine) detectNAT(payloads []ike.Payload) {
	i, r := m.sa().spis()
	here, there := addressHash(i, r, m.c.Local), addressHash(i, r, m.c.Remote)
	n := notification(payloads, ike.NATDetectionDestination)
	m.way.BehindNAT = !m.c.Local.IsValid() || n == nil || !bytes.Equal(n.Data, here)
	m.way.Plain = m.c.Plain && !m.way.BehindNAT && slices.ContainsFunc(payloads, func(p ike.Payload) bool {
		n, isNotify := p.(*ike.Notify)
		return isNotify && n.Kind == ike.NATDetectionSource && bytes.Equal(n.Data, there)
	})
}

func (m *Machine) otherGroup(id uint16) error {
	offered := slices.ContainsFunc(m.c.IKE, func(p ike.Proposal) bool { return p.Has(ike.Transform{Type: ike.KeyExchange, ID: id}) })
	if !offered || id == m.init.group.ID {
		return sdk.Fail(sdk.Never, diag.New(diag.Config, fmt.Sprintf("the gateway wants the key exchange group %d, which is not offered", id), "Add it to the option ike, if it is good enough.").With("ike"))
	}
	return m.attempt(id)
}

func (m *Machine) initKeys(payloads []ike.Payload) error {
	sa := m.sa()
	choice, ke, nonce := first[*ike.SA](payloads), first[*ike.KE](payloads), first[ike.Nonce](payloads)
	switch {
	case choice == nil || len(choice.Proposals) != 1 || ke == nil || nonce == nil:
		return fmt.Errorf("SA, KE or Nonce is missing")
	case sa.peer == ike.SPI{}:
		return fmt.Errorf("the gateway's SPI is zero")
	}
	if err := accepted(m.c.IKE, choice.Proposals[0]); err != nil {
		return err
	}
	suite, err := keys.ChosenSuite(choice.Proposals[0])
	if err != nil {
		return err
	}
	if suite.Group != m.init.group || ke.Group != suite.Group.ID {
		return fmt.Errorf("the group of the keys is another than the chosen one")
	}
	secret, err := m.init.exchange.Secret(ke.Data)
	if err != nil {
		return err
	}
	sa.nr, sa.suite = bytes.Clone(nonce), suite
	i, r := sa.spis()
	sa.schedule = suite.NewSchedule(secret, sa.ni, sa.nr, i, r)
	sa.protection, err = suite.Protect(sa.schedule, true, m.c.Random)
	m.showKeys(sa)
	return err
}

// Kinds of gateway identities, RFC 5685 section 7.2.
const (
	gatewayIPv4 = 1
	gatewayIPv6 = 2
	gatewayName = 3
)

func gatewayIdentity(name string) []byte {
	kind, data := byte(gatewayName), []byte(name)
	if a, err := netip.ParseAddr(name); err == nil {
		data = a.Unmap().AsSlice()
		kind = gatewayIPv4
		if a.Unmap().Is6() {
			kind = gatewayIPv6
		}
	}
	return append([]byte{kind, byte(len(data))}, data...)
}

// redirect reads where to go on. In IKE_SA_INIT the nonce proves that the answer is to
// our message.
func (m *Machine) redirect(data, nonce []byte) error {
	name, err := redirection(data, nonce)
	if err != nil {
		return err
	}
	m.emit(Redirected{name, m.login != nil && m.login.proved})
	return errStopped
}

// redirection reads the gateway out of a redirection.
func redirection(data, nonce []byte) (string, error) {
	odd := sdk.Fail(sdk.Backoff, diag.New(diag.Protocol, "the gateway redirects to nowhere", "Its message makes no sense."))
	if len(data) < 2 || len(data) < 2+int(data[1]) || !bytes.Equal(data[2+int(data[1]):], nonce) {
		return "", odd
	}
	var name string
	switch where := data[2 : 2+int(data[1])]; data[0] {
	case gatewayIPv4, gatewayIPv6:
		a, ok := netip.AddrFromSlice(where)
		if !ok {
			return "", odd
		}
		name = a.String()
	case gatewayName:
		name = string(where)
	default:
		return "", odd
	}
	if net.ParseIP(name) == nil && !plainName(name) {
		return "", odd
	}
	return name, nil
}

// plainName says whether name is made as names of hosts are.
func plainName(name string) bool {
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '.' {
			return false
		}
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || strings.HasPrefix(label, "-") {
			return false
		}
	}
	return len(name) <= 253
}
