package ikelogin

import (
	"context"
	"crypto/x509"
	"net/netip"
	"slices"
	"strings"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Trust has the host say whether a gateway's certificates are trusted, and be for who
// the gateway must be: id, or when that is nil the host of that name.
func Trust(ctx context.Context, s *sdk.Session, chain []*x509.Certificate, name string, id *ike.ID) error {
	if id != nil {
		switch id.Kind {
		case ike.IDFQDN:
			name = string(id.Data)
		case ike.IDIPv4, ike.IDIPv6:
			if a, ok := netip.AddrFromSlice(id.Data); ok {
				name = a.String()
			}
		case ike.IDEmail:
			if !slices.Contains(chain[0].EmailAddresses, string(id.Data)) {
				return notFor(strings.Join(chain[0].EmailAddresses, ", "))
			}
			name = ""
		case ike.IDDN:
			if subject := (&ike.ID{Kind: ike.IDDN, Data: chain[0].RawSubject}); !id.Same(subject) {
				return notFor(subject.String())
			}
			name = ""
		}
	}
	return s.VerifyChain(ctx, chain, name)
}

func notFor(who string) error {
	return diag.New(diag.Certificate, "the gateway's certificate is not for who the option remote-id names", "It is for "+who+". If the gateway is the right one, change remote-id.").With("remote-id")
}
