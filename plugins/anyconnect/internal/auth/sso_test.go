package auth

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

const (
	externalForm = `<config-auth><auth id="main"><title>Login</title><sso-v2-login>https://vpn.test/+CSCOE+/saml/sp/login?tgname=x</sso-v2-login><sso-v2-login-final>https://vpn.test/+CSCOE+/saml_ac_login.html</sso-v2-login-final>` +
		`<sso-v2-token-cookie-name>acSamlv2Token</sso-v2-token-cookie-name><sso-v2-error-cookie-name>acSamlv2Error</sso-v2-error-cookie-name><sso-v2-browser-mode>external</sso-v2-browser-mode>` +
		`<form><input type="sso" name="sso-token"/></form></auth></config-auth>`
)

// seal makes what a gateway makes: a token for the client's key.
func seal(t *testing.T, own *ecdh.PublicKey, token string) []byte {
	t.Helper()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	aead, err := tokenCipher(key, own)
	if err != nil {
		t.Fatal(err)
	}
	nonce := []byte("twelve bytes")
	sealed := aead.Seal(nil, nonce, []byte(token), nil)
	split := len(sealed) - tokenTagSize
	return sealedToken{publicKey: public, tag: sealed[split:], ciphertext: sealed[:split], nonce: nonce}.append(nil)
}

func TestExternalBrowser(t *testing.T) {
	keys := newTestKeys(t)
	blob := base64.StdEncoding.EncodeToString(seal(t, keys.dh.PublicKey(), "T0KEN123"))
	uri := ssoPrefix + url.PathEscape(blob) + "?return=https://vpn.test/done"
	s := newStage(t, "https://vpn.test/", map[string][]string{"sso": {uri}},
		turn{body: externalForm, check: has("<auth-method>single-sign-on-v2</auth-method><auth-method>single-sign-on-external-browser</auth-method>")},
		turn{body: success, check: has("<auth><sso-token>T0KEN123</sso-token></auth>")})
	s.config.Keys, s.config.SSO = keys, SSOAny
	s.mustLogin(t)
	q := s.person.prompts[0].Sso
	if q.URL != "https://vpn.test/+CSCOE+/saml/sp/login?tgname=x" || q.Loopback == nil || q.Loopback.Port != 29786 || q.Loopback.PathPrefix != "/api/sso/" || q.Loopback.RedirectParam != "return" {
		t.Errorf("asked %+v %+v", q, q.Loopback)
	}
}

func TestExternalBrowserRefusals(t *testing.T) {
	keys, other := newTestKeys(t), newTestKeys(t)
	for name, uri := range map[string]string{
		"other path":      "/elsewhere/abcd",
		"no base64":       ssoPrefix + "@@@@",
		"for another":     ssoPrefix + base64.StdEncoding.EncodeToString(seal(t, other.dh.PublicKey(), "T0KEN")),
		"not a token":     ssoPrefix + base64.StdEncoding.EncodeToString(seal(t, keys.dh.PublicKey(), "T0;KEN\n")),
		"half a document": ssoPrefix + base64.StdEncoding.EncodeToString(seal(t, keys.dh.PublicKey(), "T0KEN")[:60]),
	} {
		s := newStage(t, "https://vpn.test/", map[string][]string{"sso": {uri}}, turn{body: externalForm})
		s.config.Keys, s.config.SSO = keys, SSOAny
		if _, err := s.login(t); diag.Of(err).Code != diag.AuthRefused {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestEmbeddedBrowser(t *testing.T) {
	form := strings.Replace(externalForm, "external", "embedded", 1)
	s := newStage(t, "https://vpn.test/", map[string][]string{"sso": {"T0KEN"}},
		turn{body: form, check: func(t *testing.T, _ *http.Request, body string) {
			if strings.Contains(body, "external-browser") || !strings.Contains(body, "single-sign-on-v2") {
				t.Errorf("offered\n%s", body)
			}
		}},
		turn{body: success, check: has("<sso-token>T0KEN</sso-token>")})
	s.config.SSO = SSOEmbedded
	s.mustLogin(t)
	if c := s.person.prompts[0].Sso.Cookies; c.Cookie != "acSamlv2Token" || c.ErrorCookie != "acSamlv2Error" || c.FinalURL != "https://vpn.test/+CSCOE+/saml_ac_login.html" {
		t.Errorf("asked %+v", c)
	}

	s = newStage(t, "https://vpn.test/", map[string][]string{"sso": {""}}, turn{body: form})
	s.config.SSO = SSOEmbedded
	if _, err := s.login(t); diag.Of(err).Code != diag.AuthRefused {
		t.Errorf("an empty cookie: got %v", err)
	}
	s = newStage(t, "https://vpn.test/", nil, turn{body: form})
	if _, err := s.login(t); diag.Of(err).Option != "sso" {
		t.Errorf("switched off: got %v", err)
	}
	s = newStage(t, "https://vpn.test/", nil, turn{body: strings.Replace(form, "https://vpn.test/+CSCOE+/saml/", "http://evil.test/", 1)})
	s.config.SSO = SSOEmbedded
	if _, err := s.login(t); diag.Of(err).Code != diag.Protocol {
		t.Errorf("a page without TLS: got %v", err)
	}
}

// The layout as gateways send it: version, then records of type and length.
func TestSealedTokenLayout(t *testing.T) {
	token := sealedToken{publicKey: []byte{1, 2}, tag: bytes.Repeat([]byte{3}, 12), ciphertext: []byte{4}, nonce: bytes.Repeat([]byte{5}, 12)}
	want := "0001" + "00010002" + "0102" + "0002000c" + strings.Repeat("03", 12) + "00030001" + "04" + "0004000c" + strings.Repeat("05", 12)
	if got := hex.EncodeToString(token.append(nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func FuzzParseSealedToken(f *testing.F) {
	f.Add(sealedToken{publicKey: []byte{1}, tag: make([]byte, 12), ciphertext: []byte{2}, nonce: make([]byte, 12)}.append(nil))
	f.Add([]byte{0, 1, 0, 1, 0, 91})
	f.Fuzz(func(t *testing.T, b []byte) {
		token, err := parseSealedToken(b)
		if err != nil {
			return
		}
		again, err := parseSealedToken(token.append(nil))
		if err != nil || !bytes.Equal(again.append(nil), token.append(nil)) {
			t.Fatalf("%x reads otherwise the second time: %v", b, err)
		}
	})
}

func FuzzSealedIn(f *testing.F) {
	f.Add("/api/sso/AAEAAQ==?return=x")
	f.Add("/api/sso/%2B%2F")
	f.Fuzz(func(t *testing.T, uri string) {
		sealed, err := sealedIn(uri)
		if err != nil {
			return
		}
		again, err := sealedIn(ssoPrefix + url.PathEscape(base64.StdEncoding.EncodeToString(sealed)) + "?return=y")
		if err != nil || !bytes.Equal(again, sealed) {
			t.Fatalf("%q: %x, then %x, %v", uri, sealed, again, err)
		}
	})
}
