package ike

// Nonce is a Nonce payload.
type Nonce []byte

// Bounds of a Nonce, in bytes.
const (
	minNonce = 16
	maxNonce = 256
)

// Type implements Payload.
func (Nonce) Type() PayloadType { return TypeNonce }

func (n Nonce) append(b []byte) []byte { return append(b, n...) }

func parseNonce(b []byte) (Nonce, error) {
	if len(b) < minNonce || len(b) > maxNonce {
		return nil, malformed("%d bytes", len(b))
	}
	return Nonce(b), nil
}

// Vendor is a Vendor ID payload.
type Vendor []byte

// Type implements Payload.
func (Vendor) Type() PayloadType { return TypeVendor }

func (v Vendor) append(b []byte) []byte { return append(b, v...) }

// EAP is an EAP payload: one EAP packet, which package eap reads.
type EAP []byte

// Type implements Payload.
func (EAP) Type() PayloadType { return TypeEAP }

func (e EAP) append(b []byte) []byte { return append(b, e...) }
