package config

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
	"github.com/penstock-vpn/penstock/sdk/secret"
)

// Resolved is a connection checked by a schema.
type Resolved struct {
	Values  option.Values // in normal form, without defaults; paths are absolute
	Secrets map[string]secret.String
}

// Protocol is the connection's protocol as written, "" when it has none: it says
// which schema Resolve needs.
func (c Connection) Protocol() string {
	protocol, _ := c.values["protocol"].raw.(string)
	return protocol
}

// Source says where the connection is written, for messages.
func (c Connection) Source() string { return c.file.path }

// Resolve checks the connection by its schema. It returns everything that is wrong,
// in order of the lines; a required option that is missing is not, since the command
// line may add it.
func (c Connection) Resolve(schema option.Schema) (Resolved, []diag.Diagnostic) {
	r := Resolved{Values: option.Values{}, Secrets: map[string]secret.String{}}
	var found []located
	for key, v := range c.values {
		if d := c.resolve(schema, key, v, &r); d != nil {
			d.Summary = c.file.at(v.line) + ": " + d.Summary
			found = append(found, located{v.line, *d})
		}
	}
	if err := c.file.checkSecrets(schema); err != nil {
		found = append(found, located{0, *diag.Of(err)})
	}
	return r, inOrder(found)
}

type located struct {
	line int
	diag diag.Diagnostic
}

func inOrder(found []located) []diag.Diagnostic {
	slices.SortFunc(found, func(a, b located) int {
		return cmp.Or(cmp.Compare(a.line, b.line), strings.Compare(a.diag.Summary, b.diag.Summary))
	})
	var all []diag.Diagnostic
	for _, l := range found {
		all = append(all, l.diag)
	}
	return all
}

// resolve puts one key where it belongs and returns what is wrong with it.
func (c Connection) resolve(schema option.Schema, key string, v value, r *Resolved) *diag.Diagnostic {
	o, ok := schema.Find(key)
	if !ok {
		return c.resolveSecretFile(schema, key, v, r)
	}
	text, err := written(o, v.raw)
	if err == nil && !o.Secret {
		text, err = o.Normalise(text)
	}
	if err != nil {
		d := diag.New(diag.Config, "the option "+key+" has a wrong value", err.Error())
		return d.With(key)
	}
	switch {
	case text == "":
	case o.Secret:
		r.Secrets[key] = secret.New(text)
	case o.Type == option.File:
		r.Values[key] = c.file.absolute(text)
	default:
		r.Values[key] = text
	}
	return nil
}

// resolveSecretFile takes password-file for password; any other key is unknown.
func (c Connection) resolveSecretFile(schema option.Schema, key string, v value, r *Resolved) *diag.Diagnostic {
	base, isFile := strings.CutSuffix(key, "-file")
	o, ok := schema.Find(base)
	if !isFile || !ok || !o.Secret {
		d := schema.Unknown(key)
		if near := option.Nearest(key, Keys(schema)); near != "" {
			d.Detail = "did you mean " + near + "?"
		}
		return &d
	}
	path, err := written(option.Option{Key: key, Type: option.File}, v.raw)
	if err != nil {
		return diag.New(diag.Config, "the option "+key+" has a wrong value", err.Error()).With(key)
	}
	if _, both := c.values[base]; both {
		return diag.New(diag.Config, "both "+base+" and "+key+" are set", "remove one of them").With(key)
	}
	s, err := ReadSecret(c.file.absolute(path))
	if err != nil {
		return diag.Of(err).With(key)
	}
	r.Secrets[base] = s
	return nil
}

// Keys are the keys that a table may have under the schema.
func Keys(schema option.Schema) []string {
	keys := schema.Keys()
	for _, o := range schema {
		if o.Secret {
			keys = append(keys, o.Key+"-file")
		}
	}
	return keys
}

// written turns a TOML value into the text that the option would have elsewhere.
func written(o option.Option, raw any) (string, error) {
	needsText := o.Secret || o.Type == option.String || o.Type == option.File || o.Type == option.List
	switch v := raw.(type) {
	case string:
		return v, nil
	case int64:
		if !needsText {
			return strconv.FormatInt(v, 10), nil
		}
	case bool:
		if !needsText {
			return strconv.FormatBool(v), nil
		}
	case []any:
		if o.Type == option.List {
			return joined(o, v)
		}
	}
	if needsText {
		return "", fmt.Errorf("%s takes %s, in quotes", o.Key, o.Allowed())
	}
	return "", fmt.Errorf("%s takes %s", o.Key, o.Allowed())
}

func joined(o option.Option, items []any) (string, error) {
	texts := make([]string, 0, len(items))
	for _, item := range items {
		text, ok := item.(string)
		if !ok || strings.Contains(text, ",") {
			return "", fmt.Errorf("%s takes an array of texts in quotes, without commas in them", o.Key)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ","), nil
}

// absolute resolves a path against the folder of f; URIs (pkcs11:...) stay.
func (f *file) absolute(path string) string {
	return Absolute(filepath.Dir(f.path), path)
}

// Absolute resolves a path as written against dir. URIs (pkcs11:...) stay; ~/ is the
// user's home.
func Absolute(dir, path string) string {
	if filepath.IsAbs(path) || strings.HasPrefix(path, "pkcs11:") {
		return path
	}
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	return filepath.Join(dir, path)
}

// checkSecrets looks for a secret in any connection of the file.
func (f *file) checkSecrets(schema option.Schema) error {
	for _, name := range slices.Sorted(maps.Keys(f.connections)) {
		for key := range f.connections[name].values {
			if o, ok := schema.Find(key); ok && o.Secret {
				return checkReaders(f.path, f.info)
			}
		}
	}
	return nil
}
