package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/BurntSushi/toml"

	"github.com/penstock-vpn/penstock/host/internal/control"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
)

// value is what one key has, and where.
type value struct {
	raw  any // string, int64, bool, float64, time.Time, []any or map[string]any
	line int
}

type table = map[string]toml.Primitive

// parse finds the connections of f.
func (f *file) parse() error {
	var top table
	md, err := toml.Decode(string(f.data), &top)
	if err != nil {
		return f.syntax(err)
	}
	for _, key := range slices.Sorted(maps.Keys(top)) {
		if key != "connection" {
			return f.wrong(lineOf(&md, top[key]), fmt.Sprintf("there is no setting %q", key), suggest(key, []string{"connection"},
				"a file has tables [connection.NAME] only"))
		}
		if err := f.parseConnections(&md, top[key]); err != nil {
			return err
		}
	}
	return nil
}

func (f *file) parseConnections(md *toml.MetaData, p toml.Primitive) error {
	tables, ok := asTable(md, p)
	if !ok {
		return f.wrong(lineOf(md, p), "connection is not a table", "write [connection.NAME] and the options below it")
	}
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		line := lineOf(md, tables[name])
		options, ok := asTable(md, tables[name])
		if !ok {
			return f.wrong(line, fmt.Sprintf("connection.%s is not a table", name), "write [connection.NAME] and the options below it")
		}
		c := Connection{Name: name, file: f, values: map[string]value{}}
		for key, p := range options {
			var raw any
			if err := md.PrimitiveDecode(p, &raw); err != nil {
				return f.syntax(err)
			}
			c.values[key] = value{raw: raw, line: lineOf(md, p)}
		}
		if !control.ValidName(name) {
			return f.wrong(line, fmt.Sprintf("%.80q is no name for a connection", name),
				"a name is 1 to 64 letters, digits, dots, hyphens and underscores")
		}
		f.connections[name] = c
	}
	return nil
}

func asTable(md *toml.MetaData, p toml.Primitive) (table, bool) {
	var raw any
	if err := md.PrimitiveDecode(p, &raw); err != nil {
		return nil, false
	}
	if _, ok := raw.(map[string]any); !ok {
		return nil, false
	}
	var t table
	err := md.PrimitiveDecode(p, &t)
	return t, err == nil
}

// refusal is decoded into only to be told where: the decoder reports an error of
// UnmarshalTOML with the position of the value.
type refusal struct{}

var errRefused = errors.New("refused")

// UnmarshalTOML refuses.
func (*refusal) UnmarshalTOML(any) error { return errRefused }

// lineOf returns the line of a value; of a table without a header of its own, that
// of its first key.
func lineOf(md *toml.MetaData, p toml.Primitive) int {
	var at toml.ParseError
	if errors.As(md.PrimitiveDecode(p, &refusal{}), &at) && at.Position.Line > 0 {
		return at.Position.Line
	}
	first := 0
	inner, _ := asTable(md, p)
	for _, child := range inner {
		if line := lineOf(md, child); line > 0 && (first == 0 || line < first) {
			first = line
		}
	}
	return first
}

func (f *file) syntax(err error) error {
	var at toml.ParseError
	if errors.As(err, &at) {
		return f.wrong(at.Position.Line, "this is not valid TOML", at.Message)
	}
	return f.wrong(0, "this is not valid TOML", err.Error())
}

func (f *file) wrong(line int, summary, detail string) *diag.Diagnostic {
	return diag.New(diag.Config, f.at(line)+": "+summary, detail)
}

func suggest(word string, candidates []string, otherwise string) string {
	if near := option.Nearest(word, candidates); near != "" {
		return "did you mean " + near + "?"
	}
	return otherwise
}
