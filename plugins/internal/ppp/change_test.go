package ppp

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// zeros are noise that can be compared.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// The hash and the keys are RFC 2759's own (sections 9.2 and 9.3, without parity); what is
// encrypted with them was encrypted by OpenSSL.
func TestChangeVectors(t *testing.T) {
	const old, password = "clientPass", "Osmium-0815 é"
	block, err := encryptedPassword(password, old, zeros{})
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(block)
	for what, is := range map[string]struct {
		got  []byte
		want string
	}{
		"hash":                {passwordHash(old), "44ebba8d5312b8d611474411f56989ae"},
		"first key":           {spread([]byte("\xfc\x15\x6a\xf7\xed\xcd\x6c")), "fc0a5a5e7e6e34d8"},
		"second key":          {spread([]byte("\x0e\xdd\xe3\x33\x7d\x42\x7f")), "0e6e786636ea08fe"},
		"old hash, encrypted": {encryptedHash(old, password), "1f42a58312744bd82d986e58dfbe82b1"},
		"end of the password": {block[len(block)-8:], "1258a8343a7c"},
		"password, encrypted": {sum[:], "c1e10b5e9ba350ab9bbbd2555af06ab011635bf1d2b813b23146db39c9cb7e58"},
	} {
		if got := hex.EncodeToString(is.got); !strings.HasSuffix(got, is.want) {
			t.Errorf("%s: %s, want %s", what, got, is.want)
		}
	}
	if len(block) != 516 {
		t.Errorf("a block of %d bytes", len(block))
	}
}

// Passwords that cannot be new ones end the login, and so does who gives none.
func TestPasswordsThatCannotBe(t *testing.T) {
	none := errors.New("nobody answers")
	for name, test := range map[string]struct {
		password string
		err      error
		words    string
	}{
		"empty":    {"", nil, "1 to 256 characters"},
		"too long": {strings.Repeat("x", 257), nil, "1 to 256 characters"},
		"refused":  {"", none, "nobody answers"},
	} {
		l := newLine(t, 1, config(MSCHAPv2), &gate{login: MSCHAPv2, password: testPassword, expired: true})
		l.answer = func(e Effect) []Effect {
			if _, asks := e.(AskPassword); asks {
				return l.ends[theClient].NewPassword(l.now, test.password, test.err)
			}
			return nil
		}
		var d *diag.Diagnostic
		if err := l.begin().why(); err == nil || !strings.Contains(err.Error(), test.words) || test.err == nil && (!errors.As(err, &d) || d.Code != diag.AuthRefused) {
			t.Errorf("%s: %v", name, err)
		}
		for _, s := range of[Send](l, theClient) {
			if s.Protocol == ProtocolCHAP && code(s.Payload[0]) == chapChangePassword {
				t.Errorf("%s: it was sent", name)
			}
		}
	}
}

// What the gateway says in words is read without harm, and shown without control characters.
func FuzzWords(f *testing.F) {
	f.Add([]byte("E=648 R=1 C=00112233445566778899aabbccddeeff V=3 M=expired"))
	f.Add([]byte("\x05hello"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if value, err := nextChallenge(string(b)); err == nil && !strings.Contains(strings.ToLower(string(b)), fmt.Sprintf("c=%x", value)) {
			t.Fatalf("%q: %x", b, value)
		}
		if value := challenge(packet{data: b}); value != nil && len(value) != int(b[0]) {
			t.Fatalf("%x: a challenge %x", b, value)
		}
		for _, text := range []string{printable(b), refusal(pascal(b))} {
			if len(text) > 1000 || slices.ContainsFunc([]rune(text), func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Fatalf("%q became %q", b, text)
			}
		}
	})
}
