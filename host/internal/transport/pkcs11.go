//go:build cgo

package transport

import (
	"crypto"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/ThalesGroup/crypto11"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// proxyModules is where p11-kit's proxy, which offers all tokens of the machine, is.
var proxyModules = []string{
	"/usr/lib/*/p11-kit-proxy.so", "/usr/lib64/p11-kit-proxy.so", "/usr/lib/p11-kit-proxy.so",
}

// loadToken loads a certificate from a token or a file, and its key from a token.
func loadToken(usercert, userkey string, ask Passphrase) (*ClientCert, error) {
	if !isPKCS11(userkey) {
		return nil, diag.New(diag.Config, "a certificate in a token needs its key there too",
			"leave userkey out, or make it a pkcs11: URI").With("userkey")
	}
	keyURI, err := parseTokenURI(userkey, "userkey")
	if err != nil {
		return nil, err
	}
	token, err := openToken(keyURI, ask)
	if err != nil {
		return nil, err
	}
	c, err := token.load(usercert, keyURI)
	if err != nil {
		_ = token.Close()
		return nil, err
	}
	c.close = token.Close
	return c, nil
}

type token struct{ *crypto11.Context }

func openToken(u tokenURI, ask Passphrase) (token, error) {
	module, err := u.modulePath()
	if err != nil {
		return token{}, err
	}
	pin, err := u.askPIN(ask)
	if err != nil {
		return token{}, err
	}
	config := &crypto11.Config{Path: module, TokenSerial: u.serial, Pin: pin}
	if u.serial == "" {
		config.TokenLabel = u.token
	}
	if u.serial == "" && u.token == "" {
		return token{}, diag.New(diag.Config, "the PKCS#11 URI names no token", "add token=LABEL or serial=NUMBER").With("userkey")
	}
	ctx, err := crypto11.Configure(config)
	if err != nil {
		return token{}, tokenDiagnostic(err)
	}
	return token{ctx}, nil
}

func (u tokenURI) modulePath() (string, error) {
	if u.module != "" {
		return u.module, nil
	}
	for _, pattern := range proxyModules {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[0], nil
		}
	}
	return "", diag.New(diag.Config, "no PKCS#11 module found",
		"install p11-kit, or add ?module-path=/path/to/module.so to the URI").With("userkey")
}

func (u tokenURI) askPIN(ask Passphrase) (string, error) {
	if !u.pin.Empty() {
		return u.pin.Reveal(), nil
	}
	if u.pinSource != "" {
		data, err := readKeyFile(u.pinSource, "userkey")
		return strings.TrimRight(string(data), "\r\n"), err
	}
	pin, err := askPassphrase(ask)
	return string(pin), err
}

// load finds key and certificate.
func (t token) load(usercert string, keyURI tokenURI) (*ClientCert, error) {
	key, err := t.FindKeyPair(keyURI.id, label(keyURI))
	if err != nil || key == nil {
		return nil, notInToken("private key", "userkey", err)
	}
	if !isPKCS11(usercert) {
		return t.pairWithFile(usercert, key)
	}
	u, err := parseTokenURI(usercert, "usercert")
	if err != nil {
		return nil, err
	}
	cert, err := t.FindCertificate(u.id, label(u), nil)
	if err != nil || cert == nil {
		return nil, notInToken("certificate", "usercert", err)
	}
	return pairUp([]*x509.Certificate{cert}, key)
}

func (t token) pairWithFile(usercert string, key crypto.Signer) (*ClientCert, error) {
	data, err := readKeyFile(usercert, "usercert")
	if err != nil {
		return nil, err
	}
	chain, err := parseChain(data)
	if err != nil {
		return nil, err
	}
	return pairUp(chain, key)
}

func label(u tokenURI) []byte {
	if u.object == "" {
		return nil
	}
	return []byte(u.object)
}

func notInToken(what, option string, err error) error {
	detail := "check object= and id= in its URI"
	if err != nil {
		detail = err.Error()
	}
	return diag.New(diag.Config, "the token holds no such "+what, detail).With(option)
}

// tokenDiagnostic names what is wrong with a module, a token or its PIN.
func tokenDiagnostic(err error) error {
	text := err.Error()
	switch {
	case strings.Contains(text, "CKR_PIN"):
		return diag.New(diag.Config, "the token refused the PIN", text+"; a token locks itself after a few wrong ones").With("key-password")
	case strings.Contains(text, "could not find PKCS#11 token"):
		return diag.New(diag.Config, "the token is not there", "plug it in, and check token= or serial= in the URI").With("userkey")
	case errors.Is(err, os.ErrNotExist), strings.Contains(text, "open module"):
		return diag.New(diag.Config, "the PKCS#11 module cannot be loaded", "check module-path in the URI").With("userkey")
	}
	return diag.New(diag.Config, "the token cannot be used", text).With("userkey")
}
