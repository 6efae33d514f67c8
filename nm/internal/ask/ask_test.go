package ask

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/prompt"
)

func form(fields ...prompt.Field) prompt.Prompt {
	return prompt.Prompt{Title: "Corp", Text: "Who are you?", Error: "Login failed.", Form: &prompt.Form{ID: "main", Fields: fields}}
}

// arrived is what the dialog makes of p, by way of NetworkManager's hints.
func arrived(t *testing.T, p prompt.Prompt) Question {
	t.Helper()
	sent, err := Of(p)
	if err != nil {
		t.Fatal(err)
	}
	hints, err := sent.Hints()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseHints(append(hints, messagePrefix+sent.Message())) // NetworkManager adds its own at the end
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, sent) {
		t.Errorf("sent %+v\ngot  %+v", sent, got)
	}
	if !slices.Equal(hints[:len(hints)-1], sent.Keys()) {
		t.Errorf("hints %q do not begin with the keys %q", hints, sent.Keys())
	}
	return got
}

func TestAFormArrives(t *testing.T) {
	p := form(
		prompt.Field{Name: "group_list", Label: "Group:", Kind: prompt.ChoiceOf, Option: "authgroup", Default: "b",
			Choices: []prompt.Choice{{Value: "a", Label: "Staff"}, {Value: "b", Label: "Guests"}}},
		prompt.Field{Name: "user", Label: "User", Default: "alice", Option: "username"},
		prompt.Field{Name: "pass", Label: "Password", Kind: prompt.Password, Option: "password", Default: "never sent"},
		prompt.Field{Name: "answer", Label: "Code", Kind: prompt.OTP},
		prompt.Field{Name: "New_PIN", Kind: prompt.Password},
	)
	q := arrived(t, p)
	if got := strings.Join(q.Keys(), " "); got != "authgroup username password otp new-pin" {
		t.Errorf("keys %s", got)
	}
	if q.Fields[2].Default != "" || !q.Fields[2].Secret || !q.Fields[3].Secret || q.Fields[1].Secret {
		t.Errorf("fields %+v", q.Fields)
	}
	if q.Message() != "Login failed.\nWho are you?" {
		t.Errorf("message %q", q.Message())
	}
	a := Answer(p, map[string]string{"authgroup": "staff", "password": "p w ", "otp": "123456", "new-pin": "1", "other": "x"})
	want := map[string]string{"group_list": "a", "user": "alice", "pass": "p w ", "answer": "123456", "New_PIN": "1"}
	if a.Cancelled || !maps.Equal(a.Values, want) {
		t.Errorf("answer %v, want %v", a.Values, want)
	}
}

func TestAConfirmationArrives(t *testing.T) {
	p := prompt.Prompt{Title: "Accept?", Confirm: &prompt.Confirm{AcceptLabel: "Accept"}}
	q := arrived(t, p)
	if q.Confirm.Accept != "Accept" || q.Message() != "Accept?" {
		t.Errorf("%+v", q)
	}
	for typed, no := range map[string]bool{"yes": false, " YES ": false, "": true, "no": true, "y": true} {
		if a := Answer(p, map[string]string{KeyConfirm: typed}); a.Cancelled != no {
			t.Errorf("%q: cancelled %v", typed, a.Cancelled)
		}
	}
}

func TestALoginPageArrives(t *testing.T) {
	loopback := prompt.Prompt{Sso: &prompt.Sso{URL: "https://vpn.test/a?b=c&d", Loopback: &prompt.Loopback{Port: 29786, PathPrefix: "/api/"}}}
	if q := arrived(t, loopback); !q.Sso.Loopback || q.Sso.URL != "https://vpn.test/a?b=c&d" {
		t.Errorf("%+v", q.Sso)
	}
	if a := Answer(loopback, map[string]string{KeySso: Opened}); a.Values["request_uri"] != Opened {
		t.Errorf("%+v", a)
	}
	cookies := prompt.Prompt{Sso: &prompt.Sso{URL: "https://vpn.test/saml", Cookies: &prompt.Cookies{Cookie: "token", FinalURL: "https://vpn.test/end", ErrorCookie: "error"}}}
	if q := arrived(t, cookies); q.Sso.Loopback || q.Sso.Cookie != "token" || q.Sso.FinalURL != "https://vpn.test/end" || q.Sso.ErrorCookie != "error" {
		t.Errorf("%+v", q.Sso)
	}
	scheme := prompt.Prompt{Sso: &prompt.Sso{URL: "https://vpn.test/saml", Scheme: "vpncallback"}}
	if q := arrived(t, scheme); q.Sso.Loopback || q.Sso.Scheme != "vpncallback" || q.Sso.URL != "https://vpn.test/saml" {
		t.Errorf("%+v", q.Sso)
	}
	if a := Answer(scheme, map[string]string{KeySso: "vpncallback:abc"}); a.Values["address"] != "vpncallback:abc" {
		t.Errorf("%+v", a)
	}
	if a := Answer(cookies, map[string]string{KeySso: "abc"}); a.Values["token"] != "abc" {
		t.Errorf("%+v", a)
	}
	for _, p := range []prompt.Prompt{loopback, cookies, scheme} {
		if a := Answer(p, map[string]string{KeySso: Cancelled}); !a.Cancelled {
			t.Errorf("%+v", a)
		}
	}
}

