package nm

import (
	"log/slog"
	"net/netip"
	"slices"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/penstock-vpn/penstock/host/netcfg"
)

// While the way is looked for NetworkManager keeps no route to the gateway; it has no
// part in what has not begun.
func TestGatewayWhileReconnecting(t *testing.T) {
	for gateway, instead := range map[string]string{"10.99.0.1": "ff02::1", "::ffff:10.99.0.1": "ff02::1", "fd99::1": "255.255.255.255"} {
		var sent []dictionary
		a := &applier{log: slog.New(slog.DiscardHandler), started: func() {}, emit: func(signal string, values ...any) {
			if signal == "Config" {
				sent = append(sent, values[0].(dictionary))
			}
		}}
		must(t, a.Reconnecting(t.Context()))
		must(t, a.Reconnected(t.Context()))
		if len(sent) > 0 {
			t.Errorf("before the settings are there: %v", sent)
		}
		must(t, a.Apply(t.Context(), with(func(c *netcfg.Config) { c.Gateway = netip.MustParseAddr(gateway) })))
		must(t, a.Reconnecting(t.Context()))
		must(t, a.Reconnected(t.Context()))
		var got []string
		for _, d := range sent {
			got = append(got, d["gateway"].String())
			delete(d, "gateway")
		}
		real := generic(netcfg.Config{Gateway: netip.MustParseAddr(gateway)})["gateway"].String()
		other := generic(netcfg.Config{Gateway: netip.MustParseAddr(instead)})["gateway"].String()
		if want := []string{real, other, real}; !slices.Equal(got, want) {
			t.Errorf("gateways %v, want %v", got, want)
		}
		for _, d := range sent[1:] {
			if dbus.MakeVariant(d).String() != dbus.MakeVariant(sent[0]).String() {
				t.Errorf("more than the gateway differs: %v, %v", d, sent[0])
			}
		}
	}
}
