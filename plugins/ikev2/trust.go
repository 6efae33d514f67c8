package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// trust says whether a gateway's certificate is one of those that the option servercert
// names. The authorities that the host trusts are out of a plugin's sight.
func (o *options) trust(chain []*x509.Certificate, name string) error {
	ofKey, whole := sha256.Sum256(chain[0].RawSubjectPublicKeyInfo), sha256.Sum256(chain[0].Raw)
	pin := "pin-sha256:" + base64.StdEncoding.EncodeToString(ofKey[:])
	for _, p := range o.pins {
		algorithm, digest, _ := strings.Cut(p, ":")
		if same(p, pin) || strings.EqualFold(algorithm, "sha256") && same(strings.ToLower(digest), hex.EncodeToString(whole[:])) {
			return nil
		}
	}
	if len(o.pins) > 0 {
		return diag.New(diag.Certificate, "the certificate of "+name+" does not match the pin",
			"The gateway has another key than when it was pinned: it was renewed, or somebody is in between; ask its administrator, then set the option servercert to "+pin+".").With("servercert")
	}
	return diag.New(diag.Certificate, "the certificate of "+name+" is not trusted",
		"Gateways of IKEv2 are trusted by a pin; if it is the right gateway, set the option servercert to "+pin+".").With("servercert")
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
