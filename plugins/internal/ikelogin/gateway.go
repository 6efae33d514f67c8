// Package ikelogin is what a login by IKE is made of, of either version: who the gateway
// is, who we are, and the keys and certificates of both.
package ikelogin

import (
	"encoding/hex"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Gateway reads host or host:port; a port in it (0: none) is that of IKE and ESP from the
// first message on.
func Gateway(text string) (host string, port int, err error) {
	text = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(text), "https://"), "/")
	wrong := diag.New(diag.Config, "the gateway's address cannot be used", "It is HOST or HOST:PORT.").With("gateway")
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return a.Unmap().String(), 0, nil
	}
	if host = text; strings.Contains(text, ":") {
		var digits string
		if host, digits, err = net.SplitHostPort(text); err != nil {
			return "", 0, wrong
		}
		if port, err = strconv.Atoi(digits); err != nil || port < 1 || port > 65535 {
			return "", 0, wrong
		}
	}
	if host == "" || strings.ContainsAny(host, "/@ ") {
		return "", 0, wrong
	}
	return host, port, nil
}

// SharedKey reads 0x and hexadecimal digits as bytes, and everything else as it is.
func SharedKey(text string) []byte {
	if digits, isHex := strings.CutPrefix(text, "0x"); isHex {
		if b, err := hex.DecodeString(digits); err == nil {
			return b
		}
	}
	return []byte(text)
}
