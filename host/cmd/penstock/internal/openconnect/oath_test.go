package openconnect

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

const rfcKey = "12345678901234567890"

// RFC 4226, appendix D.
func TestHOTP(t *testing.T) {
	s := seed{key: []byte(rfcKey)}
	for i, want := range []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"} {
		if got := s.code(uint64(i)); got != want {
			t.Errorf("%d: %s, want %s", i, got, want)
		}
	}
}

// RFC 6238, appendix B, the last six of eight digits.
func TestTOTP(t *testing.T) {
	for text, codes := range map[string]map[int64]string{
		rfcKey: {59: "287082", 1111111109: "081804", 20000000000: "353130"},
		"base32:GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ":                                 {59: "287082"},
		"0x3132333435363738393031323334353637383930":                              {59: "287082"},
		"sha256:12345678901234567890123456789012":                                 {59: "119246"},
		"SHA512:1234567890123456789012345678901234567890123456789012345678901234": {59: "693936"},
	} {
		tok, err := newToken("totp", text)
		if err != nil {
			t.Fatal(err)
		}
		for at, want := range codes {
			tok.tries, tok.at = 0, time.Time{}
			tok.now = func() time.Time { return time.Unix(at, 0) }
			if got, err := tok.next(); got != want || err != nil {
				t.Errorf("%s at %d: %s %v, want %s", text, at, got, err, want)
			}
		}
	}
}

// The second code is the next one, and there is no third.
func TestTokenTries(t *testing.T) {
	tok, err := newToken("totp", rfcKey)
	if err != nil {
		t.Fatal(err)
	}
	tok.now = func() time.Time { return time.Unix(59, 0) }
	for _, want := range []string{tok.seed.code(1), tok.seed.code(2), ""} {
		if got, err := tok.next(); got != want || err != nil {
			t.Errorf("%q %v, want %q", got, err, want)
		}
	}
}

func TestBadSeeds(t *testing.T) {
	for text, want := range map[string]error{"": errSeed, "base32:a": errBase32, "base32:AAAAAAA1": errBase32, "0xzz": errSeed, "abc,x": errSeed, "abc,-1": errSeed, ",3": errSeed} {
		if _, err := newToken("hotp", text); err != want {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := newToken("totp", "@/nonexistent"); err == nil || err.Error() != "Failed to open file '/nonexistent': No such file or directory" {
		t.Error(err)
	}
}

// A file's counter is moved on, and its owner's alone.
func TestHOTPFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "token")
	for before, after := range map[string]string{
		"base32:GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ,1\n":       "base32:GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ,2\n",
		"sha1:0x3132333435363738393031323334353637383930,1": "sha1:0x3132333435363738393031323334353637383930,2\n",
		rfcKey + ",1": rfcKey + ",2\n",
	} {
		if err := os.WriteFile(name, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		tok, err := newToken("hotp", "@"+name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tok.next(); got != "287082" || err != nil {
			t.Errorf("%s: %s %v", before, got, err)
		}
		got, err := os.ReadFile(name)
		info, statErr := os.Stat(name)
		if err != nil || statErr != nil || string(got) != after || info.Mode().Perm() != 0o600 {
			t.Errorf("%q became %q: %v %v", before, got, err, info)
		}
	}
}

func FuzzSeed(f *testing.F) {
	for _, text := range []string{rfcKey, "base32:GEZDGNBV,3", "sha256:0xabc,0x10"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseSeed(text, true)
		if err != nil {
			return
		}
		again, err := parseSeed(s.String(), true)
		if err != nil || again.counter != s.counter || again.code(1) != s.code(1) {
			t.Errorf("%q was kept as %q: %v", text, s.String(), err)
		}
	})
}
