package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/host/foreign"
)

// What is there depends on the machine; that every service is told of does not.
func TestTakeoverList(t *testing.T) {
	got := penstock(t, "takeover", "list")
	if got.status != 0 || strings.Count(got.out, "\n") != 1+len(foreign.Services()) {
		t.Errorf("%+v", got)
	}
	var all []serviceObject
	if err := json.Unmarshal([]byte(penstock(t, "takeover", "list", "--json").out), &all); err != nil || len(all) != len(foreign.Services()) {
		t.Errorf("%v, %v", all, err)
	}
}

func TestTakeoverOfStrangers(t *testing.T) {
	for _, args := range [][]string{{"enable", "openvpn"}, {"disable", "openvpn"}} {
		got := penstock(t, append([]string{"takeover"}, args...)...)
		if got.status != 2 || !strings.Contains(got.err, "It is one of l2tp, openconnect, pptp, sstp, strongswan, vpnc") {
			t.Errorf("%q: %+v", args, got)
		}
	}
	for _, args := range [][]string{{"enable"}, {"serve", "vpnc"}} {
		if got := penstock(t, append([]string{"takeover"}, args...)...); got.status != 2 {
			t.Errorf("%q: %+v", args, got)
		}
	}
	for _, name := range []string{"org.example.Other", "org.freedesktop.NetworkManager.openvpn.Connection_1", "org.freedesktop.NetworkManager.penstockish"} {
		if got := penstock(t, "nm-service", "--bus-name", name); got.status != 2 || !strings.Contains(got.err, "none of ours") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
