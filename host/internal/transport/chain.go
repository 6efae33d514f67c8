package transport

import (
	"context"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"slices"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// VerifyChain verifies certificates that came another way than by TLS, as OpenTLS does:
// the gateway's own first, which must be for name if that is not "". host is what people
// know the gateway as.
func (d *Dialer) VerifyChain(ctx context.Context, host, name string, chain []*x509.Certificate) error {
	check, err := d.newVerifier(host, name)
	if err != nil {
		return err
	}
	check.name, check.usages = name, []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
	err = check.verifyChain(chain)
	if err == nil && len(check.pins) == 0 && !d.isAccepted(host, chain[0]) && !forGateways(chain[0]) {
		why := diag.New(diag.Certificate, "the certificate of "+host+" is not trusted",
			"it is not for servers; if it is the right gateway, set the option servercert to "+Pin(chain[0])).With("servercert")
		err = &refusal{Diagnostic: why, chain: chain}
	}
	var refused *refusal
	if !errors.As(err, &refused) {
		return err
	}
	return d.confirm(ctx, host, refused)
}

// confirm has the user overrule a refusal, if one may.
func (d *Dialer) confirm(ctx context.Context, host string, refused *refusal) error {
	if d.cfg.ConfirmCertificate == nil || refused.final {
		return refused.Diagnostic
	}
	ok, err := d.cfg.ConfirmCertificate(ctx, host, refused.chain, refused.Diagnostic)
	if err != nil {
		return err
	}
	if !ok {
		return refused.Diagnostic
	}
	d.accept(host, refused.chain[0])
	return nil
}

// Extended key usages of gateways of IKE (RFC 4945 section 5.1.3.12), the second from
// before that.
var ikeUsages = []asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 17}, {1, 3, 6, 1, 5, 5, 8, 2, 2}}

// forGateways says whether a certificate's extended key usage, if it has one, fits a
// server of TLS or a gateway of IKE.
func forGateways(c *x509.Certificate) bool {
	if len(c.ExtKeyUsage) == 0 && len(c.UnknownExtKeyUsage) == 0 {
		return true
	}
	return slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny) ||
		slices.ContainsFunc(c.UnknownExtKeyUsage, func(id asn1.ObjectIdentifier) bool {
			return slices.ContainsFunc(ikeUsages, id.Equal)
		})
}
