package aggregate

import (
	"strings"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Entry is a scripted answer to one field of one form.
type Entry struct {
	Form  string // the form's id
	Field string
	Value string
}

// ParseEntries reads FORM:FIELD=VALUE, one in each string.
func ParseEntries(list string) ([]Entry, error) {
	var entries []Entry
	for _, text := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' }) {
		place, value, hasValue := strings.Cut(text, "=")
		form, field, hasField := strings.Cut(place, ":")
		if !hasValue || !hasField || form == "" || field == "" {
			return nil, diag.New(diag.Config, "a scripted answer is not of the form FORM:FIELD=VALUE", "For example main:secondary_password=push.").With("form-entry")
		}
		entries = append(entries, Entry{form, field, value})
	}
	return entries, nil
}

// entry is the scripted answer for a field, once: a refused one is not sent again.
func (a *Answers) entry(form, field string) (string, bool) {
	key := form + ":" + field
	if a.used[key] {
		return "", false
	}
	for _, e := range a.Entries {
		if e.Form == form && e.Field == field {
			if a.used == nil {
				a.used = map[string]bool{}
			}
			a.used[key] = true
			return e.Value, true
		}
	}
	return "", false
}
