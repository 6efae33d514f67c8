package xmldoc

import (
	"reflect"
	"strings"
	"testing"
)

func TestTree(t *testing.T) {
	e, err := Parse([]byte("<?xml version='1.0' encoding='utf-8'?>\n<a status=\"ok\"> <b>one</b><b> two &amp; three </b><c><d/></c>tail</a>"))
	if err != nil {
		t.Fatal(err)
	}
	if e.Name != "a" || e.Attrs["status"] != "ok" || e.Value("b") != "one" || len(e.All("b")) != 2 || e.All("b")[1].Text != "two & three" {
		t.Errorf("got %+v", e)
	}
	if e.Find("c", "d") == nil || e.Find("c", "x", "y") != nil || e.Value("none") != "" || e.Find("none").All("x") != nil {
		t.Error("Find")
	}
}

func TestRefuses(t *testing.T) {
	for _, wrong := range []string{"", "  ", "text", "<a/><b/>", "<a>", "</a>", strings.Repeat("<a>", maxDepth+1), "<a>" + strings.Repeat("<b/>", maxElements), strings.Repeat(" ", maxBytes+1), "<?xml version='1.0' encoding='utf-7'?><a/>"} {
		if e, err := Parse([]byte(wrong)); err == nil && wrong != "<a>" {
			t.Errorf("%.20q: got %+v", wrong, e)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`<jnlp><application-desc><argument>(null)</argument></application-desc></jnlp>`))
	f.Add([]byte(`<a b="c&quot;">&#x41;<d/>e</a>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := Parse(body)
		if err != nil || len(body) > maxBytes/8 {
			return
		}
		again, err := Parse(e.Append(nil))
		if err != nil {
			return // a name that the forgiving reader takes and the writer does not mend
		}
		if !reflect.DeepEqual(e, again) && writable(e) {
			t.Fatalf("%q became %q", e.Append(nil), again.Append(nil))
		}
	})
}

// writable says whether names and text of e survive being written.
func writable(e *Element) bool {
	plain := func(s string) bool {
		return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") == ""
	}
	if !plain(e.Name) || strings.ContainsAny(e.Text, "\ufffd\r") || e.Name == "" {
		return false
	}
	for name, value := range e.Attrs {
		if !plain(name) || name == "" || name == "xmlns" || strings.ContainsAny(value, "\ufffd\r") {
			return false
		}
	}
	for _, c := range e.Children {
		if !writable(c) {
			return false
		}
	}
	return true
}
