package aggregate

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// HostScan is what the gateway says about the check of the host.
type HostScan struct {
	Ticket, Token     string
	StartURI, WaitURI string
}

// Wanted says whether the gateway asks for the check.
func (s HostScan) Wanted() bool { return s.StartURI != "" && s.WaitURI != "" && s.Token != "" }

// take reads a host-scan element.
func (s *HostScan) take(e *Element) {
	for _, c := range e.Children {
		text := strings.TrimSpace(c.Text)
		switch c.Name {
		case "host-scan-ticket":
			s.Ticket = text
		case "host-scan-token":
			s.Token = text
		case "host-scan-base-uri":
			s.StartURI = text
		case "host-scan-wait-uri":
			s.WaitURI = text
		}
	}
}

// legacy reads the csd elements of an auth element: one holds ticket and token, the
// platform's own the addresses. On Windows both have the same name.
func (s *HostScan) legacy(auth *Element, os string) {
	platform := map[string]string{"win": "csd", "mac-intel": "csdMac"}[os]
	if platform == "" {
		platform = "csdLinux"
	}
	for _, e := range auth.Children {
		if e.Name != "csd" && e.Name != platform {
			continue
		}
		for attr, target := range map[string]*string{"ticket": &s.Ticket, "token": &s.Token} {
			if v := e.Attrs[attr]; v != "" {
				*target = v
			}
		}
		if e.Name == platform {
			for attr, target := range map[string]*string{"starturl": &s.StartURI, "waiturl": &s.WaitURI} {
				if v := e.Attrs[attr]; v != "" {
					*target = v
				}
			}
		}
	}
}

const scanTimeout = 5 * time.Minute

// Program has the host run the user's program, called as OpenConnect calls a wrapper. The
// first argument is the place of a downloaded stub, which is never downloaded here. chain
// is the certificates of the gateway, at host.
func (s HostScan) Program(host, group string, chain []*x509.Certificate) prompt.Prompt {
	certificate, pin := fingerprints(chain)
	quoted := func(text string) string { return `"` + text + `"` }
	return prompt.Prompt{Title: "Host scan", Program: &prompt.Program{
		Option: "csd-wrapper",
		Args: []string{"", "-ticket", quoted(s.Ticket), "-stub", quoted("0"), "-group", quoted(group),
			"-certhash", quoted(certificate + ":"), "-url", quoted("https://" + host + s.StartURI), "-langselen"},
		Env:     [][2]string{{"CSD_SHA256", pin}, {"CSD_TOKEN", s.Token}, {"CSD_HOSTNAME", host}},
		Timeout: scanTimeout,
	}}
}

// fingerprints are the MD5 of the gateway's certificate, as wrappers want it, and the
// SHA-256 of its public key in base64.
func fingerprints(chain []*x509.Certificate) (certificate, pin string) {
	if len(chain) == 0 {
		return "", ""
	}
	leaf := chain[0]
	sum := md5.Sum(leaf.Raw)
	key := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	return strings.ToUpper(hex.EncodeToString(sum[:])), base64.StdEncoding.EncodeToString(key[:])
}

// Scanned looks at how the program ended; warning is for people.
func Scanned(answer prompt.Answer) (warning string, err error) {
	if answer.Cancelled {
		return "", diag.New(diag.AuthRefused, "the host-scan program was not run", "See the option `csd-wrapper`.").With("csd-wrapper")
	}
	if status := answer.Values["exit_status"]; status != "0" {
		return fmt.Sprintf("The host-scan program ended with status %s; the gateway may refuse the login.", status), nil
	}
	return "", nil
}
