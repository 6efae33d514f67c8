package aggregate

import "github.com/penstock-vpn/penstock/sdk/diag"

// Refused is the error for a document that leaves nothing to answer; certificate says
// whether one was shown.
func (d *Document) Refused(certificate bool) error {
	text := d.ErrorText
	if text == "" && d.Form != nil {
		text = d.Form.Message
	}
	switch text {
	case "":
		return diag.New(diag.AuthRefused, "the gateway refused the login without a reason", "Ask its administrator.")
	case "Certificate Validation Failure":
		return CertificateRefused(certificate)
	}
	return diag.New(diag.AuthRefused, "the gateway refused the login: "+text, "Check user name, password and group.")
}

// CertificateRefused is the error for a login that lacks a certificate, or another one.
func CertificateRefused(had bool) error {
	if had {
		return diag.New(diag.AuthRefused, "the gateway did not accept the client certificate", "Check that it is valid, and meant for this gateway and group.").With("usercert")
	}
	return diag.New(diag.AuthRefused, "the gateway wants a client certificate", "Name one with the option `usercert`, and its key with `userkey`.").With("usercert")
}
