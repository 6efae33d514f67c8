package dialog

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/penstock-vpn/penstock/host/ui"
)

// maxDescription bounds the text above the fields, in bytes.
const maxDescription = 8 << 10

// keyFile is s as external UI mode wants it from us, for what a shows.
func keyFile(s sheet, a agent) string {
	var b strings.Builder
	group(&b, "VPN Plugin UI", "Version", "2", "Title", escape(s.title), "Description", escape(description(s)))
	for _, e := range fit(s.entries, a) {
		value, secret := e.value, true
		if e.asked && !e.Secret {
			secret = !a.showsText()
		}
		label := e.label()
		if e.asked && secret && !e.Secret && value != "" { // a default that is not seen
			label, value = fmt.Sprintf("%s [%s]", label, ui.Line(value)), ""
		}
		group(&b, e.Key, "Value", escape(value), "Label", escape(label), "IsSecret", fmt.Sprint(secret), "ShouldAsk", fmt.Sprint(e.asked))
	}
	return b.String()
}

// fit gives the defaults of fields back that a has no room to ask for.
func fit(entries []entry, a agent) []entry {
	asked := 0
	for _, e := range entries {
		if e.asked {
			asked++
		}
	}
	for i := range entries {
		if e := &entries[i]; asked > a.most() && e.asked && e.value != "" {
			e.asked = false
			asked--
		}
	}
	return entries
}

// description is the sheet's text and what may be chosen.
func description(s sheet) string {
	lines := []string{s.text}
	for _, e := range s.entries {
		if !e.asked || len(e.Choices) == 0 {
			continue
		}
		lines = append(lines, e.label()+", one of:")
		for _, c := range e.Choices {
			value, label := ui.Line(c.Value), ui.Line(c.Label)
			if label != "" && label != value {
				value += " - " + label
			}
			lines = append(lines, "  "+value)
		}
	}
	text := strings.Join(lines, "\n")
	if len(text) > maxDescription {
		text = strings.ToValidUTF8(text[:maxDescription], "") + "\n..."
	}
	return text
}

func group(b *strings.Builder, name string, pairs ...string) {
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
	fmt.Fprintf(b, "[%s]\n", name)
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(b, "%s=%s\n", pairs[i], pairs[i+1])
	}
}

// escape writes a value as GLib reads it back: spaces at its ends, backslashes, ends
// of lines and tabs have sequences. Other control characters have no place in it.
func escape(value string) string {
	if !utf8.ValidString(value) {
		return ""
	}
	inner := strings.Trim(value, " ")
	before, _, _ := strings.Cut(value, inner)
	after := value[len(before)+len(inner):]
	var b strings.Builder
	b.WriteString(strings.Repeat(`\s`, len(before)))
	for _, r := range inner {
		switch {
		case r == '\\':
			b.WriteString(`\\`)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case !unicode.IsControl(r):
			b.WriteRune(r)
		}
	}
	b.WriteString(strings.Repeat(`\s`, len(after)))
	return b.String()
}
