package dialog

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/nm/internal/adopt"
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
		s.entries = []entry{{Field: ask.Field{Key: q.Keys()[0], Label: fmt.Sprintf("Type %q for %q", ask.Yes, accept)}, asked: a.Interact, confirm: accept}}
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
func stored(a Args, c adopt.Connection, schemaOf func(string) (option.Schema, error)) sheet {
	s := sheet{title: "Authenticate VPN " + ui.Line(a.Name), text: "Log in to the VPN " + ui.Line(a.Name) + "."}
	for _, f := range secretFields(c.Data, schemaOf) {
		flags, _ := ask.FlagsOf(c.Data, f.Key)
		if !flags.ByAgent() {
			continue
		}
		e := entry{Field: f, asked: a.Interact}
		if flags&ask.NotSaved == 0 {
			e.value = c.Secrets[f.Key]
			e.asked = a.Interact && (a.Again || e.value == "")
		}
		e.Key = c.Key(f.Key)
		s.entries = append(s.entries, e)
	}
	return s
}

// session makes the sheet of a session that somebody has logged in to. Of the agents
// that run us nmcli does that, by `openconnect --authenticate` or a passwd-file; the
// others are told to leave it to the service.
func session(s sheet, a Args, c adopt.Connection, by agent) sheet {
	if by != nmcli {
		s.entries = append(s.entries, entry{Field: ask.Field{Key: "gateway", Secret: true}, value: c.Data["gateway"]})
		return s
	}
	for _, key := range adopt.SessionKeys {
		s.entries = append(s.entries, entry{Field: ask.Field{Key: key, Label: key, Secret: true}, asked: a.Interact})
	}
	return s
}

// secretFields are the secrets of the protocol; without its schema, what the data has
// flags of.
func secretFields(data map[string]string, schemaOf func(string) (option.Schema, error)) []ask.Field {
	var fields []ask.Field
	schema, err := schemaOf(data["protocol"])
	for _, o := range schema {
		if o.Secret {
			fields = append(fields, ask.Field{Key: o.Key, Label: o.Label, Secret: true})
		}
	}
	if err == nil {
		return fields
	}
	for _, name := range slices.Sorted(maps.Keys(data)) {
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
