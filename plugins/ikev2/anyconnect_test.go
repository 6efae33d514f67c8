package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ikegate"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// wire serves a gate over the host's transports, and keeps what the client sends.
type wire struct {
	*ikegate.Gate
	mu   sync.Mutex
	sent [][]byte // messages of IKE
}

func (w *wire) serve(c net.Conn) {
	b := make([]byte, 65536)
	for {
		n, err := c.Read(b)
		if err != nil {
			return
		}
		datagram, marked := bytes.CutPrefix(bytes.Clone(b[:n]), marker)
		if _, err := ike.Parse(datagram); err != nil {
			if packet, err := w.Open(datagram); err == nil {
				_, _ = c.Write(w.Seal(packet)) // an echo
			}
			continue
		}
		w.mu.Lock()
		w.sent = append(w.sent, datagram)
		w.mu.Unlock()
		for _, answer := range w.Handle(datagram) {
			if marked {
				answer = append(bytes.Clone(marker), answer...)
			}
			_, _ = c.Write(answer)
		}
	}
}

// certified is a key with a certificate of its own.
func certified(t testing.TB, name string, key crypto.Signer) *tls.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

var newRSA = sync.OnceValue(func() crypto.Signer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func newECDSA(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// anyConnectGate is a gateway that asks for user name and password.
func anyConnectGate(t testing.TB, change func(*ikegate.Policy)) *wire {
	t.Helper()
	own := certified(t, "vpn.example.com", newRSA())
	p := ikegate.Policy{
		Name: "vpn.example.com", Chain: []*x509.Certificate{own.Leaf}, Key: newRSA(), User: "alice", Password: secretKey,
		Address: netip.MustParseAddr("10.0.0.2"), DNS: netip.MustParseAddr("10.0.0.1"), Routes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.0/24")},
		Banner: "Authorised only", Domain: "corp.test",
	}
	if change != nil {
		change(&p)
	}
	return &wire{Gate: ikegate.New(p)}
}

func anyConnectProfile(options map[string]string) plugintest.Profile {
	p := plugintest.Profile{Protocol: "ikev2", Trace: true, Options: map[string]string{"gateway": "vpn.example.com", "auth": "anyconnect", "local-hostname": "desk"}}
	for key, value := range options {
		p.Options[key] = value
	}
	return p
}

var loginForm = map[string]string{"username": "alice", "password": secretKey}

func TestAnyConnectConformance(t *testing.T) {
	plugintest.Conformance(t, func() sdk.Plugin { return &plugin{} }, plugintest.Scenario{
		Prepare: func(h *plugintest.Host) {
			h.Gateway("udp", plugintest.Any, anyConnectGate(t, nil).serve)
			h.Answer("main", loginForm)
		},
		Profile: anyConnectProfile(nil),
	})
}

// Every way that a gateway can want it comes to a tunnel that carries.
func TestAnyConnect(t *testing.T) {
	user, other := certified(t, "alice", newRSA()), certified(t, "alice", newECDSA(t))
	pool := x509.NewCertPool()
	pool.AddCert(user.Leaf)
	pool.AddCert(other.Leaf)
	for name, test := range map[string]struct {
		policy  func(*ikegate.Policy)
		options map[string]string
		cert    *tls.Certificate
		answers map[string]map[string]string
	}{
		"password": {},
		"code":     {policy: func(p *ikegate.Policy) { p.Code = "123456" }, answers: map[string]map[string]string{"challenge": {"answer": "123456"}}},
		"group":    {policy: func(p *ikegate.Policy) { p.Groups = []string{"staff", "guests"} }, options: map[string]string{"authgroup": "staff"}},
		"in pieces, ECDSA": {policy: func(p *ikegate.Policy) {
			p.Pieces, p.Key = true, newECDSA(t)
			p.Chain = []*x509.Certificate{certified(t, "vpn.example.com", p.Key).Leaf}
		}, options: map[string]string{"fragment-size": "500"}},
		"RSA certificate":                  {policy: func(p *ikegate.Policy) { p.Clients, p.Pieces = pool, true }, cert: user},
		"ECDSA certificate alone":          {policy: func(p *ikegate.Policy) { p.Clients, p.User, p.Password = pool, "", "" }, cert: other},
		"host scan":                        {policy: func(p *ikegate.Policy) { p.Scan = true }},
		"signature over another identity":  {policy: func(p *ikegate.Policy) { p.ClientID = true }},
		"a gateway that signs with SHA-1":  {policy: func(p *ikegate.Policy) { p.SHA1 = true }},
		"what it is told about the client": {options: map[string]string{"mac-address": "00-11-22-aa-bb-cc,00-11-22-aa-bb-cd", "os": "win", "version-string": "5.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := anyConnectGate(t, test.policy)
			h := plugintest.NewHost(t)
			h.Certificate = test.cert
			h.Gateway("udp", plugintest.Any, w.serve)
			h.Answer("main", loginForm)
			for id, values := range test.answers {
				h.Answer(id, values)
			}
			run := h.Run(&plugin{}, anyConnectProfile(test.options))
			c := run.Config()
			if c.Addresses[0].String() != "10.0.0.2/32" || c.DNS[0].String() != "10.0.0.1" || c.Banner != "Authorised only" || len(c.Routes) != 2 || c.Routes[1].String() != "192.0.2.0/24" ||
				!slices.Equal(c.Search, []string{"corp.test"}) || !slices.Equal(c.SplitDNS, []string{"corp.test"}) {
				t.Errorf("configured %+v", c)
			}
			path := run.Path()
			packet := append([]byte{0x45}, "a packet"...)
			path.Send(packet)
			if got := path.Packet(); !slices.Equal(got, packet) {
				t.Errorf("%q came back", got)
			}
			run.Stop(true)
			if err := run.Wait(); err != nil {
				t.Error(err)
			}
			if err := w.Faults(); err != nil {
				t.Error(err)
			}
			for _, line := range run.Progress() {
				if strings.Contains(line.Text, secretKey) || strings.Contains(line.Text, "123456") {
					t.Errorf("a secret is in %q", line.Text)
				}
			}
		})
	}
}

// The first message announces what a gateway wants to hear of, and the second says who
// comes; a long one is cut as in IKEv1.
func TestAnyConnectOnTheWire(t *testing.T) {
	w := anyConnectGate(t, func(p *ikegate.Policy) { p.Pieces = true })
	h := plugintest.NewHost(t)
	h.Gateway("udp", plugintest.Any, w.serve)
	h.Answer("main", loginForm)
	run := h.Run(&plugin{}, anyConnectProfile(map[string]string{"mac-address": "00-11-22-aa-bb-cc", "os": "win", "version-string": "5.1", "fragment-size": "500"}))
	run.Path()
	run.Stop(true)
	if err := run.Wait(); err != nil {
		t.Fatal(err)
	}
	first, err := ike.Parse(w.sent[0])
	if err != nil {
		t.Fatal(err)
	}
	var vendors []string
	for _, p := range first.Payloads {
		if v, isVendor := p.(ike.Vendor); isVendor {
			vendors = append(vendors, string(v))
		}
	}
	if want := []string{"\x40\x48\xb7\xd5\x6e\xbc\xe8\x85\x25\xe7\xde\x7f\x00\xd6\xc2\xd3", "CISCO-ANYCONNECT-EAP"}; !slices.Equal(vendors, want) {
		t.Errorf("announced %q, want %q", vendors, want)
	}
	cut := 0
	for _, datagram := range w.sent[1:] {
		m, err := ike.Parse(datagram)
		if err != nil || len(datagram) > 500 || m.Sealed == nil && (len(m.Payloads) != 1 || m.Payloads[0].Type() != ike.TypePiece) {
			t.Errorf("sent %d bytes, %+v, %v", len(datagram), m, err)
		} else if m.Sealed == nil {
			cut++
		}
	}
	if cut < 2 {
		t.Errorf("%d messages of %d are pieces", cut, len(w.sent))
	}
	const head = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<config-auth client="vpn" type="`
	const who = `" aggregate-auth-version="2"><version who="vpn">5.1</version><device-id computer-name="desk">win</device-id>` +
		`<mac-address-list><mac-address public-interface="true">00-11-22-aa-bb-cc</mac-address></mac-address-list>`
	want := []string{
		head + `init` + who + `<group-access>https://vpn.example.com/</group-access></config-auth>`,
		head + `auth-reply` + who + `<session-id></session-id><session-token></session-token>` +
			`<opaque is-for="sg"><tunnel-group></tunnel-group><config-hash>1623400123456</config-hash></opaque>` +
			`<auth><username>alice</username><password>` + secretKey + `</password></auth></config-auth>`,
		head + `ack` + who + `</config-auth>`,
	}
	if got := w.Said(); !slices.Equal(got, want) {
		t.Errorf("said\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestAnyConnectRefusals(t *testing.T) {
	stranger := certified(t, "mallory", newECDSA(t))
	pool := x509.NewCertPool()
	pool.AddCert(certified(t, "alice", newECDSA(t)).Leaf)
	for name, test := range map[string]struct {
		policy  func(*ikegate.Policy)
		options map[string]string
		cert    *tls.Certificate
		trust   error
		code    diag.Code
		words   string
	}{
		"another gateway":     {trust: diag.New(diag.Certificate, "the certificate is unknown", ""), code: diag.Certificate, words: "unknown"},
		"another key":         {policy: func(p *ikegate.Policy) { p.Key = newECDSA(t) }, code: diag.Certificate, words: "cannot prove who it is"},
		"another name":        {options: map[string]string{"remote-id": "elsewhere.test"}, code: diag.Certificate, words: "elsewhere.test"},
		"another client":      {options: map[string]string{"local-id": "key:alice"}, code: diag.Config, words: "refuses to begin"},
		"no certificate":      {policy: func(p *ikegate.Policy) { p.Clients = pool }, code: diag.AuthRefused, words: "wants a client certificate"},
		"another certificate": {policy: func(p *ikegate.Policy) { p.Clients = pool }, cert: stranger, code: diag.AuthRefused, words: "did not accept the client certificate"},
		"in the end":          {policy: func(p *ikegate.Policy) { p.Refusal = "Locked." }, code: diag.AuthRefused, words: "Locked"},
		"no such group":       {policy: func(p *ikegate.Policy) { p.Groups = []string{"staff"} }, options: map[string]string{"authgroup": "x"}, code: diag.Config, words: `no group "x"`},
	} {
		t.Run(name, func(t *testing.T) {
			h := plugintest.NewHost(t)
			h.Certificate = test.cert
			if test.trust != nil {
				h.Trust = func([]*x509.Certificate, string) error { return test.trust }
			}
			h.Gateway("udp", plugintest.Any, anyConnectGate(t, test.policy).serve)
			h.Answer("main", loginForm)
			run := h.Run(&plugin{}, anyConnectProfile(test.options))
			if err := run.Wait(); diag.Of(err).Code != test.code || !strings.Contains(err.Error(), test.words) {
				t.Errorf("got %v, want %q", err, test.words)
			}
			for _, p := range run.Prompts() {
				if test.code == diag.Certificate && p.Form != nil {
					t.Errorf("a gateway that is not trusted has %v asked", p)
				}
			}
		})
	}
}

// A refused password is asked for again in the same dialogue.
func TestAnyConnectAsksAgain(t *testing.T) {
	w := anyConnectGate(t, nil)
	h := plugintest.NewHost(t)
	h.Gateway("udp", plugintest.Any, w.serve)
	h.Answer("main", map[string]string{"username": "alice", "password": "wrong"})
	h.Answer("main", loginForm)
	run := h.Run(&plugin{}, anyConnectProfile(nil))
	run.Path()
	asked := run.Prompts()
	if len(asked) != 2 || asked[1].Error != "Login failed." || asked[0].Form.Fields[1].Kind != prompt.Password || asked[0].Form.Fields[1].Option != "password" {
		t.Errorf("asked %+v", asked)
	}
	run.Stop(true)
	if err := run.Wait(); err != nil {
		t.Error(err)
	}
}
