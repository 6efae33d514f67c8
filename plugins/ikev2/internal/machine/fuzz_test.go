package machine

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/eap"
	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike/keys"
	"github.com/penstock-vpn/penstock/sdk"
)

// inner is the content of a message that was behind the keys, as strongSwan made it.
func inner(f *testing.F, name string) (all [][]byte) {
	f.Helper()
	auth := map[string]func(*rand.ChaCha8) Config{"psk.txt": sharedKey, "mschapv2.txt": password}[name]
	lines := transcript(f, name)
	m := New(recorded(auth))
	m.Begin(start)
	for _, line := range lines {
		b, err := hex.DecodeString(line[2:])
		if err != nil {
			f.Fatal(err)
		}
		if line[0] != '<' {
			continue
		}
		if msg, err := ike.Parse(b); err == nil && m.sa().protection != nil {
			if plain, err := m.sa().protection.Open(b, msg); err == nil {
				all = append(all, append([]byte{byte(msg.Sealed.Inner)}, plain...))
			}
		}
		for _, e := range m.Receive(start, b) {
			if _, asks := e.(Verify); asks {
				m.Verified(start, nil)
			}
		}
	}
	return all
}

// stages are machines that wait for something of the gateway.
var stages = []func() (*Machine, func([]ike.Payload) error){
	func() (*Machine, func([]ike.Payload) error) { // IKE_SA_INIT
		m := New(recorded(sharedKey))
		m.Begin(start)
		return m, func(p []ike.Payload) error { return m.initAnswer(m.sa(), p) }
	},
	func() (*Machine, func([]ike.Payload) error) { // IKE_AUTH
		m := upMachine(Config{SharedKey: []byte("key"), Auth: []Auth{SharedKey{Key: []byte("key")}}})
		m.login.proved = true
		return m, func(p []ike.Payload) error { return m.authAnswer(m.sa(), p) }
	},
	func() (*Machine, func([]ike.Payload) error) { // IKE_AUTH with EAP
		m := upMachine(Config{Auth: []Auth{EAP{Only: true, Peer: func() *eap.Peer { return eap.NewPeer("alice", eap.GTC("secret"), eap.MD5("alice", "secret")) }}}})
		return m, func(p []ike.Payload) error { return m.authAnswer(m.sa(), p) }
	},
	func() (*Machine, func([]ike.Payload) error) { // a request for new keys
		m := upMachine(Config{SharedKey: []byte("key"), Auth: []Auth{SharedKey{Key: []byte("key")}}})
		return m, func(p []ike.Payload) error { _, err := m.created(m.sa(), p); return err }
	},
	func() (*Machine, func([]ike.Payload) error) { // a notice
		m := upMachine(Config{SharedKey: []byte("key"), Auth: []Auth{SharedKey{Key: []byte("key")}}})
		return m, func(p []ike.Payload) error { _, err := m.informed(m.sa(), p); return err }
	},
	func() (*Machine, func([]ike.Payload) error) { // the answer to a wish for new keys
		m := upMachine(Config{SharedKey: []byte("key"), Auth: []Auth{SharedKey{Key: []byte("key")}}})
		r := &renewal{old: m.child(), offer: m.renewalOffer(), spi: []byte{1, 2, 3, 4}, ni: make([]byte, 32), sa: m.sa()}
		return m, func(p []ike.Payload) error { return m.renewed(m.sa(), r, p) }
	},
	func() (*Machine, func([]ike.Payload) error) { // the answer to a ticket
		c := atGate()
		suite, _ := keys.ChosenSuite(ike.Proposal{Transforms: []ike.Transform{gcm, prf256, x25519}})
		c.Ticket = &Ticket{Opaque: []byte(ticket), Expires: start.Add(time.Hour), Gateway: c.Gateway, Suite: suite.Proposal(), Derive: make([]byte, 32), Responder: &ike.ID{}}
		m := New(c)
		m.Begin(start)
		return m, func(p []ike.Payload) error { return m.resumed(m.sa(), p) }
	},
	func() (*Machine, func([]ike.Payload) error) { // a further key exchange
		m := upMachine(Config{Auth: []Auth{SharedKey{Key: []byte("key")}}})
		x, _ := keys.KEMs[0].Begin(m.c.Random)
		return m, func(p []ike.Payload) error { return m.strengthen(m.sa(), keys.KEMs[0], x, first[*ike.KE](p)) }
	},
	func() (*Machine, func([]ike.Payload) error) { // a further key exchange for new keys
		m := upMachine(Config{Auth: []Auth{SharedKey{Key: []byte("key")}}})
		m.pending = &demand{sa: m.sa(), old: m.child(), ours: []byte{1, 2, 3, 4}, theirs: []byte{1, 2, 3, 5}, ni: make([]byte, 32), nr: make([]byte, 32), left: keys.KEMs,
			choice: ike.Proposal{Transforms: []ike.Transform{{Type: ike.Encryption, ID: 20, KeyBits: 128}}}}
		return m, func(p []ike.Payload) error { _, err := m.followedUp(m.sa(), p); return err }
	},
}

// upMachine is one whose keys are made, with a child, and that may log in too.
func upMachine(c Config) *Machine {
	t := new(testing.T)
	m := newLine(t, 1, func(to *Config) {
		to.SharedKey, to.Auth, to.Identity = c.SharedKey, c.Auth, &ike.ID{Kind: ike.IDFQDN, Data: []byte("alice")}
	}).ends[0].Machine
	m.init, m.login = &initiation{}, &login{spi: 0x2000}
	if e, isEAP := c.Auth[0].(EAP); isEAP {
		m.login.peer = e.Peer()
	}
	return m
}

// A gateway that has keys may still say anything, at any stage. Whatever is brought
// up then has addresses and keys.
func FuzzStages(f *testing.F) {
	for _, name := range []string{"psk.txt", "mschapv2.txt"} {
		for _, plain := range inner(f, name) {
			for stage := range stages {
				f.Add(uint8(stage), plain)
			}
		}
	}
	f.Fuzz(func(t *testing.T, stage uint8, b []byte) {
		if len(b) < 1 {
			return
		}
		payloads, err := ike.ParsePayloads(ike.PayloadType(b[0]), bytes.Clone(b[1:]))
		if err != nil {
			return
		}
		m, take := stages[int(stage)%len(stages)]()
		for _, e := range m.step(start, func() error { return take(payloads) }) {
			switch e := e.(type) {
			case Up:
				if len(e.Settings.Addresses) == 0 || len(e.SAs) != 2 {
					t.Fatalf("up with %+v", e)
				}
			case Install:
				for _, sa := range e.SAs {
					if sa.SPI < 256 || len(sa.Key) == 0 && sa.Direction == sdk.Outbound {
						t.Fatalf("installed %v", sa)
					}
				}
			}
		}
	})
}
