package dataplane

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/penstock-vpn/penstock/host/internal/esp"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

func TestSAsAreReplacedMakeBeforeBreak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		g := r.esp(1, ESP{SAs: keys("aes128-sha1")}, framing.Rules{})
		old := g.out
		for _, outbound := range []bool{false, true} {
			sa := keyed(0x2001, "aes256gcm16", outbound) // both ways of one SPI are two SAs
			if err := r.InstallSA(1, sa); err != nil {
				t.Fatal(err)
			}
			g.install(sa)
		}
		g.in = g.in[1:] // the gateway has forgotten the old one
		r.kernelSends(numbered(1, 40))
		if got, _ := g.gets(); len(got) != 1 {
			t.Errorf("%d packets came with the new outbound SA", len(got))
		}
		g.sends(numbered(2, 40))
		young := g.out
		g.out = old
		g.sends(numbered(3, 40)) // still opened
		for _, want := range []uint64{2, 3} {
			if got := numberOf(r.kernelGets()); got != want {
				t.Errorf("packet %d, want %d", got, want)
			}
		}
		for range 2 { // also when it is gone
			if err := r.RemoveSA(1, uint32(down)); err != nil {
				t.Error(err)
			}
		}
		g.sends(numbered(4, 40))
		g.out = young
		g.sends(numbered(5, 40))
		if got := numberOf(r.kernelGets()); got != 5 {
			t.Errorf("packet %d, want 5", got)
		}
	})
}

func TestLimitsOfSAs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		sas := keys("chacha20poly1305")
		sas[0].Limits.Packets = esp.Limit{Soft: 2, Hard: 4}
		sas[1].Limits.Bytes = esp.Limit{Soft: 90, Hard: 130}
		g := r.esp(1, ESP{SAs: sas}, framing.Rules{})
		r.event(1, Up)
		type age struct {
			spi            esp.SPI
			outbound, hard bool
		}
		wantAge := func(want age) {
			t.Helper()
			if e := r.event(1, Expired); (age{esp.SPI(e.SPI), e.Outbound, e.Hard}) != want {
				t.Errorf("%+v, want %+v", e, want)
			}
		}
		r.kernelSends(numbered(1, 40))
		synctest.Wait()
		r.noEvent()
		r.kernelSends(numbered(2, 40))
		wantAge(age{up, true, false})
		r.kernelSends(numbered(3, 40), numbered(4, 40), numbered(5, 40))
		wantAge(age{up, true, true})
		r.kernelSends(numbered(6, 40))
		if got, _ := g.gets(); len(got) != 4 {
			t.Errorf("%d packets left by the hard limit", len(got))
		}
		g.sends(numbered(1, 50), numbered(2, 50))
		wantAge(age{down, false, false})
		g.sends(numbered(3, 50))
		wantAge(age{down, false, true})
		g.sends(numbered(4, 50))
		for range 3 {
			r.kernelGets()
		}
		young := keyed(0x2001, "chacha20poly1305", true)
		if err := r.InstallSA(1, young); err != nil {
			t.Fatal(err)
		}
		g.install(young)
		r.kernelSends(numbered(7, 40))
		if got, _ := g.gets(); len(got) != 1 || numberOf(got[0]) != 7 {
			t.Errorf("%d packets left with the new SA", len(got))
		}
		r.noEvent()
		if s := r.Stats(); s.Paths[0].Active != true {
			t.Errorf("%+v", s.Paths)
		}
	})
}

// refusal is an error for the plugin that names what is wrong.
func refusal(t *testing.T, err error, why string) {
	t.Helper()
	var d *diag.Diagnostic
	if !errors.As(err, &d) || d.Code != diag.Invalid || !strings.Contains(err.Error(), why) {
		t.Errorf("%v, want a refusal with %q", err, why)
	}
}

