package form

import (
	"slices"
	"testing"
)

func TestEncodeAndSelect(t *testing.T) {
	f := Fields{{"user", "Al Ice+é"}, {"authcookie", "0a"}}.With("empty", "").With("domain", "(empty_domain)")
	if got := f.Encode(); got != "user=Al%20Ice%2B%C3%A9&authcookie=0a&domain=%28empty_domain%29" {
		t.Error(got)
	}
	if got := f.Only("domain", "user").Encode(); got != "user=Al%20Ice%2B%C3%A9&domain=%28empty_domain%29" {
		t.Error(got)
	}
	if got := f.Without("user", "domain").Encode(); got != "authcookie=0a" {
		t.Error(got)
	}
	if f.Get("domain") != "(empty_domain)" || f.Get("none") != "" {
		t.Error("Get")
	}
}

func TestParse(t *testing.T) {
	f, err := Parse("a=1&&b=x%20y+z&c=%zz%4")
	if want := (Fields{{"a", "1"}, {"b", "x y z"}, {"c", "%zz%4"}}); err != nil || !slices.Equal(f, want) {
		t.Errorf("got %v, %v", f, err)
	}
	for _, wrong := range []string{"a", "=1", "a=1&b", string(make([]byte, maxText+1))} {
		if f, err := Parse(wrong); err == nil {
			t.Errorf("%.10q: got %v", wrong, f)
		}
	}
}

// With does not write into what another Fields shares.
func TestWithDoesNotShare(t *testing.T) {
	base := append(make(Fields, 0, 8), Field{"a", "1"})
	x, y := base.With("b", "2"), base.With("c", "3")
	if x.Encode() != "a=1&b=2" || y.Encode() != "a=1&c=3" {
		t.Errorf("got %v and %v", x, y)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("authcookie=aa&portal=G%20W&user=alice&domain=%28empty_domain%29")
	f.Add("a=+&b=%")
	f.Fuzz(func(t *testing.T, text string) {
		fields, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(fields.Encode())
		if len(fields.Encode()) <= maxText && (err != nil || !slices.Equal(fields, again)) {
			t.Fatalf("%q: %v became %v, %v", text, fields, again, err)
		}
	})
}
