package transport

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"os"
	"strings"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/secret"
)

// maxKeyFile bounds a certificate or key file, in bytes.
const maxKeyFile = 1 << 20

// ClientCert is a client certificate with its key, which may live in a token.
type ClientCert struct {
	pair  tls.Certificate
	close func() error // nil for files
}

// Leaf is the certificate itself.
func (c *ClientCert) Leaf() *x509.Certificate { return c.pair.Leaf }

// Chain is the certificate and those of its issuers that are known, DER.
func (c *ClientCert) Chain() [][]byte { return c.pair.Certificate }

// Sign signs a digest, in the token if the key lives in one.
func (c *ClientCert) Sign(digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return c.pair.PrivateKey.(crypto.Signer).Sign(rand.Reader, digest, opts)
}

// Close logs out of the token, if the key lives in one.
func (c *ClientCert) Close() error {
	if c.close == nil {
		return nil
	}
	return c.close()
}

// Passphrase asks for what unlocks a key: the passphrase of a file or the PIN of a
// token. It is called only when needed, at most once a load.
type Passphrase func() (secret.String, error)

// LoadClientCert loads a certificate and its key. usercert is a PEM file (with
// further certificates of the chain, and the key if userkey is empty), a PKCS#12
// file, or a pkcs11: URI (RFC 7512); userkey is a PEM file or a pkcs11: URI. A key
// may be encrypted (PKCS#8, or the old PEM way). What is wrong is a
// *diag.Diagnostic that names the option.
func LoadClientCert(usercert, userkey string, ask Passphrase) (*ClientCert, error) {
	if userkey == "" {
		userkey = usercert
	}
	if isPKCS11(usercert) || isPKCS11(userkey) {
		return loadToken(usercert, userkey, ask)
	}
	data, err := readKeyFile(usercert, "usercert")
	if err != nil {
		return nil, err
	}
	if !bytes.Contains(data, []byte("-----BEGIN")) {
		return loadPKCS12(data, ask)
	}
	chain, err := parseChain(data)
	if err != nil {
		return nil, err
	}
	keyData := data
	if userkey != usercert {
		if keyData, err = readKeyFile(userkey, "userkey"); err != nil {
			return nil, err
		}
	}
	key, err := parseKey(keyData, ask)
	if err != nil {
		return nil, err
	}
	return pairUp(chain, key)
}

func isPKCS11(name string) bool { return strings.HasPrefix(name, "pkcs11:") }

// readKeyFile reads a file that an option names.
func readKeyFile(name, option string) ([]byte, error) {
	info, err := os.Stat(name)
	if err == nil && info.Size() > maxKeyFile {
		return nil, diag.New(diag.Config, name+" is too large for a certificate or key", "check that it is the right file").With(option)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, diag.New(diag.Config, "the file of "+option+" cannot be read", err.Error()).With(option)
	}
	return data, nil
}

// pairUp checks that the key belongs to the leaf, which it finds among the
// certificates, and puts it first.
func pairUp(chain []*x509.Certificate, key crypto.Signer) (*ClientCert, error) {
	leaf := -1
	for i, c := range chain {
		if samePublicKey(c.PublicKey, key.Public()) {
			leaf = i
			break
		}
	}
	if leaf < 0 {
		return nil, diag.New(diag.Config, "the client certificate and its key do not belong together",
			"check usercert and userkey").With("userkey")
	}
	c := &ClientCert{pair: tls.Certificate{PrivateKey: key, Leaf: chain[leaf]}}
	c.pair.Certificate = append(c.pair.Certificate, chain[leaf].Raw)
	for i, other := range chain {
		if i != leaf {
			c.pair.Certificate = append(c.pair.Certificate, other.Raw)
		}
	}
	return c, nil
}

func samePublicKey(a, b crypto.PublicKey) bool {
	comparable, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && comparable.Equal(b)
}
