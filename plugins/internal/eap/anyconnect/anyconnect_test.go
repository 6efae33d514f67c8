package anyconnect

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/aggregate"
	"github.com/penstock-vpn/penstock/plugins/internal/eap"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// person answers questions by the names of their fields, in turn.
type person struct {
	answers map[string][]string
	cert    *sdk.Certificate
	asked   []prompt.Prompt
	told    []string
}

func (p *person) Ask(_ context.Context, q prompt.Prompt) (prompt.Answer, error) {
	p.asked = append(p.asked, q)
	a := prompt.Answer{Values: map[string]string{}}
	names := []string{"exit_status"} // of a program
	if q.Form != nil {
		names = nil
		for _, f := range q.Form.Fields {
			names = append(names, f.Name)
		}
	}
	for _, name := range names {
		if len(p.answers[name]) == 0 {
			return prompt.Answer{Cancelled: true}, nil
		}
		a.Values[name] = p.answers[name][0]
		p.answers[name] = p.answers[name][1:]
	}
	return a, nil
}

func (p *person) ClientCertificate(context.Context) (*sdk.Certificate, error) { return p.cert, nil }
func (p *person) Info(format string, args ...any) {
	p.told = append(p.told, fmt.Sprintf(format, args...))
}
func (p *person) Warn(format string, args ...any) { p.Info(format, args...) }

const (
	hello = `<config-auth client="vpn" type="hello" aggregate-auth-version="2"/>`
	form  = `<config-auth client="vpn" type="auth-request"><opaque is-for="sg"><tunnel-group>Default</tunnel-group></opaque><auth id="main"><banner>Authorised only</banner><form>` +
		`<input type="text" name="username" label="Username:"/><input type="password" name="password" label="Password:"/></form></auth></config-auth>`
	challenge = `<config-auth type="auth-request"><auth id="challenge"><message>Code?</message><form><input type="password" name="answer"/></form></auth></config-auth>`
	groups    = `<config-auth type="auth-request"><auth id="main"><form><select name="group_list"><option selected="true">staff</option><option>guests</option></select>` +
		`<input type="text" name="username"/></form></auth></config-auth>`
	complete = `<config-auth type="complete"><session-id>1</session-id><session-token>T</session-token><auth id="success"><banner>Welcome</banner></auth></config-auth>`
	certWish = `<config-auth type="auth-request"><client-cert-request/></config-auth>`
	scanWish = `<config-auth type="auth-request"><opaque is-for="sg"/><auth id="main"><authentication-complete/></auth><host-scan><host-scan-ticket>TICKET</host-scan-ticket>` +
		`<host-scan-token>TOKEN</host-scan-token><host-scan-base-uri>/CACHE</host-scan-base-uri><host-scan-wait-uri>/wait</host-scan-wait-uri></host-scan></config-auth>`
)

// login plays a gateway's documents; each answer is to have the parts beside it.
type turn struct {
	document string
	has      []string
}

func login(t *testing.T, c Config, p *person, turns ...turn) (*eap.Peer, []*Message, error) {
	t.Helper()
	c.User, c.Gateway = p, "vpn.test"
	c.Composer = aggregate.Composer{Version: "v1", OS: "linux-64"}
	c.Chain = func() []*x509.Certificate { return nil }
	peer := eap.NewPeer("", New(c))
	peer.Bind(func(crypto.Signer) ([]byte, error) { return []byte("signature"), nil })
	var said []*Message
	for i, turn := range turns {
		data, err := (&Message{VendorType: 4711, Parts: []TLV{{XML, []byte(turn.document)}}}).Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		reply, err := peer.Handle(eap.Packet{Code: eap.Request, ID: uint8(i), Type: eap.TypeExpanded, Data: data}.Append(nil))
		var later *eap.Later
		if errors.As(err, &later) {
			later.Do(t.Context())
			<-later.Done
			reply, err = peer.Resume()
		}
		if err != nil {
			return peer, said, err
		}
		said = append(said, read(t, reply, uint8(i), turn.has))
	}
	return peer, said, nil
}

// read takes a response apart: the vendor type is the gateway's own.
func read(t *testing.T, reply []byte, id uint8, has []string) *Message {
	t.Helper()
	packet, err := eap.Parse(reply)
	if err != nil || packet.Code != eap.Response || packet.ID != id || packet.Type != eap.TypeExpanded {
		t.Fatalf("response %+v, %v", packet, err)
	}
	m, err := ParseMessage(packet.Data)
	if err != nil || m.VendorType != 4711 {
		t.Fatalf("response %+v, %v", m, err)
	}
	for _, part := range has {
		if !strings.Contains(string(m.Part(XML)), part) {
			t.Errorf("the answer %d lacks %s:\n%s", id, part, m.Part(XML))
		}
	}
	return m
}

