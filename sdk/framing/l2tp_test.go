package framing

import "testing"

func TestL2TPValidate(t *testing.T) {
	ids := L2TP{Tunnel: 1, Session: 2, OwnTunnel: 3, OwnSession: 4}
	for name, c := range map[string]struct {
		spec Spec
		ok   bool
	}{
		"around PPP":       {Spec{L2TP: &ids, PPP: &PPP{}}, true},
		"around packets":   {Spec{L2TP: &ids}, false},
		"behind a header":  {Spec{Header: []byte{1}, L2TP: &ids, PPP: &PPP{}}, false},
		"without numbers":  {Spec{L2TP: &L2TP{Tunnel: 1, Session: 2, OwnTunnel: 3}, PPP: &PPP{}}, false},
		"with DPD by echo": {Spec{L2TP: &ids, PPP: &PPP{}, Rules: Rules{Dpd: Dpd{After: 1, Type: InPPP | 0xc021, Payload: []byte{9}}}}, true},
	} {
		if err := c.spec.Validate(); (err == nil) != c.ok {
			t.Errorf("%s: Validate() = %v, want ok=%v", name, err, c.ok)
		}
	}
}
