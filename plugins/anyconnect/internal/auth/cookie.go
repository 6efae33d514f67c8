package auth

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// maxCookie bounds a session cookie with its key, in bytes.
const maxCookie = 8 << 10

// ParseCookie reads a session cookie as OpenConnect prints it:
//
//	VALUE
//	webvpn=VALUE
//	openconnect_strapkey=BASE64; webvpn=VALUE
//
// Other cookies beside these are left out. keys is nil when there is no key: then the
// session is not bound to one. No error repeats any of the text.
func ParseCookie(text string) (value string, keys *Keys, err error) {
	text = strings.TrimSpace(text)
	if len(text) > maxCookie {
		return "", nil, fmt.Errorf("it is longer than %d bytes", maxCookie)
	}
	for part := range strings.SplitSeq(text, ";") {
		name, content, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "webvpn":
			value = content
		case "openconnect_strapkey":
			der, err := base64.StdEncoding.DecodeString(content)
			if err != nil {
				return "", nil, errors.New("its openconnect_strapkey is not base64")
			}
			if keys, err = ParseKeys(der); err != nil {
				return "", nil, errors.New("its openconnect_strapkey is no P-256 key")
			}
		}
	}
	if value == "" && keys == nil && !strings.Contains(text, ";") && !strings.HasPrefix(text, "webvpn=") {
		value = text // it may well have an = in it
	}
	if value == "" {
		return "", nil, errors.New("there is no webvpn=VALUE in it")
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' || r == ',' }) {
		return "", nil, errors.New("its value has characters that no cookie can have")
	}
	return value, keys, nil
}

// FormatCookie writes a session cookie as ParseCookie and OpenConnect read it; keys may
// be nil.
func FormatCookie(value string, keys *Keys) (string, error) {
	cookie := "webvpn=" + value
	if keys == nil {
		return cookie, nil
	}
	der, err := x509.MarshalECPrivateKey(keys.sign)
	if err != nil {
		return "", err
	}
	return "openconnect_strapkey=" + base64.StdEncoding.EncodeToString(der) + "; " + cookie, nil
}
