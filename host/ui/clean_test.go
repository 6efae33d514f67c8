package ui

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"Welcome\r\nto\tus": "Welcome\nto\tus", "\x1b[31mred\x1b[0m": "red", "\x1b]0;title\x07x": "x", "\x1b]8;;http://x\x1b\\link": "link",
		"a\rb": "ab", "a\x9b31mb": "a?31mb", "a\u009b31mb": "a31mb", "\u202egnp.exe": "gnp.exe", "\x1bc": "", "\x00\x08\x7f": "", "ä\xff": "ä?", "\x1b": "",
	} {
		if got := Clean(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	if got := Line(" a\n\n b\t"); got != "a b" {
		t.Errorf("line: %q", got)
	}
}

func FuzzClean(f *testing.F) {
	f.Add("\x1b[31m\x1b]0;x\x07\u202e")
	f.Fuzz(func(t *testing.T, text string) {
		got := Clean(text)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return r != '\n' && r != '\t' && unicode.IsControl(r) }) {
			t.Fatalf("%q becomes %q", text, got)
		}
		if again := Clean(got); again != got {
			t.Fatalf("%q is cleaned again to %q", got, again)
		}
	})
}
