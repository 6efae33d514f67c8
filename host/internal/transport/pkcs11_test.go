//go:build cgo

package transport

import (
	"crypto"
	"encoding/pem"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/ThalesGroup/crypto11"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// softToken is a token in files, by SoftHSM, with an RSA and an ECDSA user.
type softToken struct {
	module string
	users  map[string]*user
}

const tokenPIN = "123456"

func newSoftToken(t *testing.T) *softToken {
	t.Helper()
	dir := t.TempDir()
	conf := filepath.Join(dir, "softhsm2.conf")
	must(t, os.WriteFile(conf, []byte("directories.tokendir = "+dir+"\nlog.level = ERROR\n"), 0o600))
	t.Setenv("SOFTHSM2_CONF", conf)
	out, err := exec.Command("softhsm2-util", "--init-token", "--free", "--label", "test token", "--pin", tokenPIN, "--so-pin", tokenPIN).CombinedOutput()
	if err != nil {
		t.Fatalf("softhsm2-util (package softhsm2): %v %s", err, out)
	}
	s := &softToken{module: softHSM(t), users: map[string]*user{}}
	ctx, err := crypto11.Configure(&crypto11.Config{Path: s.module, TokenLabel: "test token", Pin: tokenPIN})
	must(t, err)
	rsaKey, err := ctx.GenerateRSAKeyPairWithLabel([]byte{1}, []byte("rsa"), 2048)
	must(t, err)
	ecKey, err := ctx.GenerateECDSAKeyPairWithLabel([]byte{2}, []byte("ec"), newKey(t).Curve)
	must(t, err)
	for label, key := range map[string]crypto.Signer{"rsa": rsaKey, "ec": ecKey} {
		ca := newAuthority(t)
		u := &user{ca: ca, cert: ca.issue(key, nil)}
		id := map[string][]byte{"rsa": {1}, "ec": {2}}[label]
		must(t, ctx.ImportCertificateWithLabel(id, []byte(label), u.cert.Leaf))
		s.users[label] = u
	}
	must(t, ctx.Close())
	return s
}

func softHSM(t *testing.T) string {
	t.Helper()
	for _, pattern := range []string{"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/*/softhsm/libsofthsm2.so", "/usr/lib64/*/libsofthsm2.so"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[0]
		}
	}
	t.Fatal("libsofthsm2.so is not installed (package softhsm2)")
	return ""
}

func TestToken(t *testing.T) {
	s := newSoftToken(t)
	query := "?module-path=" + s.module
	pinFile := writeFile(t, tokenPIN+"\n")
	for name, c := range map[string]struct {
		user, cert, key string
		asked           int
	}{
		"by label":         {"rsa", "pkcs11:token=test%20token;object=rsa" + query, "", 1},
		"by id":            {"ec", "pkcs11:token=test%20token;id=%02" + query, "", 1},
		"pin in the URI":   {"ec", "pkcs11:token=test%20token;object=ec" + query + "&pin-value=" + tokenPIN, "", 0},
		"pin in a file":    {"rsa", "pkcs11:token=test%20token;object=rsa" + query + "&pin-source=file:" + pinFile, "", 0},
		"two URIs":         {"rsa", "pkcs11:token=test%20token;id=%01;type=cert" + query, "pkcs11:token=test%20token;object=rsa;type=private" + query, 1},
		"certificate file": {"ec", "FILE", "pkcs11:token=test%20token;object=ec" + query, 1},
	} {
		t.Run(name, func(t *testing.T) {
			u, asked := s.users[c.user], 0
			if c.cert == "FILE" {
				c.cert = writePEM(t, "cert.pem", &pem.Block{Type: "CERTIFICATE", Bytes: u.cert.Leaf.Raw})
			}
			got, err := LoadClientCert(c.cert, c.key, passphrase(tokenPIN, &asked))
			must(t, err)
			if asked != c.asked {
				t.Errorf("asked %d times", asked)
			}
			u.present(t, got)
			must(t, got.Close())
		})
	}
}

func TestTokenRefuses(t *testing.T) {
	s := newSoftToken(t)
	query := "?module-path=" + s.module
	other := writePEM(t, "cert.pem", &pem.Block{Type: "CERTIFICATE", Bytes: newAuthority(t).cert.Raw})
	for name, c := range map[string]struct{ cert, key, pin, option string }{
		"another token":   {"pkcs11:token=other;object=rsa" + query, "", tokenPIN, "userkey"},
		"no token":        {"pkcs11:object=rsa" + query, "", tokenPIN, "userkey"},
		"no module":       {"pkcs11:token=test%20token;object=rsa?module-path=/nonexistent.so", "", tokenPIN, "userkey"},
		"another key":     {"pkcs11:token=test%20token;object=other" + query, "", tokenPIN, "userkey"},
		"wrong PIN":       {"pkcs11:token=test%20token;object=rsa" + query, "", "654321", "key-password"},
		"key in a file":   {"pkcs11:token=test%20token;object=rsa" + query, other, tokenPIN, "userkey"},
		"bad URI":         {"pkcs11:token=%zz", "", tokenPIN, "userkey"},
		"not its owner's": {other, "pkcs11:token=test%20token;object=rsa" + query, tokenPIN, "userkey"},
		"no certificate":  {"pkcs11:token=test%20token;object=none" + query, "pkcs11:token=test%20token;object=rsa" + query, tokenPIN, "usercert"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			_, err := LoadClientCert(c.cert, c.key, passphrase(c.pin, &asked))
			if d := wantDiagnostic(t, err, diag.Config, c.option); strings.Contains(d.Error(), c.pin) {
				t.Errorf("shows the PIN: %v", d)
			}
		})
	}
}

func FuzzTokenURI(f *testing.F) {
	f.Add("pkcs11:token=a%20b;object=c;id=%01%02?module-path=/x&pin-value=1")
	f.Add("pkcs11:x-vendor=1;type=cert")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := parseTokenURI(text, "usercert")
		if err != nil {
			wantDiagnostic(t, err, diag.Config, "usercert")
			return
		}
		again := "pkcs11:token=" + url.PathEscape(u.token) + ";serial=" + url.PathEscape(u.serial) + ";object=" + url.PathEscape(u.object) +
			";id=" + url.PathEscape(string(u.id)) + "?module-path=" + queryEscape(u.module) + "&pin-value=" + queryEscape(u.pin.Reveal())
		v, err := parseTokenURI(again, "usercert")
		v.pinSource = u.pinSource
		if err != nil || !reflect.DeepEqual(noNil(u), noNil(v)) {
			t.Errorf("%q became %+v, then %+v, %v", text, u, v, err)
		}
	})
}

func queryEscape(s string) string { return strings.ReplaceAll(url.PathEscape(s), "&", "%26") }

func noNil(u tokenURI) tokenURI {
	u.id = append([]byte{}, u.id...)
	return u
}
