// Package httpc is a small HTTP/1.1 client for VPN gateways: one connection for
// login and tunnel, header fields in order and repeated, odd status codes, and
// bounds on everything that the other side sends. It runs on any net.Conn.
package httpc

import (
	"strings"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Bounds of an answer, in bytes and fields.
const (
	MaxHead   = 64 << 10 // status line and all header fields
	MaxFields = 4096
	MaxBody   = 1 << 20
)

// Field is one header field.
type Field struct{ Name, Value string }

// Header is the fields of a message in order; names may repeat.
type Header []Field

// Get returns the first value of name, compared without case, or "".
func (h Header) Get(name string) string {
	for _, f := range h {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// All returns every value of name in order.
func (h Header) All(name string) []string {
	var values []string
	for _, f := range h {
		if strings.EqualFold(f.Name, name) {
			values = append(values, f.Value)
		}
	}
	return values
}

// protocolError says what the gateway sent that is not HTTP as it should be.
func protocolError(summary string) error {
	return diag.New(diag.Protocol, summary, "Check that the address is that of a VPN gateway; a proxy or web server in between may answer in its place.")
}
