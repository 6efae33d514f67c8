package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"strings"
	"testing"
)

// strapKey is a key as OpenConnect prints it (SEC 1).
func strapKey(t testing.TB, curve elliptic.Curve) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

func TestParseCookie(t *testing.T) {
	key := strapKey(t, elliptic.P256())
	for text, want := range map[string]string{
		"Argon18": "Argon18", "webvpn=Argon18": "Argon18", " webvpn=Argon18\n": "Argon18", "AB@12@cd=": "AB@12@cd=", "webvpn=a=b==": "a=b==",
		"webvpnc=x; webvpn=Argon18; other=y":            "Argon18",
		"openconnect_strapkey=" + key + "; webvpn=a/b+": "a/b+",
		"webvpn=Z;openconnect_strapkey=" + key:          "Z",
	} {
		value, keys, err := ParseCookie(text)
		if err != nil || value != want || (keys != nil) != strings.Contains(text, "strapkey") {
			t.Errorf("%q: %q, key %v, %v", text, value, keys != nil, err)
		}
		if keys != nil {
			if _, _, err := keys.Prove([]byte("binding")); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestParseCookieRefuses(t *testing.T) {
	for text, words := range map[string]string{
		"": "no webvpn", " ": "no webvpn", "webvpn=": "no webvpn", "a=b; c=d": "no webvpn", "webvpn=; webvpn=": "no webvpn",
		"openconnect_strapkey=" + strapKey(t, elliptic.P256()):               "no webvpn",
		"openconnect_strapkey=" + strapKey(t, elliptic.P384()) + ";webvpn=x": "no P-256 key",
		"openconnect_strapkey=AAAA; webvpn=x":                                "no P-256 key",
		"openconnect_strapkey=?; webvpn=x":                                   "not base64",
		"webvpn=a b":                                                         "characters", "a\r\nX-Evil: 1": "characters", "a\x00": "characters", "\u00fc": "characters", "a,b": "characters",
		strings.Repeat("x", maxCookie+1): "longer",
	} {
		if value, _, err := ParseCookie(text); err == nil || value != "" || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: %q, %v, want %q", text, value, err, words)
		}
	}
}

func FuzzParseCookie(f *testing.F) {
	f.Add("Argon18")
	f.Add("webvpnc=x; webvpn=Argon18=; other=y")
	f.Add("openconnect_strapkey=" + strapKey(f, elliptic.P256()) + "; webvpn=a/b+")
	f.Fuzz(func(t *testing.T, text string) {
		value, _, err := ParseCookie(text)
		if err != nil {
			if value != "" {
				t.Errorf("%q and %v", value, err)
			}
			return
		}
		if strings.ContainsAny(value, "; ,\r\n\x00") || !strings.Contains(text, value) {
			t.Errorf("%q gives %q", text, value)
		}
		if again, _, err := ParseCookie("webvpn=" + value); err != nil || again != value {
			t.Errorf("%q gives %q, then %q, %v", text, value, again, err)
		}
	})
}
