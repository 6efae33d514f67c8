// Package cstp is AnyConnect's tunnel negotiation: the CONNECT request with its
// header fields, the configuration in the answer, the frames of the tunnel over
// TLS and over DTLS, and what its control frames say.
package cstp

import (
	"fmt"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Target is what the tunnel's CONNECT asks for.
const Target = "/CSCOSSLC/tunnel"

// headerError says what is wrong with a field of the gateway's answer.
func headerError(name, format string, args ...any) error {
	return diag.New(diag.Protocol, fmt.Sprintf("the gateway's header %s %s", name, fmt.Sprintf(format, args...)),
		"The gateway is misconfigured or no AnyConnect gateway; its administrator can correct it.")
}
