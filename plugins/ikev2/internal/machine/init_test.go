package machine

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
)

// asked is what the machine's first messages hold, with the gateway's answers in between.
func asked(t *testing.T, c Config, answers ...[]ike.Payload) (requests []*ike.Message, last []Effect) {
	t.Helper()
	m := New(c)
	effects := m.Begin(start)
	for i := 0; ; i++ {
		for _, e := range effects {
			if s, isSend := e.(Send); isSend {
				msg, err := ike.Parse(s.Datagram)
				if err != nil {
					t.Fatal(err)
				}
				requests = append(requests, msg)
			}
		}
		if i == len(answers) {
			return requests, effects
		}
		h := ike.Header{Initiator: requests[len(requests)-1].Initiator, Exchange: ike.SAInit, Response: true}
		effects = m.Receive(start, ike.Append(nil, h, answers[i]))
	}
}

func notify(kind ike.NotifyType, data string) []ike.Payload {
	b, _ := hex.DecodeString(data)
	return []ike.Payload{&ike.Notify{Kind: kind, Data: b}}
}

func TestCookieAndOtherGroup(t *testing.T) {
	all, _ := asked(t, recorded(sharedKey), notify(ike.Cookie, "c0c1"), notify(ike.InvalidKEPayload, "000e"))
	if len(all) != 3 {
		t.Fatalf("%d messages", len(all))
	}
	if n, first := all[1].Payloads[0].(*ike.Notify); !first || n.Kind != ike.Cookie || hex.EncodeToString(n.Data) != "c0c1" {
		t.Errorf("the second message begins with %v", all[1].Payloads[0])
	}
	if a, b := first[*ike.KE](all[0].Payloads), first[*ike.KE](all[1].Payloads); a.Group != 31 || string(a.Data) != string(b.Data) {
		t.Error("another public value because of a cookie")
	}
	if ke := first[*ike.KE](all[2].Payloads); ke.Group != 14 || len(ke.Data) != 256 || notification(all[2].Payloads, ike.Cookie) == nil {
		t.Errorf("the third message has group %d and %v", ke.Group, all[2].Payloads[0])
	}
	for i, m := range all {
		if m.MessageID != 0 || m.Responder != (ike.SPI{}) || string(first[ike.Nonce](m.Payloads)) != string(first[ike.Nonce](all[0].Payloads)) {
			t.Errorf("message %d: %+v", i, m.Header)
		}
	}
}

// Gateways that are never content, weak groups that nobody named, refusals.
func TestFirstAnswersThatEnd(t *testing.T) {
	cookies := slices.Repeat([][]ike.Payload{notify(ike.Cookie, "c0c1")}, maxAttempts)
	for name, test := range map[string]struct {
		answers [][]ike.Payload
		words   string
	}{
		"cookies for ever": {cookies, "conditions"},
		"weak group":       {[][]ike.Payload{notify(ike.InvalidKEPayload, "0002")}, "group 2, which is not offered"},
		"same group":       {[][]ike.Payload{notify(ike.InvalidKEPayload, "001f")}, "group 31"},
		"no proposal":      {[][]ike.Payload{notify(ike.NoProposalChosen, "")}, "none of the offered ciphers"},
		"nothing":          {[][]ike.Payload{{}}, "makes no sense"},
		"a choice that was not offered": {[][]ike.Payload{{&ike.SA{Proposals: []ike.Proposal{{Number: 1, Protocol: ike.ProtocolIKE, Transforms: []ike.Transform{
			{Type: ike.Encryption, ID: 3}}}}}, &ike.KE{Group: 31, Data: make([]byte, 32)}, ike.Nonce(make([]byte, 32))}}, "makes no sense"},
	} {
		_, effects := asked(t, recorded(sharedKey), test.answers...)
		e, isEnded := effects[len(effects)-1].(Ended)
		if !isEnded || e.Err == nil || !strings.Contains(e.Err.Error(), test.words) {
			t.Errorf("%s: %+v, want %q", name, effects[len(effects)-1], test.words)
		}
	}
}

func TestRedirect(t *testing.T) {
	m := New(recorded(sharedKey))
	m.Begin(start)
	nonce := string(m.sa().ni)
	for where, want := range map[string]string{
		"\x03\x0bvpn2.test:8" + nonce: "", "\x03\x09vpn2.test" + nonce: "vpn2.test", "\x01\x04\x0a\x00\x00\x01" + nonce: "10.0.0.1",
		"\x03\x09vpn2.test": "", "\x09\x01x" + nonce: "", "": "", "\x03\xff": "",
	} {
		_, effects := asked(t, recorded(sharedKey), []ike.Payload{&ike.Notify{Kind: ike.Redirect, Data: []byte(where)}})
		got := ""
		for _, e := range effects {
			if r, isRedirect := e.(Redirected); isRedirect {
				got = r.Gateway
				if r.Proved {
					t.Error("anybody can have said that")
				}
			}
		}
		if got != want {
			t.Errorf("%q redirects to %q, want %q", where, got, want)
		}
	}
	c := recorded(sharedKey)
	c.From = "vpn.test"
	if all, _ := asked(t, c); notification(all[0].Payloads, ike.RedirectedFrom) == nil {
		t.Error("the next gateway is not told where we come from")
	}
}
