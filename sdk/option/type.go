package option

import "fmt"

var typeNames = [...]string{"string", "int", "bool", "enum", "duration", "file", "list"}

// String is the type's name in manifests and help: "duration".
func (t Type) String() string {
	if t < 0 || int(t) >= len(typeNames) {
		return fmt.Sprintf("type %d", int(t))
	}
	return typeNames[t]
}

// MarshalText writes the type's name.
func (t Type) MarshalText() ([]byte, error) {
	if t < 0 || int(t) >= len(typeNames) {
		return nil, fmt.Errorf("no option type has the number %d", int(t))
	}
	return []byte(typeNames[t]), nil
}

// UnmarshalText reads the type's name.
func (t *Type) UnmarshalText(text []byte) error {
	for i, name := range typeNames {
		if name == string(text) {
			*t = Type(i)
			return nil
		}
	}
	return fmt.Errorf("%.32q is no option type; the types are string, int, bool, enum, duration, file and list", text)
}