func TestEachFieldHasAKeyOfItsOwn(t *testing.T) {
	p := form(
		prompt.Field{Name: "a", Option: "password"}, prompt.Field{Name: "b", Option: "password"}, prompt.Field{Name: "password-2"},
		prompt.Field{Name: "x", Kind: prompt.OTP}, prompt.Field{Name: "y", Kind: prompt.OTP},
		prompt.Field{Name: "ä:\n="}, prompt.Field{Name: strings.Repeat("n", 300)}, prompt.Field{Name: "z", Option: "bad: option"},
	)
	q := arrived(t, p)
	want := "password password-2 password-2-2 otp otp-2 answer " + strings.Repeat("n", 48) + " bad--option"
	if got := strings.Join(q.Keys(), " "); got != want {
		t.Errorf("keys %s\nwant %s", got, want)
	}
	a := Answer(p, map[string]string{"password": "1", "password-2": "2", "password-2-2": "3", "otp": "4", "otp-2": "5", "bad--option": "6"})
	for name, value := range map[string]string{"a": "1", "b": "2", "password-2": "3", "x": "4", "y": "5", "z": "6"} {
		if a.Values[name] != value {
			t.Errorf("%s is %q, want %q", name, a.Values[name], value)
		}
	}
}

func TestChoosing(t *testing.T) {
	f := prompt.Field{Name: "g", Default: "b", Choices: []prompt.Choice{{Value: "a", Label: "b"}, {Value: "b", Label: "Guests"}, {Value: "B", Label: "Big"}}}
	for typed, want := range map[string]string{"": "b", "a": "a", "b": "b", "B": "B", "guests": "b", " Big ": "B", "none": "none"} {
		if a := Answer(form(f), map[string]string{"g": typed}); a.Values["g"] != want {
			t.Errorf("%q means %q, want %q", typed, a.Values["g"], want)
		}
	}
}

func TestWhatIsMissing(t *testing.T) {
	q, err := Of(form(prompt.Field{Name: "user", Default: "alice"}, prompt.Field{Name: "pass", Kind: prompt.Password}))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ got, want map[string]string }{
		{nil, map[string]string{"pass": ""}}, {map[string]string{"pass": ""}, nil}, {map[string]string{"user": "a"}, map[string]string{"pass": ""}},
	} {
		if missing := q.Missing(c.got); !slices.Equal(missing, slices.Collect(maps.Keys(c.want))) {
			t.Errorf("with %v, %q are missing", c.got, missing)
		}
	}
}

func TestMessagesAreClean(t *testing.T) {
	q := Question{Error: "a\x00\x1b[31mb", Text: strings.Repeat("x", 1<<20)}
	if got := q.Message(); !strings.HasPrefix(got, "ab\nxxx") || len(got) > 64<<10 {
		t.Errorf("message %.40q of %d bytes", got, len(got))
	}
}

func TestWhatNobodyCanAnswer(t *testing.T) {
	for name, p := range map[string]prompt.Prompt{"nothing": {}, "wait": {Wait: &prompt.Wait{}}, "no field": form(), "program": {Program: &prompt.Program{}}} {
		if q, err := Of(p); err == nil {
			t.Errorf("%s: %+v", name, q)
		}
	}
	for name, q := range map[string]Question{
		"large":        {Text: strings.Repeat("x", 1<<20), Confirm: &Confirm{}},
		"many fields":  {Fields: make([]Field, maxFields+1)},
		"many choices": {Fields: []Field{{Key: "a", Choices: make([]Choice, maxChoices+1)}}},
	} {
		if hints, err := q.Hints(); err == nil {
			t.Errorf("%s: %d hints", name, len(hints))
		}
	}
}
