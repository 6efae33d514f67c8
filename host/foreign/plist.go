package foreign

import (
	"errors"
	"fmt"
	"strings"
)

// plist makes maps, lists and texts of a property list's element; data and switches
// are texts too.
func plist(e *element) (any, error) {
	switch e.name {
	case "dict":
		return plistDict(e)
	case "array":
		list := []any{}
		for _, c := range e.children {
			item, err := plist(c)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		return list, nil
	case "string", "integer", "real", "date":
		return e.text, nil
	case "true", "false":
		return e.name, nil
	case "data":
		data, err := unbase64(e.text)
		if err != nil {
			return nil, fmt.Errorf("a <data> of the property list: %w", err)
		}
		return data, nil
	}
	return nil, fmt.Errorf("a property list has no <%s>", printable(e.name, 32))
}

func plistDict(e *element) (any, error) {
	if len(e.children)%2 != 0 {
		return nil, errors.New("a <dict> of the property list has a key without a value")
	}
	dict := map[string]any{}
	for i := 0; i < len(e.children); i += 2 {
		if e.children[i].name != "key" {
			return nil, errors.New("a <dict> of the property list has a value without a key")
		}
		value, err := plist(e.children[i+1])
		if err != nil {
			return nil, err
		}
		dict[strings.TrimSpace(e.children[i].text)] = value
	}
	return dict, nil
}
