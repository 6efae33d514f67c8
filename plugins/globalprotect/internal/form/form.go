// Package form is the body of GlobalProtect's requests: named values in an order, URL
// encoded. A session's cookie is one too.
package form

import (
	"errors"
	"slices"
	"strings"
)

// Bounds of what Parse reads, in bytes and fields.
const (
	maxText   = 64 << 10
	maxFields = 256
)

// Field is one value.
type Field struct{ Name, Value string }

// Fields are values in order.
type Fields []Field

// Get returns the first value of that name, or "".
func (f Fields) Get(name string) string {
	for _, field := range f {
		if field.Name == name {
			return field.Value
		}
	}
	return ""
}

// With appends a value, unless it is empty.
func (f Fields) With(name, value string) Fields {
	if value == "" {
		return f
	}
	return append(slices.Clip(f), Field{name, value})
}

// Only returns the fields of these names, in f's order.
func (f Fields) Only(names ...string) Fields {
	return f.filter(func(name string) bool { return slices.Contains(names, name) })
}

// Without returns the fields of all other names.
func (f Fields) Without(names ...string) Fields {
	return f.filter(func(name string) bool { return !slices.Contains(names, name) })
}

func (f Fields) filter(keep func(name string) bool) Fields {
	var out Fields
	for _, field := range f {
		if keep(field.Name) {
			out = append(out, field)
		}
	}
	return out
}

// Encode writes name=value&name=value, with %XX for all but letters, digits and -_.~.
func (f Fields) Encode() string {
	var b strings.Builder
	for i, field := range f {
		if i > 0 {
			b.WriteByte('&')
		}
		escape(&b, field.Name)
		b.WriteByte('=')
		escape(&b, field.Value)
	}
	return b.String()
}

func escape(b *strings.Builder, text string) {
	const digits = "0123456789ABCDEF"
	for i := range len(text) {
		c := text[i]
		if plain(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
}

func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.~", c) >= 0
}

var (
	errLong  = errors.New("it is too long")
	errField = errors.New("it is no list of NAME=VALUE with & between")
)

// Parse reads what Encode writes. Empty parts are passed over; a + is a space.
func Parse(text string) (Fields, error) {
	if len(text) > maxText {
		return nil, errLong
	}
	var f Fields
	for part := range strings.SplitSeq(text, "&") {
		if part == "" {
			continue
		}
		name, value, found := strings.Cut(part, "=")
		if !found || name == "" || len(f) == maxFields {
			return nil, errField
		}
		f = append(f, Field{Unescape(name), Unescape(value)})
	}
	return f, nil
}

// Unescape undoes %XX and +; what is no escape stays as it is.
func Unescape(text string) string {
	if !strings.ContainsAny(text, "%+") {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '+':
			out = append(out, ' ')
		case c == '%' && i+2 < len(text) && hex(text[i+1]) < 16 && hex(text[i+2]) < 16:
			out = append(out, hex(text[i+1])<<4|hex(text[i+2]))
			i += 2
		default:
			out = append(out, c)
		}
	}
	return string(out)
}

// hex is the digit's value, 16 for what is none.
func hex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 16
}
