package cstp

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/httpc"
)

func TestRequestHeader(t *testing.T) {
	r := Request{
		Cookie: "C00K1E", Hostname: "laptop", BaseMTU: 1500, MTU: 1300,
		Proof:     httpc.Header{{Name: "X-AnyConnect-STRAP-Verify", Value: "proof"}},
		Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.2/24"), netip.MustParsePrefix("fd00::2/64")},
		DTLS:      &Offer{MasterSecret: bytes.Repeat([]byte{0xab}, 48), PSK: true, Suites: Suites},
	}
	want := strings.Join([]string{
		"Cookie: webvpn=C00K1E",
		"X-CSTP-Version: 1",
		"X-CSTP-Hostname: laptop",
		"X-CSTP-Protocol: Copyright (c) 2004 Cisco Systems, Inc.",
		"X-AnyConnect-STRAP-Verify: proof",
		"X-CSTP-Base-MTU: 1500",
		"X-CSTP-MTU: 1300",
		"X-CSTP-Address-Type: IPv6,IPv4",
		"X-CSTP-Address: 10.0.0.2",
		"X-CSTP-Address: fd00::2",
		"X-CSTP-Full-IPv6-Capability: true",
		"X-DTLS-Master-Secret: " + strings.Repeat("AB", 48),
		"X-DTLS-CipherSuite: PSK-NEGOTIATE:OC-DTLS1_2-AES256-GCM:OC-DTLS1_2-AES128-GCM",
		"X-DTLS12-CipherSuite: ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-GCM-SHA256",
	}, "\n")
	if got := text(r.Header()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestRequestWithoutIPv6AndDTLS(t *testing.T) {
	r := Request{NoIPv6: true, Addresses: []netip.Prefix{netip.MustParsePrefix("fd00::2/64")}}
	got := text(r.Header())
	if strings.Contains(got, "fd00") || strings.Contains(got, "DTLS") || strings.Contains(got, "Full-IPv6") || !strings.Contains(got, "Address-Type: IPv4\n") && !strings.HasSuffix(got, "Address-Type: IPv4") {
		t.Errorf("got\n%s", got)
	}
	if !strings.Contains(got, "X-CSTP-Base-MTU: 1406") {
		t.Error("an unknown path needs the default base MTU")
	}
	if low := text(Request{BaseMTU: 576}.Header()); !strings.Contains(low, "X-CSTP-Base-MTU: 1280") {
		t.Errorf("got\n%s", low)
	}
}

func text(h httpc.Header) string {
	var lines []string
	for _, f := range h {
		lines = append(lines, f.Name+": "+f.Value)
	}
	return strings.Join(lines, "\n")
}