func TestPasswordAndCode(t *testing.T) {
	p := &person{answers: map[string][]string{"username": {"alice"}, "password": {"s<cret"}, "answer": {"123456"}}}
	peer, _, err := login(t, Config{}, p,
		turn{hello, []string{`type="init"`, `<group-access>https://vpn.test/</group-access>`}},
		turn{form, []string{`type="auth-reply"`, `<session-id></session-id><session-token></session-token><opaque is-for="sg"><tunnel-group>Default</tunnel-group></opaque>`,
			`<auth><username>alice</username><password>s&lt;cret</password></auth>`}},
		turn{challenge, []string{`<auth><password>123456</password></auth>`}},
		turn{complete, []string{`type="ack"`}})
	if err != nil {
		t.Fatal(err)
	}
	if reply, err := peer.Handle(eap.Packet{Code: eap.Success, ID: 9}.Append(nil)); reply != nil || err != nil || peer.Key() != nil {
		t.Errorf("success: %x, %v, key %x", reply, err, peer.Key())
	}
	if len(p.asked) != 2 || p.asked[0].Title != "Log in to vpn.test" || p.asked[1].Form.Fields[0].Kind != prompt.OTP || p.asked[1].Text != "Code?" {
		t.Errorf("asked %+v", p.asked)
	}
	if want := "[Authorised only Welcome]"; fmt.Sprint(p.told) != want {
		t.Errorf("told %q, want %s", p.told, want)
	}
}

func TestSuccessBeforeTheEndIsNone(t *testing.T) {
	peer, _, err := login(t, Config{}, &person{}, turn{document: hello})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := peer.Handle(eap.Packet{Code: eap.Success}.Append(nil)); err == nil {
		t.Error("a success before anything was asked is taken")
	}
}

func TestGroups(t *testing.T) {
	p := &person{answers: map[string][]string{"group_list": {"guests"}, "username": {"bob"}}}
	chosen := strings.Replace(strings.Replace(groups, ` selected="true"`, "", 1), "<option>guests", `<option selected="true">guests`, 1)
	_, _, err := login(t, Config{}, p, turn{document: hello},
		turn{groups, []string{`type="init"`, `<group-select>guests</group-select>`}},
		turn{chosen, []string{`<auth><username>bob</username></auth><group-select>guests</group-select>`}})
	if err != nil || p.asked[0].Form.Fields[0].Option != "authgroup" {
		t.Errorf("asked %+v, %v", p.asked, err)
	}
	_, _, err = login(t, Config{Group: "staff"}, &person{answers: map[string][]string{"username": {"bob"}}},
		turn{hello, []string{`<group-access>staff</group-access>`}},
		turn{groups, []string{`<group-select>staff</group-select>`}})
	if err != nil {
		t.Error(err)
	}
}

func TestCertificate(t *testing.T) {
	ca, caKey := issue(t, "ca", nil, nil)
	leaf, key := issue(t, "alice", ca, caKey)
	p := &person{cert: &sdk.Certificate{Chain: []*x509.Certificate{leaf, ca}, Key: key}}
	_, said, err := login(t, Config{}, p, turn{document: hello},
		turn{certWish, []string{`type="init"`, `<group-access>`}}, turn{document: complete})
	if err != nil {
		t.Fatal(err)
	}
	kinds := ""
	for _, part := range said[1].Parts {
		kinds += fmt.Sprint(part.Kind, " ")
	}
	if chain, err := ParseChain(said[1].Part(Certificates)); kinds != "3 1 0 " || err != nil || len(chain) != 2 || string(said[1].Part(Signature)) != "signature" {
		t.Errorf("parts %s, chain %v, %v", kinds, chain, err)
	}
	if _, _, err := login(t, Config{}, p, turn{document: hello}, turn{document: certWish}, turn{document: certWish}); diag.Of(err).Option != "usercert" {
		t.Errorf("asked twice: %v", err)
	}
	if _, _, err := login(t, Config{}, &person{}, turn{document: hello}, turn{certWish, []string{"<client-cert-fail>"}}); err != nil {
		t.Errorf("without one: %v", err)
	}
}

func TestHostScan(t *testing.T) {
	p := &person{answers: map[string][]string{"exit_status": {"1"}}}
	_, _, err := login(t, Config{Scanner: true}, p, turn{document: hello},
		turn{scanWish, []string{`type="auth-reply"`, `<opaque is-for="sg"/><auth></auth><host-scan-token>TOKEN</host-scan-token>`}})
	if err != nil || len(p.asked) != 1 || p.asked[0].Program.Option != "csd-wrapper" || p.asked[0].Program.Args[2] != `"TICKET"` || p.asked[0].Program.Env[1][1] != "TOKEN" {
		t.Errorf("asked %+v, %v", p.asked, err)
	}
	if !strings.Contains(strings.Join(p.told, " "), "status 1") {
		t.Errorf("told %q", p.told)
	}
	p = &person{}
	if _, _, err = login(t, Config{}, p, turn{document: hello}, turn{scanWish, []string{"<host-scan-token>TOKEN</host-scan-token>"}}); err != nil || !strings.Contains(p.told[0], "csd-wrapper") {
		t.Errorf("without a program: told %q, %v", p.told, err)
	}
}

