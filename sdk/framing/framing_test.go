package framing

import (
	"encoding/binary"
	"testing"
	"time"
)

func probing(packet []byte, answer ...Match) Spec {
	return Spec{Rules: Rules{Dpd: Dpd{After: time.Second}, Probe: Probe{Packet: packet, Answer: answer}}}
}

// ping is a packet of size bytes, as far as its header tells.
func ping(version byte, size int) []byte {
	b := make([]byte, size)
	b[0] = version << 4
	if version == 4 {
		binary.BigEndian.PutUint16(b[2:], uint16(size))
	} else {
		binary.BigEndian.PutUint16(b[4:], uint16(size-40))
	}
	return b
}

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

		"probe":                     {probing(ping(4, 28), Match{20, []byte{0}}), true},
		"probe of IPv6":             {probing(ping(6, 48)), true},
		"probe that lies about it":  {probing(append(ping(4, 28), 0)), false},
		"probe of no IP":            {probing([]byte("are you there? there? there?")), false},
		"probe that is long":        {probing(ping(4, maxProbe+1)), false},
		"probe, and types":          {Spec{Header: make([]byte, 1), Type: Field{0, 1}, Rules: probing(ping(4, 28)).Rules}, false},
		"probe that nothing sends":  {Spec{Rules: Rules{Probe: Probe{Packet: ping(4, 28)}}}, false},
		"answer without a question": {Spec{Rules: Rules{Probe: Probe{Answer: []Match{{0, []byte{1}}}}}}, false},
		"answer that anything is":   {probing(ping(4, 28), Match{20, nil}), false},
		"answer before the packet":  {probing(ping(4, 28), Match{-1, []byte{0}}), false},
		"answer behind all packets": {probing(ping(4, 28), Match{MaxFrame, []byte{0}}), false},
		"answer of a part too long": {probing(ping(4, 28), Match{0, make([]byte, maxValue+1)}), false},
		"answer of too many parts":  {probing(ping(4, 28), make([]Match, maxMatch+1)...), false},
	}
	for name, c := range cases {
		if err := c.spec.Validate(); (err == nil) != c.ok {
			t.Errorf("%s: Validate() = %v, want ok=%v", name, err, c.ok)
		}
	}
}
