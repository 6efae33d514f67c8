package foreign

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/penstock-vpn/penstock/sdk/option"
	"github.com/penstock-vpn/penstock/sdk/secret"
)

// fields are what a file says of one connection, by dotted keys; readers take them
// out one by one.
type fields map[string]string

// put adds a value; a key that is there already gets a number behind it.
func (f fields) put(key, value string) {
	free := key
	for n := 1; ; n++ {
		if _, taken := f[free]; !taken {
			break
		}
		free = key + "." + strconv.Itoa(n)
	}
	f[free] = value
}

// take returns a value and removes it.
func (f fields) take(key string) string {
	value := strings.TrimSpace(f[key])
	delete(f, key)
	return value
}

// yes takes a switch.
func (f fields) yes(key string) bool {
	switch strings.ToLower(f.take(key)) {
	case "true", "yes", "on", "1":
		return true
	}
	return false
}

// drop removes what says nothing of the connection itself; a key that ends with a
// dot stands for all that begins so.
func (f fields) drop(keys ...string) {
	for _, key := range keys {
		delete(f, key)
		if strings.HasSuffix(key, ".") {
			maps.DeleteFunc(f, func(k, _ string) bool { return strings.HasPrefix(k, key) })
		}
	}
}

// within takes all that begins with prefix, without it.
func (f fields) within(prefix string) fields {
	inner := fields{}
	for key, value := range f {
		if rest, ok := strings.CutPrefix(key, prefix); ok {
			inner[rest] = value
			delete(f, key)
		}
	}
	return inner
}

// flatten makes fields of nested maps and lists of texts.
func flatten(to fields, key string, value any) {
	join := func(part string) string {
		if key == "" {
			return part
		}
		return key + "." + part
	}
	switch v := value.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			flatten(to, join(k), v[k])
		}
	case []any:
		for i, item := range v {
			flatten(to, join(strconv.Itoa(i)), item)
		}
	case string:
		to.put(key, v)
	}
}

// draft is a connection in the making.
type draft struct {
	Connection
	fields fields
	keeps  map[string]string // see service
}

func newDraft(name, protocol string, f fields) *draft {
	return &draft{fields: f, Connection: Connection{
		Name: name, Options: option.Values{"protocol": protocol},
		Secrets: map[string]secret.String{}, Flags: map[string]string{}, Files: map[string]File{},
		Keys: map[string]string{}, Spoken: map[string]string{},
	}}
}

// set gives an option a value; "" gives it none.
func (d *draft) set(key, value string) {
	if value = strings.TrimSpace(value); value != "" {
		d.Options[key] = value
	}
}

// hide gives a secret option a value.
func (d *draft) hide(key, value string) {
	if value != "" {
		d.Secrets[key] = secret.New(value)
	}
}

// move takes a field as the value of an option.
func (d *draft) move(field, key string) { d.set(key, d.fields.take(field)) }

// moveSecret takes a field as the value of a secret option, blanks included.
func (d *draft) moveSecret(field, key string) {
	d.hide(key, d.fields[field])
	d.fields.take(field)
}

// hold makes a file of data for an option.
func (d *draft) hold(key, ending, data string) {
	d.Files[key] = File{ending, secret.New(data)}
}

func (d *draft) note(format string, args ...any) {
	d.Notes = append(d.Notes, printable(fmt.Sprintf(format, args...), maxNote))
}

// refuse says that no connection of ours is what this one is to be. The first reason counts.
func (d *draft) refuse(key, why string) {
	if d.Refused == "" {
		d.Refused = printable(key+": "+why, maxNote)
	}
}

// reason says why fields that begin with key, or a part of whose key does, have no
// counterpart.
type reason struct{ key, why string }

const noSetting = "penstock has no such setting"

// done is the connection; what nobody took is named in its notes.
func (d *draft) done(reasons ...reason) Connection {
	if d.Refused != "" {
		d.Notes = append(d.Notes, d.Refused)
	}
	d.Notes = append(d.Notes, d.fields.left(reasons)...)
	if d.Name = printable(d.Name, maxName); d.Name == "" {
		d.Name = printable(d.Options["gateway"], maxName)
	}
	return d.Connection
}

// Limits of what is shown to people.
const (
	maxName  = 128
	maxNote  = 2000
	maxNamed = 40 // keys in one note
)

// left names what was not taken, one note a reason.
func (f fields) left(reasons []reason) (notes []string) {
	byReason := map[string][]string{}
	for _, key := range slices.Sorted(maps.Keys(f)) {
		if strings.TrimSpace(f[key]) == "" {
			continue
		}
		why := noSetting
		for _, r := range reasons {
			if strings.HasPrefix(key, r.key) || strings.Contains(key, "."+r.key) {
				why = r.why
				break
			}
		}
		if name := shortKey(key); !slices.Contains(byReason[why], name) {
			byReason[why] = append(byReason[why], name)
		}
	}
	for _, why := range slices.Sorted(maps.Keys(byReason)) {
		names := byReason[why]
		more := ""
		if len(names) > maxNamed {
			more = fmt.Sprintf(" and %d more", len(names)-maxNamed)
			names = names[:maxNamed]
		}
		notes = append(notes, printable(strings.Join(names, ", ")+more+": "+why, maxNote))
	}
	return notes
}

// shortKey ends before the first number: all items of a list are one thing.
func shortKey(key string) string {
	parts := strings.Split(key, ".")
	for i, part := range parts {
		if _, err := strconv.Atoi(part); err == nil && i > 0 {
			parts = parts[:i]
			break
		}
	}
	return printable(strings.Join(parts, "."), 64)
}

// printable is text in one line of at most so many bytes.
func printable(text string, most int) string {
	text = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || r == ' ' {
			return r
		}
		return ' '
	}, text)), " ")
	for len(text) > most {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}
