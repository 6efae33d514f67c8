package ask

import (
	"encoding/base64"
	"reflect"
	"strings"
	"testing"
)

func encoded(json string) string {
	return questionPrefix + base64.RawURLEncoding.EncodeToString([]byte(json))
}

func TestHintsOfOthers(t *testing.T) {
	q, err := ParseHints([]string{"otp", "x-vpn-message:Enter: a code", "x-other:thing", "", "two\nlines", "password"})
	want := Question{Text: "Enter: a code", Fields: []Field{{Key: "otp", Label: "otp", Secret: true}, {Key: "password", Label: "password", Secret: true}}}
	if err != nil || !reflect.DeepEqual(q, want) {
		t.Errorf("%+v %v", q, err)
	}
}

func TestQuestionsThatAreRefused(t *testing.T) {
	for name, hint := range map[string]string{
		"not base64":   questionPrefix + "***",
		"not JSON":     encoded("{"),
		"nothing":      encoded(`{"title":"x"}`),
		"two things":   encoded(`{"confirm":{},"sso":{"url":"https://x"}}`),
		"bad key":      encoded(`{"fields":[{"key":"a]\n[b"}]}`),
		"no key":       encoded(`{"fields":[{"label":"a"}]}`),
		"the same key": encoded(`{"fields":[{"key":"a"},{"key":"a"}]}`),
		"many fields":  encoded(`{"fields":[` + strings.Repeat(`{"key":"a"},`, 40) + `{"key":"b"}]}`),
		"too long":     questionPrefix + strings.Repeat("A", maxQuestion+1),
	} {
		if q, err := ParseHints([]string{"otp", hint}); err == nil {
			t.Errorf("%s: %+v", name, q)
		}
	}
	if q, err := ParseHints([]string{"x-vpn-message:only"}); err == nil {
		t.Errorf("no name: %+v", q)
	}
}

func FuzzParseHints(f *testing.F) {
	f.Add("otp", `{"fields":[{"key":"a","choices":[{"value":"b"}]}]}`)
	f.Add("x-vpn-message:hello", `{"sso":{"url":"https://x","loopback":true}}`)
	f.Fuzz(func(t *testing.T, hint, json string) {
		for _, hints := range [][]string{{hint}, {hint, encoded(json)}, {hint, questionPrefix + json}} {
			q, err := ParseHints(hints)
			if err != nil {
				continue
			}
			again, err := q.Hints()
			if err != nil {
				t.Fatalf("%+v cannot be sent: %v", q, err)
			}
			if got, err := ParseHints(again); err != nil || !reflect.DeepEqual(got.Keys(), q.Keys()) {
				t.Fatalf("sent %+v, got %+v %v", q, got, err)
			}
		}
	})
}
