package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// refusal is a certificate that was not accepted. It goes through crypto/tls as an error.
type refusal struct {
	*diag.Diagnostic
	chain []*x509.Certificate
	final bool // the user is not to be asked: the pins say no
}

func (r *refusal) Unwrap() error { return r.Diagnostic }

// verifier checks the certificate of one gateway.
type verifier struct {
	dialer *Dialer
	host   string // as the user knows it
	name   string // what the certificate must be for
	roots  *x509.CertPool
	pins   []pin
	usages []x509.ExtKeyUsage // one of which the certificate is for; nil: TLS servers
	now    func() time.Time
}

func (d *Dialer) newVerifier(host, serverName string) (*verifier, error) {
	if serverName == "" {
		serverName = host
	}
	v := &verifier{dialer: d, host: host, name: serverName, now: time.Now}
	for _, text := range d.cfg.Pins {
		p, err := parsePin(text)
		if err != nil {
			return nil, err
		}
		v.pins = append(v.pins, p)
	}
	var err error
	v.roots, err = loadRoots(d.cfg.RootCAs, d.cfg.System)
	return v, err
}

// loadRoots reads the authorities in file, beside the system's or without them; nil is
// the system's alone.
func loadRoots(file string, system SystemTrust) (*x509.CertPool, error) {
	roots := x509.NewCertPool()
	switch {
	case file == "" && system != DistrustSystem:
		return nil, nil
	case file == "":
		return roots, nil
	case system == TrustSystem:
		if all, err := x509.SystemCertPool(); err == nil {
			roots = all
		}
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, diag.New(diag.Config, "the file of authorities cannot be read", err.Error()).With("cacert")
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, diag.New(diag.Config, file+" holds no certificate", "it must be a PEM file of certificate authorities").With("cacert")
	}
	return roots, nil
}

// verify is called by crypto/tls within the handshake.
func (v *verifier) verify(state tls.ConnectionState) error {
	return v.verifyChain(state.PeerCertificates)
}

// verifyChain returns a *refusal for what is not trusted.
func (v *verifier) verifyChain(chain []*x509.Certificate) error {
	if len(chain) == 0 {
		return errors.New("the gateway sent no certificate")
	}
	if len(v.pins) > 0 {
		return v.verifyPins(chain)
	}
	if v.dialer.isAccepted(v.host, chain[0]) {
		return nil
	}
	intermediates := x509.NewCertPool()
	for _, c := range chain[1:] {
		intermediates.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		DNSName: v.name, Roots: v.roots, Intermediates: intermediates, CurrentTime: v.now(), KeyUsages: v.usages,
	})
	if err == nil {
		return nil
	}
	return &refusal{Diagnostic: v.diagnose(chain[0], err), chain: chain}
}

func (v *verifier) verifyPins(chain []*x509.Certificate) error {
	for _, p := range v.pins {
		if p.matches(chain[0]) {
			return nil
		}
	}
	d := diag.New(diag.Certificate, "the certificate of "+v.host+" does not match the pin",
		"the gateway has another key than when it was pinned: it was renewed, or somebody is in between; "+
			"ask its administrator, then set the option servercert to "+Pin(chain[0])).With("servercert")
	return &refusal{Diagnostic: d, chain: chain, final: true}
}

// diagnose says what is wrong with cert and how to accept it all the same.
func (v *verifier) diagnose(cert *x509.Certificate, err error) *diag.Diagnostic {
	why := v.reason(cert, err)
	return diag.New(diag.Certificate, "the certificate of "+v.host+" is not trusted",
		why+"; if it is the right gateway, set the option servercert to "+Pin(cert)).With("servercert")
}

func (v *verifier) reason(cert *x509.Certificate, err error) string {
	var (
		invalid   x509.CertificateInvalidError
		name      x509.HostnameError
		authority x509.UnknownAuthorityError
	)
	const day = "2006-01-02 15:04 MST"
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		c := invalid.Cert
		if now := v.now(); now.Before(c.NotBefore) {
			return fmt.Sprintf("it is valid from %s only; check this machine's clock", c.NotBefore.UTC().Format(day))
		}
		return fmt.Sprintf("it expired on %s; check this machine's clock", c.NotAfter.UTC().Format(day))
	case errors.As(err, &name):
		return fmt.Sprintf("it is for %s, not for %s", namesOf(cert), v.name)
	case errors.As(err, &authority):
		if cert.Issuer.String() == cert.Subject.String() {
			return "it is self-signed"
		}
		return fmt.Sprintf("its issuer, %s, is no known authority (cacert names a file of them)", printable(cert.Issuer.String()))
	}
	return printable(err.Error())
}

// namesOf lists what a certificate is for, at most eight names.
func namesOf(cert *x509.Certificate) string {
	var names []string
	names = append(names, cert.DNSNames...)
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 && cert.Subject.CommonName != "" {
		return printable(cert.Subject.CommonName) + " (as common name, which does not count)"
	}
	if len(names) == 0 {
		return "no name at all"
	}
	more := ""
	if len(names) > 8 {
		names, more = names[:8], " and others"
	}
	return printable(strings.Join(names, ", ")) + more
}

// accept remembers that the user trusts cert for host.
func (d *Dialer) accept(host string, cert *x509.Certificate) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.accepted[host] = Pin(cert)
}

func (d *Dialer) isAccepted(host string, cert *x509.Certificate) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.accepted[host] == Pin(cert)
}
