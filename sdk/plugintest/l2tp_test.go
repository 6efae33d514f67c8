package plugintest

import (
	"bytes"
	"testing"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

func TestESPCarriesDatagrams(t *testing.T) {
	for _, name := range suiteNames {
		a, b := ends(t, name, false)
		a.Datagrams(sdk.UDPPorts{Local: 1701, Remote: 1702})
		b.Datagrams(sdk.UDPPorts{Local: 1702, Remote: 1701})
		for _, content := range []string{"", "x", "a message"} {
			if got, err := b.Open(a.Seal([]byte(content))); err != nil || string(got) != content {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		}
		b.Datagrams(sdk.UDPPorts{Local: 1701, Remote: 1702})
		if got, err := b.Open(a.Seal([]byte("x"))); err == nil {
			t.Errorf("%s: %q came from other ports", name, got)
		}
		b.Datagrams(sdk.UDPPorts{})
		if got, err := b.Open(a.Seal([]byte("x"))); err == nil {
			t.Errorf("%s: %q came in tunnel mode", name, got)
		}
	}
}

func TestMessagesOfL2TP(t *testing.T) {
	spec := framing.Spec{PPP: &framing.PPP{}, L2TP: &framing.L2TP{Tunnel: 1, Session: 2, OwnTunnel: 1, OwnSession: 2}}
	for _, sequence := range []bool{false, true} {
		spec.L2TP.Sequence = sequence
		for _, f := range []frame{{0, []byte("\x45..")}, {framing.InPPP | 0xc021, []byte("\x01\x01")}, {framing.L2TPControl, []byte("\xc8\x02\x00\x0c........")}} {
			got, ok := outOfL2TP(spec, encode(spec, f))
			if !ok || got.kind != f.kind || !bytes.Equal(got.payload, f.payload) {
				t.Errorf("%+v became %+v, %t", f, got, ok)
			}
		}
	}
	for _, b := range []string{"", "\x00\x02\x00\x01\x00", "\x00\x03\x00\x01\x00\x02", "\x00\x02\x00\x01\x00\x03", "\x02\x02\x00\x01\x00\x02\x00\x09"} {
		if f, ok := outOfL2TP(spec, []byte(b)); ok {
			t.Errorf("%x is %+v", b, f)
		}
	}
}
