package tunnel

import (
	"bytes"
	"fmt"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/config"
	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/form"
	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/gp"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

func sample() state {
	key := bytes.Repeat([]byte{0xab}, 16)
	return state{
		Session: gp.Session{Gateway: &url.URL{Scheme: "https", Host: "gw.test:8443"}, OSVersion: "Linux", AppVersion: "6.1", HIPInterval: time.Hour,
			Cookie: form.Fields{{Name: "authcookie", Value: "a&b"}, {Name: "user", Value: "al ice"}}},
		Config: config.Config{NeedTunnel: true, TunnelPath: "/t", Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.2/32")},
			Probe4: netip.MustParseAddr("192.0.2.1"), ESP: &config.ESP{Port: 4501, Suite: "aes128-sha1", Send: config.SA{SPI: 300, Key: key}, Receive: config.SA{SPI: 301, AuthKey: key}}},
		Net: &sdk.NetConfig{MTU: 1300, DNS: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}, ESPPath: 3, Failures: 2, RekeyAt: time.Unix(1e9, 0).UTC(),
	}
}

func TestCheckpoint(t *testing.T) {
	s := sample()
	b, err := s.append(nil)
	if err != nil || strings.Contains(string(b), "q6urq") {
		t.Fatalf("%v: %s", err, b)
	}
	got, err := parseState(b)
	s.Config.ESP = &config.ESP{Port: 4501, Suite: "aes128-sha1", Send: config.SA{SPI: 300}, Receive: config.SA{SPI: 301}}
	if err != nil || !reflect.DeepEqual(got, s) {
		t.Errorf("%+v\nbecame %+v, %v", s, got, err)
	}
}

// Settings that are too large to keep are left out, not the session.
func TestLargeCheckpoint(t *testing.T) {
	s := sample()
	for i := range 8000 {
		s.Net.Routes = append(s.Net.Routes, netip.MustParsePrefix(fmt.Sprintf("10.%d.%d.0/24", i/256, i%256)))
	}
	b, err := s.append(nil)
	if err != nil || len(b) > maxCheckpoint {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
	if got, err := parseState(b); err != nil || got.Net != nil || got.ESPPath != 0 || !reflect.DeepEqual(got.Session, s.Session) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func FuzzParseState(f *testing.F) {
	b, err := sample().append(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"Format":1,"Gateway":"https://a","Cookie":"authcookie=1"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseState(b)
		if err != nil {
			return
		}
		again, err := s.append(nil)
		if err != nil {
			return // a time that JSON does not write
		}
		if r, err := parseState(again); err != nil || r.Session.Cookie.Encode() != s.Session.Cookie.Encode() || r.Session.Gateway.Host != s.Session.Gateway.Host {
			t.Fatalf("%+v became %+v, %v", s, r, err)
		}
	})
}

// What a gateway says in place of a tunnel.
func TestRefusedTunnel(t *testing.T) {
	for answer, want := range map[string]diag.Code{"HTTP/1.1 502": diag.AuthRefused, "HTTP/1.1 500": diag.Protocol, "STOP_TUNNELS": diag.Protocol, "HTTP/1.1 abc": diag.Protocol, "": diag.Protocol} {
		if got := diag.Of(refusedTunnel(answer)).Code; got != want {
			t.Errorf("%q: code %d", answer, got)
		}
	}
}
