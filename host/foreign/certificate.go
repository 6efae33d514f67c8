package foreign

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
)

// trust takes a certificate, DER or PEM, that the gateway's is to be judged by: an
// authority's becomes a file, the gateway's own a pin.
func (d *draft) trust(field, data string) {
	der := []byte(data)
	if block, _ := pem.Decode(der); block != nil && block.Type == "CERTIFICATE" {
		der = block.Bytes
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		d.note("%s: it is no certificate that can be read", field)
		return
	}
	if cert.IsCA {
		text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
		d.hold("cacert", ".pem", d.Files["cacert"].Data.Reveal()+text)
		return
	}
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	pin := "pin-sha256:" + base64.StdEncoding.EncodeToString(sum[:])
	if before := d.Options["servercert"]; before != "" {
		pin = before + "," + pin
	}
	d.set("servercert", pin)
}
