package transport

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// minPin is the shortest digest that a pin may give, in characters: OpenConnect's
// rule. The whole digest is what Pin prints.
const minPin = 4

// pin is a digest, or the beginning of one, that accepts a certificate.
type pin struct {
	algorithm string // "pin-sha256", "sha256", "sha1"
	digest    string // base64 or lower-case hexadecimal
}

// Pin is the pin that accepts cert: the SHA-256 of its public key.
func Pin(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return "pin-sha256:" + base64.StdEncoding.EncodeToString(sum[:])
}

// parsePin reads pin-sha256:BASE64 (of the public key), sha256:HEX or sha1:HEX (of
// the certificate or of its public key).
func parsePin(text string) (pin, error) {
	algorithm, digest, found := strings.Cut(strings.TrimSpace(text), ":")
	p := pin{strings.ToLower(algorithm), digest}
	size := map[string]int{"pin-sha256": 44, "sha256": 64, "sha1": 40}[p.algorithm]
	alphabet := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
	if p.algorithm != "pin-sha256" {
		p.digest, alphabet = strings.ToLower(digest), "0123456789abcdef"
	}
	if !found || size == 0 || len(digest) < minPin || len(digest) > size || outside(p.digest, alphabet) {
		return pin{}, diag.New(diag.Config, "the pin "+printable(text)+" cannot be read",
			"it must be pin-sha256:BASE64, sha256:HEX or sha1:HEX, with at least four characters of the digest").With("servercert")
	}
	return p, nil
}

// outside says whether text has a character that alphabet lacks.
func outside(text, alphabet string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune(alphabet, r) })
}

// matches compares the digest, as far as p gives it.
func (p pin) matches(cert *x509.Certificate) bool {
	var full []string
	switch p.algorithm {
	case "pin-sha256":
		full = []string{strings.TrimPrefix(Pin(cert), "pin-sha256:")}
	case "sha256":
		ofCert, ofKey := sha256.Sum256(cert.Raw), sha256.Sum256(cert.RawSubjectPublicKeyInfo)
		full = []string{hex.EncodeToString(ofCert[:]), hex.EncodeToString(ofKey[:])}
	case "sha1":
		ofCert, ofKey := sha1.Sum(cert.Raw), sha1.Sum(cert.RawSubjectPublicKeyInfo)
		full = []string{hex.EncodeToString(ofCert[:]), hex.EncodeToString(ofKey[:])}
	}
	for _, f := range full {
		if strings.HasPrefix(f, p.digest) {
			return true
		}
	}
	return false
}
