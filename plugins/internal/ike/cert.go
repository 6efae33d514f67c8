package ike

// Encoding is what a CERT payload holds.
type Encoding uint8

// The encodings, in DER. The CERTREQ of X509 has the SHA-1 hashes of the authorities'
// public keys.
const (
	X509 Encoding = 4
	CRL  Encoding = 7
	OCSP Encoding = 14 // RFC 4806
)

// Cert is a CERT payload: one certificate, the sender's own first.
type Cert struct {
	Encoding Encoding
	Data     []byte
}

// Type implements Payload.
func (*Cert) Type() PayloadType { return TypeCert }

func (c *Cert) append(b []byte) []byte { return append(append(b, byte(c.Encoding)), c.Data...) }

func parseCert(b []byte) (*Cert, error) {
	if len(b) < 1 {
		return nil, malformed("empty")
	}
	return &Cert{Encoding(b[0]), b[1:]}, nil
}

// CertRequest is a CERTREQ payload: which authorities the sender trusts.
type CertRequest struct {
	Encoding    Encoding
	Authorities []byte // hashes of 20 bytes each
}

// Type implements Payload.
func (*CertRequest) Type() PayloadType { return TypeCertRequest }

func (c *CertRequest) append(b []byte) []byte {
	return append(append(b, byte(c.Encoding)), c.Authorities...)
}

func parseCertRequest(b []byte) (*CertRequest, error) {
	if len(b) < 1 {
		return nil, malformed("empty")
	}
	return &CertRequest{Encoding(b[0]), b[1:]}, nil
}
