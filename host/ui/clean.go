package ui

import (
	"regexp"
	"strings"
	"unicode"
)

// maxText bounds what is shown of one text, in bytes.
const maxText = 16 << 10

// sequence is what terminals obey: CSI, OSC with its end, and the two-byte ones.
var sequence = regexp.MustCompile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|[ -~])")

// Clean makes a text from the network safe to print: lines and tabs stay; control
// characters, escape sequences and what turns the writing direction go.
func Clean(text string) string {
	if len(text) > maxText {
		text = text[:maxText]
	}
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "?"), "\r\n", "\n")
	text = sequence.ReplaceAllString(text, "")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r):
			return -1
		}
		return r
	}, text)
}

// Line is Clean in one line.
func Line(text string) string {
	return strings.Join(strings.Fields(Clean(text)), " ")
}
