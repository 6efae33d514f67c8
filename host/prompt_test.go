package host

import (
	"strings"
	"testing"
	"unicode"

	"google.golang.org/protobuf/proto"

	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

func TestPromptTextsCannotSteerATerminal(t *testing.T) {
	p, err := parsePrompt(&pluginpb.Prompt{
		Title: "a\x1b]0;evil\x07\nb", Text: "line 1\nline\x1b[2J 2\u202e",
		Kind: &pluginpb.Prompt_Form{Form: &pluginpb.Form{Fields: []*pluginpb.Field{{Name: "x", Label: "\x9bx\r\ny"}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if p.Title != "a b" || p.Text != "line 1\nline 2" || p.Form.Fields[0].Label != "?x y" {
		t.Errorf("title %q, text %q, label %q", p.Title, p.Text, p.Form.Fields[0].Label)
	}
}

func TestPromptBounds(t *testing.T) {
	many := &pluginpb.Form{Fields: make([]*pluginpb.Field, maxFields+1)}
	if _, err := parsePrompt(&pluginpb.Prompt{Kind: &pluginpb.Prompt_Form{Form: many}}); err == nil {
		t.Error("a form without end was accepted")
	}
	if _, err := parsePrompt(&pluginpb.Prompt{}); err == nil {
		t.Error("a prompt of no kind was accepted")
	}
}

func TestLoginPages(t *testing.T) {
	scheme := func(name string) *pluginpb.Sso_Scheme {
		return &pluginpb.Sso_Scheme{Scheme: &pluginpb.Scheme{Scheme: name}}
	}
	for _, c := range []struct {
		sso *pluginpb.Sso
		ok  bool
	}{
		{&pluginpb.Sso{Url: "https://vpn.test/", Ending: scheme("vpncallback")}, true},
		{&pluginpb.Sso{Html: "<form>", Ending: scheme("vpncallback")}, true},
		{&pluginpb.Sso{Url: "https://vpn.test/"}, true},
		{&pluginpb.Sso{Url: "https://vpn.test/", Html: "<form>", Ending: scheme("vpncallback")}, false},
		{&pluginpb.Sso{Html: "<form>"}, false},
		{&pluginpb.Sso{Ending: scheme("vpncallback")}, false},
		{&pluginpb.Sso{Url: "file:///etc/passwd", Ending: scheme("vpncallback")}, false},
		{&pluginpb.Sso{Url: "https://vpn.test/", Ending: scheme("https")}, false},
		{&pluginpb.Sso{Url: "https://vpn.test/", Ending: scheme("")}, false},
		{&pluginpb.Sso{Url: "https://vpn.test/", Ending: scheme("a/../b")}, false},
	} {
		if _, err := parsePrompt(&pluginpb.Prompt{Kind: &pluginpb.Prompt_Sso{Sso: c.sso}}); (err == nil) != c.ok {
			t.Errorf("%v: %v", c.sso, err)
		}
	}
}

func FuzzParsePrompt(f *testing.F) {
	seed, err := proto.Marshal(&pluginpb.Prompt{Title: "t", Kind: &pluginpb.Prompt_Sso{Sso: &pluginpb.Sso{Url: "https://x"}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, b []byte) {
		m := &pluginpb.Prompt{}
		if proto.Unmarshal(b, m) != nil {
			return
		}
		p, err := parsePrompt(m)
		if err == nil && strings.ContainsFunc(p.Title+p.Error, unicode.IsControl) {
			t.Errorf("control character in %q %q", p.Title, p.Error)
		}
	})
}
