// Package option is the one option schema: it gives TOML keys, command line
// flags, NetworkManager keys and editor fields, and one validator for all of them.
package option

// Type says how a value is written and checked.
type Type int

const (
	String   Type = iota
	Int           // decimal
	Bool          // true, false, yes, no, on, off, 1, 0
	Enum          // one of Choices
	Duration      // Go syntax ("30s", "5m"), or a bare number of seconds
	File          // a path
	List          // comma separated strings
)

// Option is one entry of a schema.
type Option struct {
	Key       string // [a-z0-9-]{1,48}
	Type      Type
	Label     string // for people: "Gateway"
	Help      string // one sentence
	Default   string
	Required  bool
	Choices   []string // Enum only
	Group     string   // page of the editor
	Advanced  bool
	VisibleIf Condition
	Secret    bool  // kept with secrets, never printed
	Min, Max  int64 // Int, and Duration in seconds; both 0: unbounded
}

// Condition holds when the option Key has Value; the zero Condition always holds.
type Condition struct {
	Key, Value string
}

// Schema is an ordered set of options with unique keys.
type Schema []Option

// Find returns the option with that key.
func (s Schema) Find(key string) (Option, bool) {
	for _, o := range s {
		if o.Key == key {
			return o, true
		}
	}
	return Option{}, false
}

// Values are options by key, as written; secrets live elsewhere.
type Values map[string]string
