package ui

import (
	"context"
	"errors"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
	"github.com/penstock-vpn/penstock/sdk/prompt"
	"github.com/penstock-vpn/penstock/sdk/secret"
)

// answering answers with fixed values and remembers what was asked.
type answering struct {
	values map[string]string
	asked  []prompt.Prompt
}

func (a *answering) Ask(_ context.Context, p prompt.Prompt) (prompt.Answer, error) {
	a.asked = append(a.asked, p)
	values := map[string]string{}
	for _, f := range p.Form.Fields {
		values[f.Name] = a.values[f.Name]
	}
	return prompt.Answer{Values: values}, nil
}

func login(errorText string) prompt.Prompt {
	return prompt.Prompt{Error: errorText, Form: &prompt.Form{ID: "main", Fields: []prompt.Field{
		{Name: "user", Label: "User", Option: "username"},
		{Name: "pass", Label: "Password:", Kind: prompt.Password, Option: "password"},
	}}}
}

func ask(t *testing.T, p Prompter, q prompt.Prompt) map[string]string {
	t.Helper()
	a, err := p.Ask(t.Context(), q)
	if err != nil || a.Cancelled {
		t.Fatalf("%+v, %v", a, err)
	}
	return a.Values
}

func TestStoredAnswersEverything(t *testing.T) {
	s := NewStored(option.Values{"username": "alice"}, map[string]secret.String{"password": secret.New("pw")}, Nobody{})
	if got := ask(t, s, login("")); !maps.Equal(got, map[string]string{"user": "alice", "pass": "pw"}) {
		t.Errorf("%v", got)
	}
}

func TestARefusedStoredSecretIsNotGivenTwice(t *testing.T) {
	next := &answering{values: map[string]string{"pass": "typed"}}
	s := NewStored(option.Values{"username": "alice"}, map[string]secret.String{"password": secret.New("pw")}, next)
	ask(t, s, login(""))
	got := ask(t, s, login("Login failed."))
	if !maps.Equal(got, map[string]string{"user": "alice", "pass": "typed"}) {
		t.Errorf("second answer: %v", got)
	}
	if len(next.asked) != 1 || len(next.asked[0].Form.Fields) != 1 || next.asked[0].Error != "Login failed." {
		t.Errorf("asked: %+v", next.asked)
	}
	s.Accepted()
	if got := ask(t, s, login("")); got["pass"] != "typed" {
		t.Errorf("a refused secret came back: %v", got)
	}
}

func TestAUserNameThatIsRefusedIsAskedWithItsDefault(t *testing.T) {
	next := &answering{values: map[string]string{"user": "bob"}}
	s := NewStored(option.Values{"username": "alice"}, nil, next)
	only := prompt.Prompt{Form: &prompt.Form{ID: "user", Fields: login("").Form.Fields[:1]}}
	ask(t, s, only)
	only.Error = "unknown"
	if got := ask(t, s, only); got["user"] != "bob" || next.asked[0].Form.Fields[0].Default != "alice" {
		t.Errorf("%v, asked %+v", got, next.asked)
	}
}

func TestAGatewayThatAsksAgainAndAgainGetsToAPerson(t *testing.T) {
	s := NewStored(option.Values{"username": "a"}, map[string]secret.String{"password": secret.New("pw")}, Nobody{})
	for range maxOffers {
		ask(t, s, login(""))
	}
	if _, err := s.Ask(t.Context(), login("")); diag.Of(err) == nil || diag.Of(err).Code != diag.AuthRefused {
		t.Errorf("got %v", err)
	}
	s.Accepted()
	ask(t, s, login(""))
}

// choices makes pairs of value and label.
func choices(pairs ...string) []prompt.Choice {
	var all []prompt.Choice
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, prompt.Choice{Value: pairs[i], Label: pairs[i+1]})
	}
	return all
}

func TestChoicesAreMatched(t *testing.T) {
	field := prompt.Field{Name: "group", Kind: prompt.ChoiceOf, Option: "authgroup",
		Choices: choices("staff", "Staff", "g1", "Guests one", "g2", "Guests two", "x", "")}
	q := prompt.Prompt{Form: &prompt.Form{ID: "main", Fields: []prompt.Field{field}}}
	for stored, want := range map[string]string{"staff": "staff", "Staff": "staff", "sta": "staff", "Guests two": "g2", "guests O": "g1"} {
		if got := ask(t, NewStored(option.Values{"authgroup": stored}, nil, Nobody{}), q); got["group"] != want {
			t.Errorf("%s: got %v, want %s", stored, got, want)
		}
	}
	for _, stored := range []string{"Guests", "admins"} { // several, none
		next := &answering{values: map[string]string{"group": "staff"}}
		got := ask(t, NewStored(option.Values{"authgroup": stored}, nil, next), q)
		if got["group"] != "staff" || !strings.Contains(next.asked[0].Error, stored) {
			t.Errorf("%s: %v, asked %+v", stored, got, next.asked)
		}
	}
}

func TestLinesAnswerPasswordsOnceEach(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	_, _ = w.WriteString("first\r\nsecond\nlast")
	_ = w.Close()
	next := &answering{values: map[string]string{"user": "bob", "pass": "typed"}}
	l := NewLines(r, next)
	code := prompt.Prompt{Form: &prompt.Form{ID: "otp", Fields: []prompt.Field{{Name: "pass", Kind: prompt.OTP}}}}
	var got []string
	for _, q := range []prompt.Prompt{login(""), code, login("Login failed."), login("Login failed.")} {
		got = append(got, ask(t, l, q)["pass"])
	}
	if strings.Join(got, " ") != "first second last typed" {
		t.Errorf("got %q", got)
	}
	if len(next.asked) != 3 || len(next.asked[0].Form.Fields) != 1 || len(next.asked[2].Form.Fields) != 2 {
		t.Errorf("asked %+v", next.asked)
	}
}

func TestWaitingForALineEndsWithTheContext(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := NewLines(r, Nobody{}).Ask(ctx, login(""))
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestLinesAreBounded(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.WriteString(strings.Repeat("x", 2*maxLine))
	_, _ = f.Seek(0, 0)
	if _, err := NewLines(f, Nobody{}).Ask(t.Context(), login("")); !errors.Is(err, errLongLine) {
		t.Errorf("got %v", err)
	}
}

func TestNobodySaysWhatToDo(t *testing.T) {
	for _, c := range []struct {
		p    prompt.Prompt
		want string
	}{
		{login(""), "asks for User, Password, and nobody can be asked: run it in a terminal"},
		{login("Login failed."), "refused the login: Login failed"},
		{prompt.Prompt{Sso: &prompt.Sso{}}, "web browser"},
		{prompt.Prompt{Text: "Authorised use only", Confirm: &prompt.Confirm{}}, "Authorised use only"},
	} {
		_, err := Nobody{}.Ask(t.Context(), c.p)
		if d := diag.Of(err); d == nil || d.Code != diag.AuthRefused || !strings.Contains(d.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (Nobody{}).Ask(ctx, prompt.Prompt{Wait: &prompt.Wait{}}); !errors.Is(err, context.Canceled) {
		t.Errorf("wait: %v", err)
	}
}
