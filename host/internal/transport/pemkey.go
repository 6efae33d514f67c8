package transport

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"

	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// parseChain reads all certificates of a PEM file, in order.
func parseChain(data []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, diag.New(diag.Config, "the client certificate cannot be read", err.Error()).With("usercert")
		}
		chain = append(chain, c)
	}
	if len(chain) == 0 {
		return nil, diag.New(diag.Config, "the file of usercert holds no certificate",
			"it must be PEM, PKCS#12 or a pkcs11: URI").With("usercert")
	}
	return chain, nil
}

// parseKey reads the first private key of a PEM file.
func parseKey(data []byte, ask Passphrase) (crypto.Signer, error) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "ENCRYPTED PRIVATE KEY", "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY":
			return parseKeyBlock(block, ask)
		}
	}
	return nil, diag.New(diag.Config, "no private key for the client certificate",
		"neither usercert nor userkey holds a PEM block PRIVATE KEY").With("userkey")
}

func parseKeyBlock(block *pem.Block, ask Passphrase) (crypto.Signer, error) {
	der, kind := block.Bytes, block.Type
	//lint:ignore SA1019 the old PEM encryption is weak, but people have such files
	old := x509.IsEncryptedPEMBlock(block)
	if old || kind == "ENCRYPTED PRIVATE KEY" {
		password, err := askPassphrase(ask)
		if err != nil {
			return nil, err
		}
		if der, err = decryptKey(block, password, old); err != nil {
			return nil, err
		}
	}
	key, err := parseKeyDER(der, kind)
	if err != nil && old {
		return nil, wrongPassphrase() // its check is weak: garbage may pass
	}
	if err != nil {
		return nil, diag.New(diag.Config, "the client key cannot be read", err.Error()).With("userkey")
	}
	return key, nil
}

func decryptKey(block *pem.Block, password []byte, old bool) (der []byte, err error) {
	if old {
		//lint:ignore SA1019 see parseKeyBlock
		der, err = x509.DecryptPEMBlock(block, password)
	} else {
		der, err = decryptPKCS8(block.Bytes, password)
	}
	switch {
	case err == nil:
		return der, nil
	case errors.Is(err, x509.IncorrectPasswordError), errors.Is(err, errWrongPassphrase):
		return nil, wrongPassphrase()
	}
	return nil, diag.New(diag.Config, "the client key cannot be decrypted", err.Error()).With("userkey")
}

func parseKeyDER(der []byte, kind string) (crypto.Signer, error) {
	var key any
	var err error
	switch kind {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(der)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(der)
	default:
		key, err = x509.ParsePKCS8PrivateKey(der)
	}
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("a key of this kind cannot sign")
	}
	return signer, nil
}

// loadPKCS12 reads a PKCS#12 file; it asks only when no empty passphrase opens it.
func loadPKCS12(data []byte, ask Passphrase) (*ClientCert, error) {
	key, leaf, more, err := pkcs12.DecodeChain(data, "")
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		password, perr := askPassphrase(ask)
		if perr != nil {
			return nil, perr
		}
		key, leaf, more, err = pkcs12.DecodeChain(data, string(password))
	}
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return nil, wrongPassphrase()
	}
	if err != nil {
		return nil, diag.New(diag.Config, "the client certificate cannot be read",
			"it is neither PEM nor PKCS#12: "+err.Error()).With("usercert")
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, diag.New(diag.Config, "the key in the PKCS#12 file cannot sign", "use an RSA, ECDSA or Ed25519 key").With("usercert")
	}
	return pairUp(append([]*x509.Certificate{leaf}, more...), signer)
}

func askPassphrase(ask Passphrase) ([]byte, error) {
	if ask == nil {
		return nil, diag.New(diag.Config, "the client key is encrypted", "give its passphrase with key-password").With("key-password")
	}
	s, err := ask()
	if err != nil {
		return nil, err
	}
	return []byte(s.Reveal()), nil
}

func wrongPassphrase() error {
	return diag.New(diag.Config, "the passphrase of the client key is wrong", "give the right one with key-password").With("key-password")
}
