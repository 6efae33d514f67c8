package host

import (
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/prompt"
)

func TestRedactorHidesAnswersInEveryDress(t *testing.T) {
	var r redactor
	form := prompt.Prompt{Form: &prompt.Form{Fields: []prompt.Field{
		{Name: "user"}, {Name: "pw", Kind: prompt.Password}, {Name: "otp", Kind: prompt.OTP},
	}}}
	r.learn(form, prompt.Answer{Values: map[string]string{"user": "alice", "pw": "p&ss <word>", "otp": "123456"}})
	r.learn(form, prompt.Answer{Values: map[string]string{"pw": "p&ss <word> and more"}})
	got := r.clean("alice p&ss <word> p%26ss+%3Cword%3E p&amp;ss &lt;word&gt; cCZzcyA8d29yZD4= 123456; p&ss <word> and more.")
	for _, leak := range []string{"word", "123456", "cCZ", "more"} {
		if strings.Contains(got, leak) {
			t.Errorf("%q is left in %q", leak, got)
		}
	}
	if !strings.HasPrefix(got, "alice ") {
		t.Errorf("the user name went too: %q", got)
	}
}

func TestRedactorLeavesShortAnswersAlone(t *testing.T) {
	var r redactor
	r.add("a")
	if got := r.clean("banana"); got != "banana" {
		t.Errorf("got %q", got)
	}
}
