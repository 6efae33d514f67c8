//go:build !cgo

package transport

import "github.com/penstock-vpn/penstock/sdk/diag"

// loadToken has no way to load a PKCS#11 module without cgo.
func loadToken(_, _ string, _ Passphrase) (*ClientCert, error) {
	return nil, diag.New(diag.Config, "this build of Penstock cannot use PKCS#11 tokens",
		"use a build with cgo, or a certificate in a file").With("usercert")
}