func TestESPThatNobodyCanRunIsRefused(t *testing.T) {
	good := keys("aes128-sha1")
	short, reserved := keyed(0x3001, "aes128-sha1", false), keyed(255, "aes128-sha1", false)
	short.Key = short.Key[1:]
	for why, c := range map[string]struct {
		sas  []SA
		spec framing.Spec
	}{
		"not with 0 and 0":                {nil, framing.Spec{}},
		"not with 1 and 0":                {good[:1], framing.Spec{}},
		"not with 0 and 1":                {good[1:], framing.Spec{}},
		"not with 2 and 1":                {append(keys("aes128-sha1"), keyed(0x2001, "aes128-sha1", true)), framing.Spec{}},
		"without a suite":                 {append(keys("aes128-sha1"), keyed(0x2001, "rot13", false)), framing.Spec{}},
		"encryption key of 16":            {append(keys("aes128-sha1"), short), framing.Spec{}},
		"SPI 255 is reserved":             {append(keys("aes128-sha1"), reserved), framing.Spec{}},
		"SPI 0x00001002 is installed":     {append(keys("aes128-sha1"), good[1]), framing.Spec{}},
		"without a header":                {good, framing.Spec{Header: []byte{0}}},
		"there is that for NATs":          {good, framing.Spec{Rules: framing.Rules{Keepalive: framing.Keepalive{Idle: 1e9}}}},
		"it takes a probe":                {good, framing.Spec{Rules: framing.Rules{Dpd: framing.Dpd{After: 1e9}}}},
		"keepalive idle of 1ns":           {good, framing.Spec{}},
		"8 inbound SAs are installed, mo": {append(append([]SA(nil), good...), inboundSAs(0x4000, maxInboundSAs)...), framing.Spec{}},
	} {
		t.Run(why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, Options{})
				o := ESP{SAs: c.sas}
				if strings.HasPrefix(why, "keepalive idle") {
					o.NATKeepalive = 1
				}
				err := r.AddESP(1, &fakeSocket{wireEnd: newWireEnd(r.sent)}, o, c.spec, 0, 0, 28)
				refusal(t, err, why)
				if len(r.Installed()) > 0 {
					t.Error("a path is there all the same")
				}
			})
		})
	}
}

func inboundSAs(first esp.SPI, n int) (all []SA) {
	for i := range n {
		all = append(all, keyed(first+esp.SPI(i), "aes128gcm16", false))
	}
	return all
}

func TestSAsThatCannotBeInstalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		r.stream(1, 0, 0, framing.Rules{})
		r.esp(2, ESP{SAs: keys("aes128-sha1")}, framing.Rules{})
		refusal(t, r.InstallSA(1, keyed(0x2001, "aes128-sha1", true)), "path 1 carries no ESP")
		refusal(t, r.RemoveSA(1, uint32(down)), "path 1 carries no ESP")
		refusal(t, r.InstallSA(3, keyed(0x2001, "aes128-sha1", true)), "there is no path 3")
		refusal(t, r.InstallSA(2, keyed(0x2001, "rot13", true)), "without a suite")
		refusal(t, r.InstallSA(2, keyed(up, "aes128-sha1", true)), "the outbound SA 0x00001001 is installed")
		refusal(t, r.InstallSA(2, keyed(down, "aes128-sha1", false)), "SPI 0x00001002 is installed")
		for i, sa := range inboundSAs(0x4000, maxInboundSAs) {
			err := r.InstallSA(2, sa)
			if i < maxInboundSAs-1 && err != nil {
				t.Error(err)
			}
			if i == maxInboundSAs-1 {
				refusal(t, err, "8 inbound SAs are installed, more are not allowed")
			}
		}
		if err := errors.Join(r.RemoveSA(2, uint32(down)), r.InstallSA(2, keyed(0x5000, "aes128-sha1", false))); err != nil {
			t.Error(err)
		}
	})
}

func TestSAsDoNotShowTheirKeys(t *testing.T) {
	sa := keyed(0x73737373, "aes128-sha1", true) // "ssss"
	for _, shown := range []any{sa, &sa, ESP{SAs: []SA{sa}}, []SA{sa}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			if got := fmt.Sprintf(verb, shown); strings.Contains(got, "sssss") || strings.Contains(got, "115") || strings.Contains(got, "7373737373") {
				t.Errorf("%s of %T shows %s", verb, shown, got)
			}
		}
	}
}
