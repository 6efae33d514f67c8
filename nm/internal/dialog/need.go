package dialog

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/nm/internal/ask"
	"github.com/penstock-vpn/penstock/sdk/option"
)

// sheet is what is asked and what is given back without asking.
type sheet struct {
	title, text string
	entries     []entry
}

// entry is one value of a sheet.
type entry struct {
	ask.Field
	value   string // what is given back, or what the user may change
	asked   bool
	confirm string // what yes means, for a yes or no
}

// question makes the sheet of a Form or Confirm that the service asks.
func question(q ask.Question, a Args, d details) sheet {
	s := sheet{title: "Authenticate VPN " + ui.Line(a.Name), text: q.Message()}
	fields := q.Fields
	if c := q.Confirm; c != nil {
		accept := cmp.Or(ui.Line(c.Accept), "go on")
		s.entries = []entry{{Field: ask.Field{Key: ask.KeyConfirm, Label: fmt.Sprintf("Type %q for %q", ask.Yes, accept)}, asked: a.Interact, confirm: accept}}
	}
	for _, f := range fields {
		e := entry{Field: f, value: f.Default, asked: a.Interact}
		if !a.Interact && !a.Again {
			e.value = d.secrets[f.Key]
		}
		s.entries = append(s.entries, e)
	}
	return s
}

// stored makes the sheet of the secrets that the connection's flags leave to agents:
// what the agent keeps is given back, what is not saved is asked for.
func stored(a Args, d details, schemaOf func(string) (option.Schema, error)) sheet {
	s := sheet{title: "Authenticate VPN " + ui.Line(a.Name), text: "Log in to the VPN " + ui.Line(a.Name) + "."}
	for _, f := range secretFields(d, schemaOf) {
		flags, _ := ask.FlagsOf(d.data, f.Key)
		if !flags.ByAgent() {
			continue
		}
		e := entry{Field: f, asked: a.Interact}
		if flags&ask.NotSaved == 0 {
			e.value = d.secrets[f.Key]
			e.asked = a.Interact && (a.Again || e.value == "")
		}
		s.entries = append(s.entries, e)
	}
	return s
}

// secretFields are the secrets of the protocol; without its schema, what the data has
// flags of.
func secretFields(d details, schemaOf func(string) (option.Schema, error)) []ask.Field {
	var fields []ask.Field
	schema, err := schemaOf(d.data["protocol"])
	for _, o := range schema {
		if o.Secret {
			fields = append(fields, ask.Field{Key: o.Key, Label: o.Label, Secret: true})
		}
	}
	if err == nil {
		return fields
	}
	for _, name := range slices.Sorted(maps.Keys(d.data)) {
		if key, ok := strings.CutSuffix(name, ask.FlagsSuffix); ok && ask.ValidKey(key) {
			fields = append(fields, ask.Field{Key: key, Label: key, Secret: true})
		}
	}
	return fields
}

// label is what people see of e, in one line.
func (e entry) label() string {
	return cmp.Or(strings.TrimRight(ui.Line(e.Label), ": "), e.Key)
}
