package option

import (
	"fmt"
	"maps"
	"slices"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Validate checks values against the schema and returns what is wrong: unknown keys
// with the nearest right one, values with what is allowed, what is missing. A value
// that has no effect is a warning. Secrets are not among the values; a required
// secret is asked for and so never missing.
func (s Schema) Validate(v Values) []diag.Diagnostic {
	_, found := s.Normalise(v)
	return found
}

// Normalise is Validate that also returns the values in their normal form; see
// Option.Normalise. Empty values count as absent. Values that are wrong are left out.
func (s Schema) Normalise(v Values) (Values, []diag.Diagnostic) {
	normal := make(Values, len(v))
	var found []diag.Diagnostic
	for _, o := range s {
		written := v[o.Key]
		if written == "" {
			continue
		}
		if o.Secret {
			found = append(found, wrong(o.Key, o.Key+" is a secret and has no place here",
				"keep it with the secrets: in the configuration file, a password file, or asked for"))
			continue
		}
		value, err := o.Normalise(written)
		if err != nil {
			found = append(found, wrong(o.Key, "the option "+o.Key+" has a wrong value", err.Error()))
		} else if value != "" {
			normal[o.Key] = value
		}
	}
	found = append(found, s.conditions(v, normal)...)
	return normal, append(found, s.unknown(v)...)
}

// conditions finds what is missing and what has no effect.
func (s Schema) conditions(written, normal Values) []diag.Diagnostic {
	effective := s.WithDefaults(normal)
	var found []diag.Diagnostic
	for _, o := range s {
		visible := o.VisibleIf.holds(effective)
		switch {
		case visible && o.Required && !o.Secret && written[o.Key] == "" && o.Default == "":
			found = append(found, wrong(o.Key, "the option "+o.Key+" is missing", o.Key+" takes "+o.Allowed()))
		case !visible && normal[o.Key] != "":
			d := wrong(o.Key, "the option "+o.Key+" has no effect",
				fmt.Sprintf("it counts only when %s is %s", o.VisibleIf.Key, o.VisibleIf.Value))
			d.Warning = true
			found = append(found, d)
		}
	}
	return found
}

func (c Condition) holds(effective Values) bool {
	return c.Key == "" || effective[c.Key] == c.Value
}

func (s Schema) unknown(v Values) []diag.Diagnostic {
	var found []diag.Diagnostic
	for _, key := range slices.Sorted(maps.Keys(v)) {
		if _, ok := s.Find(key); !ok {
			found = append(found, s.Unknown(key))
		}
	}
	return found
}

// Unknown is the diagnostic for a key that the schema does not have.
func (s Schema) Unknown(key string) diag.Diagnostic {
	detail := "no option is spelt like it"
	if near := Nearest(key, s.Keys()); near != "" {
		detail = "did you mean " + near + "?"
	}
	return wrong(key, "there is no option "+Quote(key), detail)
}

func wrong(key, summary, detail string) diag.Diagnostic {
	return diag.Diagnostic{Code: diag.Config, Summary: summary, Detail: detail, Option: key}
}

// Keys are the schema's keys in its order.
func (s Schema) Keys() []string {
	keys := make([]string, len(s))
	for i, o := range s {
		keys[i] = o.Key
	}
	return keys
}

// WithDefaults returns a copy of v with the defaults of absent options filled in,
// in normal form. Secrets have none.
func (s Schema) WithDefaults(v Values) Values {
	full := make(Values, len(v))
	maps.Copy(full, v)
	for _, o := range s {
		if full[o.Key] != "" || o.Default == "" || o.Secret {
			continue
		}
		if value, err := o.Normalise(o.Default); err == nil {
			full[o.Key] = value
		}
	}
	return full
}
