package keys

import (
	"crypto"
	"crypto/rsa"
	"errors"
)

// errSignature is all that is told of one that is wrong.
var errSignature = errors.New("the signature is wrong")

// Verify checks a signature over a proof. IKEv1 signs the proof itself, without the name of a
// hash (RFC 2409 section 5.1).
func Verify(public crypto.PublicKey, proof, signature []byte) error {
	key, isRSA := public.(*rsa.PublicKey)
	if !isRSA {
		return errors.New("the certificate's key is none of RSA")
	}
	if rsa.VerifyPKCS1v15(key, 0, proof, signature) != nil {
		return errSignature
	}
	return nil
}