// What a gateway may say that is the end, and in which words.
func TestRefusals(t *testing.T) {
	again := strings.Replace(form, "<auth id", "<error>Login failed.</error><auth id", 1)
	all := func() *person {
		return &person{answers: map[string][]string{"username": {"a", "b", "c", "d"}, "password": {"1", "2", "3", "4"}}}
	}
	for name, test := range map[string]struct {
		turns []turn
		code  diag.Code
		words string
	}{
		"wrong passwords":  {[]turn{{document: hello}, {document: form}, {document: again}, {document: again}, {document: again}}, diag.AuthRefused, "Login failed"},
		"no way on":        {[]turn{{document: hello}, {document: `<config-auth type="auth-request"><error>Go away</error></config-auth>`}}, diag.AuthRefused, "Go away"},
		"a failure":        {[]turn{{document: hello}, {document: `<config-auth type="complete"><auth id="failure"><message>Locked</message></auth></config-auth>`}}, diag.AuthRefused, "Locked"},
		"no certificate":   {[]turn{{document: hello}, {document: `<config-auth type="auth-request"><auth id="main"/><error>Certificate Validation Failure</error></config-auth>`}}, diag.AuthRefused, "client certificate"},
		"two certificates": {[]turn{{document: hello}, {document: `<config-auth type="auth-request"><multiple-client-cert-request/></config-auth>`}}, diag.AuthRefused, "two client certificates"},
		"a browser":        {[]turn{{document: hello}, {document: `<config-auth type="auth-request"><auth id="main"><form><input type="sso" name="t"/></form></auth></config-auth>`}}, diag.AuthRefused, "browser"},
		"an odd document":  {[]turn{{document: `<config-auth type="init"/>`}}, diag.Protocol, `"init"`},
		"no XML":           {[]turn{{document: "x<<"}}, diag.Protocol, "not well-formed"},
		"entities":         {[]turn{{document: `<!DOCTYPE a [<!ENTITY b "c">]><config-auth/>`}}, diag.Protocol, "document type"},
		"no end":           {make([]turn, maxDocuments+1), diag.Protocol, "without end"},
	} {
		for i := range test.turns {
			if test.turns[i].document == "" {
				test.turns[i].document = hello
			}
		}
		_, _, err := login(t, Config{}, all(), test.turns...)
		if err == nil || diag.Of(err).Code != test.code || !strings.Contains(err.Error(), test.words) {
			t.Errorf("%s: %v, want %q", name, err, test.words)
		}
	}
	if _, _, err := login(t, Config{}, &person{}, turn{document: hello}, turn{document: form}); diag.Of(err).Code != diag.Cancelled {
		t.Errorf("nobody answers: %v", err)
	}
}

// A gateway that has had enough has said why before.
func TestFailureAfterARefusal(t *testing.T) {
	again := strings.Replace(form, "<auth id", "<error>Login failed.</error><auth id", 1)
	p := &person{answers: map[string][]string{"username": {"a", "b"}, "password": {"1", "2"}}}
	peer, _, err := login(t, Config{}, p, turn{document: hello}, turn{document: form}, turn{document: again})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := peer.Handle(eap.Packet{Code: eap.Failure}.Append(nil)); diag.Of(err).Code != diag.AuthRefused || !strings.Contains(err.Error(), "Login failed") {
		t.Errorf("got %v", err)
	}
	fresh := eap.NewPeer("", New(Config{}))
	if _, err := fresh.Handle(eap.Packet{Code: eap.Failure}.Append(nil)); !errors.Is(err, eap.ErrFailure) {
		t.Errorf("at once: %v", err)
	}
}

// Secrets do not reach who looks at messages.
func TestTrace(t *testing.T) {
	var lines []string
	c := Config{Trace: func(outgoing bool, message string) { lines = append(lines, fmt.Sprint(outgoing, " ", message)) }}
	p := &person{answers: map[string][]string{"username": {"alice"}, "password": {"SECRET"}}}
	if _, _, err := login(t, c, p, turn{document: hello}, turn{document: form}); err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(lines, "\n"); len(lines) != 4 || strings.Contains(text, "SECRET") || !strings.Contains(text, "alice") {
		t.Errorf("%d lines:\n%s", len(lines), text)
	}
}

// Whatever a gateway sends, nothing but an answer or an error comes of it.
func FuzzHandle(f *testing.F) {
	for _, document := range []string{hello, form, challenge, groups, complete, certWish, scanWish} {
		seed, err := (&Message{VendorType: VendorType, Parts: []TLV{{XML, []byte(document)}}}).Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, request []byte) {
		p := &person{answers: map[string][]string{"username": {"alice"}, "password": {"secret"}, "group_list": {"guests"}}}
		m := New(Config{User: p, Gateway: "vpn.test", Chain: func() []*x509.Certificate { return nil }})
		for range 2 {
			response, err := m.Handle(1, request)
			var later *eap.Later
			if errors.As(err, &later) {
				later.Do(t.Context())
				continue
			}
			if (err == nil) == (response == nil) {
				t.Fatalf("%x, %v", response, err)
			}
		}
	})
}
