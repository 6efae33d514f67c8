package openconnect

import (
	"context"
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/ui"
)

// trust asks whoever is there about a certificate that nobody vouches for.
func (a *asker) trust(ctx context.Context, name string, chain []*x509.Certificate, _ error) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	pin, why := host.Pin(chain[0]), reason(name, chain[0], time.Now())
	a.out.say(levelInfo, "Server certificate verify failed: %s", why)
	a.out.question(fmt.Sprintf("\nCertificate from VPN server \"%s\" failed verification.\nReason: %s\n"+
		"To trust this server in future, perhaps add this to your command line:\n    --servercert %s\n", name, why, pin))
	if a.r.nonInter {
		return false, nil
	}
	for {
		a.out.question("Enter 'yes' to accept, 'no' to abort; anything else to view: ")
		line, ok, err := a.r.stdin.ask(ctx, false, a.out.err)
		switch {
		case err != nil:
			return false, err
		case !ok || strings.EqualFold(line, "no"):
			return false, nil
		case strings.EqualFold(line, "yes"):
			return true, nil
		}
		a.out.question(details(chain[0]) + "Server key hash: " + pin + "\n")
	}
}

// reason is what is wrong with a certificate, in OpenConnect's words.
func reason(name string, cert *x509.Certificate, now time.Time) string {
	switch {
	case now.Before(cert.NotBefore):
		return "certificate not yet activated"
	case now.After(cert.NotAfter):
		return "certificate expired"
	case cert.VerifyHostname(name) != nil:
		return "certificate does not match hostname"
	}
	return "signer not found"
}

func details(cert *x509.Certificate) string {
	const day = "Mon Jan 02 15:04:05 MST 2006"
	text := fmt.Sprintf("Subject: %s\nIssuer: %s\nSerial number: %x\nValid from: %s\nValid to: %s\nNames: %s\n", cert.Subject, cert.Issuer,
		cert.SerialNumber, cert.NotBefore.UTC().Format(day), cert.NotAfter.UTC().Format(day), strings.Join(cert.DNSNames, ", "))
	return ui.Clean(text)
}
