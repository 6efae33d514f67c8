package machine

import (
	"crypto/x509"
	"fmt"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// revocation is what a gateway sends along about its certificates: lists of revoked ones
// (RFC 7296 section 3.6), and answers of OCSP (RFC 4806).
type revocation struct {
	lists   []*x509.RevocationList
	answers [][]byte
}

func revocationOf(payloads []ike.Payload) (r revocation) {
	for _, p := range payloads {
		c, isCert := p.(*ike.Cert)
		switch {
		case !isCert:
		case c.Encoding == ike.CRL:
			if list, err := x509.ParseRevocationList(c.Data); err == nil {
				r.lists = append(r.lists, list)
			}
		case c.Encoding == ike.OCSP:
			r.answers = append(r.answers, c.Data)
		}
	}
	return r
}

// check says which certificate of a chain was revoked. What is not signed by its issuer,
// which has to be in the chain, or is out of date, says nothing.
func (r revocation) check(chain []*x509.Certificate, now time.Time) error {
	for i := range max(len(chain)-1, 0) {
		cert, issuer := chain[i], chain[i+1]
		if cert.CheckSignatureFrom(issuer) == nil && (r.listed(cert, issuer, now) || r.answered(cert, issuer, now)) {
			return sdk.Fail(sdk.Never, diag.New(diag.Certificate, "the gateway's certificate was revoked",
				fmt.Sprintf("That of %q; the gateway itself says so. Ask its administrator.", cert.Subject.CommonName)).With("servercert"))
		}
	}
	return nil
}

func (r revocation) listed(cert, issuer *x509.Certificate, now time.Time) bool {
	for _, list := range r.lists {
		if now.Before(list.ThisUpdate) || !list.NextUpdate.IsZero() && now.After(list.NextUpdate) || list.CheckSignatureFrom(issuer) != nil {
			continue
		}
		for _, entry := range list.RevokedCertificateEntries {
			if entry.SerialNumber.Cmp(cert.SerialNumber) == 0 {
				return true
			}
		}
	}
	return false
}

func (r revocation) answered(cert, issuer *x509.Certificate, now time.Time) bool {
	for _, der := range r.answers {
		a, err := ocsp.ParseResponseForCert(der, cert, issuer)
		if err == nil && a.Status == ocsp.Revoked && !now.Before(a.ThisUpdate) && (a.NextUpdate.IsZero() || !now.After(a.NextUpdate)) {
			return true
		}
	}
	return false
}
