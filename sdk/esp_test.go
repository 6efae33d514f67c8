package sdk_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/framing"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
)

func someSA(d sdk.Direction) sdk.SA {
	return sdk.SA{Direction: d, SPI: 0x1001, Suite: "aes128-sha1", Key: make([]byte, 16), AuthKey: make([]byte, 20)}
}

func TestAttachRefusesWhatIsNoESP(t *testing.T) {
	both := []sdk.SA{someSA(sdk.Inbound), someSA(sdk.Outbound)}
	err := session(t, func(h *plugintest.Host) {
		h.Gateway("tls", plugintest.Any, echo)
		h.Gateway("udp", plugintest.Any, echo)
	}, func(ctx context.Context, s *sdk.Session) error {
		stream, err := s.OpenTLS(ctx, "vpn.example.com", 443, sdk.TLSOptions{})
		if !check(t, "open", err) {
			return nil
		}
		_, err = s.Attach(ctx, stream, nil, framing.Spec{}, sdk.AttachOptions{ESP: &sdk.ESP{SAs: both}})
		wantCode(t, err, diag.Invalid)
		packets, err := s.OpenUDP(ctx, "vpn.example.com", 4500)
		if !check(t, "open", err) {
			return nil
		}
		for _, sas := range [][]sdk.SA{nil, both[:1], both[1:], append(both, someSA(sdk.Outbound))} {
			_, err = s.Attach(ctx, packets, nil, framing.Spec{}, sdk.AttachOptions{ESP: &sdk.ESP{SAs: sas}})
			wantCode(t, err, diag.Invalid)
		}
		_, err = s.Attach(ctx, packets, nil, layout, sdk.AttachOptions{ESP: &sdk.ESP{SAs: both}})
		wantCode(t, err, diag.Invalid)
		path, err := s.Attach(ctx, packets, nil, framing.Spec{}, sdk.AttachOptions{ESP: &sdk.ESP{SAs: both, NATKeepalive: 20 * time.Second}})
		if check(t, "attach", err) {
			check(t, "close", path.Close())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestSAsDoNotShowTheirKeys(t *testing.T) {
	sa := someSA(sdk.Outbound)
	sa.Key, sa.AuthKey = []byte("ssssssssssssssss"), []byte("ssssssssssssssssssss")
	for _, shown := range []any{sa, &sa, []sdk.SA{sa}, sdk.ESP{SAs: []sdk.SA{sa}}, &sdk.ESP{SAs: []sdk.SA{sa}}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			if got := fmt.Sprintf(verb, shown); strings.Contains(got, "sss") || strings.Contains(got, "115") || strings.Contains(got, "73737373") {
				t.Errorf("%s of %T shows %s", verb, shown, got)
			}
		}
	}
}
