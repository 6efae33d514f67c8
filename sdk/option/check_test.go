package option

import (
	"strings"
	"testing"
)

func TestUnsoundSchemas(t *testing.T) {
	bool1 := Option{Key: "a", Type: Bool}
	for _, c := range []struct {
		want   string
		schema Schema
	}{
		{"there twice", Schema{bool1, bool1}},
		{"a key is", Schema{{Key: "A"}}},
		{"a key is", Schema{{Key: ""}}},
		{"a key is", Schema{{Key: strings.Repeat("a", 49)}}},
		{"there is no type 7", Schema{{Key: "a", Type: 7}}},
		{"there is no type -1", Schema{{Key: "a", Type: -1}}},
		{"an enum has 1 to", Schema{{Key: "a", Type: Enum}}},
		{"a choice is empty", Schema{{Key: "a", Type: Enum, Choices: []string{""}}}},
		{"only an enum", Schema{{Key: "a", Choices: []string{"x"}}}},
		{"min is larger", Schema{{Key: "a", Type: Int, Min: 1}}},
		{"have bounds", Schema{{Key: "a", Max: 1}}},
		{"a duration is bounded", Schema{{Key: "a", Type: Duration, Max: 1 << 62}}},
		{"a duration is bounded", Schema{{Key: "a", Type: Duration, Min: -1}}},
		{"a secret has no default", Schema{{Key: "a", Secret: true, Default: "x"}}},
		{"default: ", Schema{{Key: "a", Type: Int, Default: "x"}}},
		{"a text is longer", Schema{{Key: "a", Help: strings.Repeat("x", 2000)}}},
		{"control character", Schema{{Key: "a", Label: "\x1b[2J"}}},
		{"does not exist", Schema{{Key: "a", VisibleIf: Condition{"b", "x"}}}},
		{"depends on itself", Schema{{Key: "a", VisibleIf: Condition{"a", "x"}}}},
		{"depends on a secret", Schema{{Key: "s", Secret: true}, {Key: "a", VisibleIf: Condition{"s", "x"}}}},
		{`visible_if: write "true"`, Schema{bool1, {Key: "b", VisibleIf: Condition{"a", "yes"}}}},
		{"visible_if: ", Schema{bool1, {Key: "b", VisibleIf: Condition{"a", "perhaps"}}}},
		{"at most 256 options", make(Schema, 257)},
	} {
		if err := c.schema.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want %s, got %v", c.want, err)
		}
	}
}

func TestNearest(t *testing.T) {
	keys := []string{"gateway", "username", "usercert", "userkey", "cacert", "key-password", "mtu"}
	for word, want := range map[string]string{
		"gatway": "gateway", "gatewya": "gateway", "GATEWAY": "gateway", "usernmae": "username", "user_name": "username",
		"key_password": "key-password", "keypassword": "key-password", "mtu2": "mtu", "utm": "", "cacrt": "cacert",
		"": "", "x": "", "completely": "", strings.Repeat("gateway", 100): "",
	} {
		if got := Nearest(word, keys); got != want {
			t.Errorf("%.20q: got %q, want %q", word, got, want)
		}
	}
	if got := Nearest("abc", []string{"abd", "abc"}); got != "abc" {
		t.Errorf("the same word is nearest: %q", got)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"ca", "abc", 3}, {"kitten", "sitting", 3}, {"ab", "ba", 1}} {
		if got := distance(c.a, c.b); got != c.want || distance(c.b, c.a) != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

// FuzzNormalise: a normal form is its own, is allowed, and has nothing in it that a
// terminal obeys; no value, however long, makes a message long.
func FuzzNormalise(f *testing.F) {
	for i := range schema {
		f.Add(i, "true")
		f.Add(i, "+0042")
		f.Add(i, "1h30m")
		f.Add(i, "a, b")
		f.Add(i, "\x1b]0;x\x07")
	}
	f.Fuzz(func(t *testing.T, which int, value string) {
		o := schema[uint(which)%uint(len(schema))]
		got, err := o.Normalise(value)
		if err != nil {
			if len(err.Error()) > 1024 {
				t.Fatalf("a message of %d bytes", len(err.Error()))
			}
			return
		}
		if checkText(got) != nil {
			t.Fatalf("%q has control characters", got)
		}
		if again, err := o.Normalise(got); got != "" && (err != nil || again != got) {
			t.Fatalf("%s: %q is not its own normal form: %q, %v", o.Key, got, again, err)
		}
		if o.Secret || got == "" {
			return
		}
		for _, d := range schema.Validate(Values{o.Key: got}) {
			if d.Option == o.Key && !d.Warning {
				t.Fatalf("%s = %q is refused: %s", o.Key, got, d.Error())
			}
		}
	})
}
