package framing

import "testing"

func TestSpecValidateNamesTheField(t *testing.T) {
	cases := map[string]struct {
		spec Spec
		ok   bool
	}{
		"identity":            {Spec{}, true},
		"cstp":                {Spec{Header: make([]byte, 8), Length: Field{4, 2}, Type: Field{6, 1}, MaxPayload: 16384}, true},
		"length outside":      {Spec{Header: make([]byte, 4), Length: Field{3, 2}}, false},
		"odd width":           {Spec{Header: make([]byte, 8), Type: Field{0, 3}}, false},
		"negative offset":     {Spec{Header: make([]byte, 8), Type: Field{-1, 1}}, false},
		"header too long":     {Spec{Header: make([]byte, MaxHeader+1)}, false},
		"payload over 64 KiB": {Spec{MaxPayload: MaxFrame + 1}, false},
	}
	for name, c := range cases {
		if err := c.spec.Validate(); (err == nil) != c.ok {
			t.Errorf("%s: Validate() = %v, want ok=%v", name, err, c.ok)
		}
	}
}
