package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/penstock-vpn/penstock/host/foreign"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
	"github.com/penstock-vpn/penstock/sdk/secret"
)

// connectionObject is a connection as NetworkManager has it.
type connectionObject struct {
	Name    string            `json:"name"`
	Data    map[string]string `json:"data"`
	Secrets map[string]string `json:"secrets"`
	Notes   []string          `json:"notes"` // what has no counterpart
}

type importObject struct {
	Connections []connectionObject `json:"connections"`
	Notes       []string           `json:"notes"`
}

func importObjects(r foreign.Result, secrets bool) importObject {
	all := importObject{Connections: []connectionObject{}, Notes: append([]string{}, r.Notes...)}
	for _, c := range r.Connections {
		o := connectionObject{Name: c.Name, Data: map[string]string{}, Secrets: map[string]string{}, Notes: append([]string{}, c.Notes...)}
		maps.Copy(o.Data, c.Options)
		for key, flags := range c.Flags {
			o.Data[key+flagsSuffix] = flags
		}
		for key, s := range c.Secrets {
			if secrets {
				o.Secrets[key] = s.Reveal()
			}
		}
		all.Connections = append(all.Connections, o)
	}
	return all
}

const (
	flagsSuffix = "-flags" // of a secret's NetworkManager flags in vpn.data
	maxExport   = 1 << 20  // bytes
)

// exportCommand writes a connection of NetworkManager as a table for penstock.toml;
// its editor calls it.
func (a *app) exportCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "export",
		Short:  "Print a connection of NetworkManager, JSON on standard input, for penstock.toml",
		Hidden: true,
		Args:   wantArgs(0, 0),
		RunE: func(*cobra.Command, []string) error {
			var o connectionObject
			if err := json.NewDecoder(io.LimitReader(a.stdin, maxExport)).Decode(&o); err != nil {
				return diag.New(diag.Config, "the connection on standard input cannot be read", err.Error())
			}
			schema, err := a.schemaOf(o.Data["protocol"])
			if err != nil {
				return err
			}
			c := foreign.Connection{Name: o.Name, Options: option.Values{}, Secrets: map[string]secret.String{}}
			for key, value := range o.Data {
				if !strings.HasSuffix(key, flagsSuffix) {
					c.Options[key] = value
				}
			}
			_, err = io.WriteString(a.out.out, table(c, schema, false))
			return err
		},
	}
}

// table is a connection in TOML. Secrets that it does not print are named.
func table(c foreign.Connection, schema option.Schema, secrets bool) string {
	var b strings.Builder
	name := tableName(c.Name)
	if name != c.Name {
		fmt.Fprintf(&b, "# %s\n", strings.Map(oneLine, c.Name))
	}
	fmt.Fprintf(&b, "[connection.%s]\n", quoteTable(name))
	for _, key := range inSchemaOrder(schema, c.Options) {
		o, _ := schema.Find(key)
		value := quoteTOML(c.Options[key])
		if normal, err := o.Normalise(c.Options[key]); err == nil && (o.Type == option.Bool || o.Type == option.Int) {
			value = normal
		}
		fmt.Fprintf(&b, "%s = %s\n", quoteTable(key), value)
	}
	for _, key := range slices.Sorted(maps.Keys(c.Secrets)) {
		if secrets {
			fmt.Fprintf(&b, "%s = %s\n", quoteTable(key), quoteTOML(c.Secrets[key].Reveal()))
		} else {
			fmt.Fprintf(&b, "# %s is left out: it is a secret; --with-secrets prints it\n", key)
		}
	}
	return b.String()
}

// inSchemaOrder are the keys of values, those that the schema does not have last.
func inSchemaOrder(schema option.Schema, values option.Values) []string {
	keys := slices.DeleteFunc(schema.Keys(), func(key string) bool { return values[key] == "" })
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(keys, key) && values[key] != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// tableName is a name in the letters that a connection's may have.
func tableName(name string) string {
	plain := strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
			return r
		}
		return '-'
	}, name), ".-")
	if plain = plain[:min(len(plain), 64)]; plain == "" {
		return "vpn"
	}
	return plain
}

// quoteTable is a key of TOML, bare when it may be.
func quoteTable(key string) string {
	if key != "" && !strings.ContainsFunc(key, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	}) {
		return key
	}
	return quoteTOML(key)
}

// quoteTOML is a basic string of TOML.
func quoteTOML(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func oneLine(r rune) rune {
	if r < ' ' || r == 0x7f {
		return ' '
	}
	return r
}
