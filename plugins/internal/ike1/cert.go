package ike1

// certX509 is the encoding of certificates for signatures.
const certX509 = 4

// Cert writes a certificate in DER.
func Cert(der []byte) Payload { return Payload{TypeCert, append([]byte{certX509}, der...)} }

// CertReq asks for a certificate, of any authority.
func CertReq() Payload { return Payload{TypeCertReq, []byte{certX509}} }

// maxChain bounds the certificates that are looked at.
const maxChain = 16

// Chain returns the X.509 certificates in DER that are among the payloads, in their order.
func Chain(all []Payload) (chain [][]byte) {
	for _, b := range FindAll(all, TypeCert) {
		if len(b) > 1 && b[0] == certX509 && len(chain) < maxChain {
			chain = append(chain, b[1:])
		}
	}
	return chain
}
