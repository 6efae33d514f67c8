package openconnect

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 4226 is made of it
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// maxTries is how often a code is made: a gateway that refuses two wants something else,
// and more would lock the account.
const maxTries = 2

// token makes one-time codes by RFC 4226 or RFC 6238.
type token struct {
	hotp    bool
	file    string // of the secret; "": it stood on the command line
	seed    seed
	tries   int
	at      time.Time // of the first code by time
	now     func() time.Time
	replace func(name string, text string) error
}

// seed is a secret as it is written: [sha1:|sha256:|sha512:][0x|base32:]TEXT[,COUNTER].
type seed struct {
	algorithm string // prefix as written, "" or "sha256:"
	format    string // "", "0x", "base32:"
	key       []byte
	counter   uint64
}

var (
	errSeed   = failure("Soft token string is invalid")
	errBase32 = failure("Invalid base32 token string\nSoft token string is invalid")
)

// maxSeed bounds a file with a secret, in bytes.
const maxSeed = 64 << 10

// newToken reads --token-secret: @FILE, /FILE or the secret itself.
func newToken(mode, text string) (*token, error) {
	t := &token{hotp: mode == "hotp", now: time.Now, replace: replaceFile}
	if text == "" {
		return nil, errSeed
	}
	if text[0] == '@' || text[0] == '/' {
		t.file = strings.TrimPrefix(text, "@")
		return t, t.load()
	}
	var err error
	t.seed, err = parseSeed(text, t.hotp)
	return t, err
}

// load reads the file, whose counter another program may have moved.
func (t *token) load() error {
	f, err := os.Open(t.file)
	if err != nil {
		return failed("Failed to open file '%s': %s", t.file, errnoText(err))
	}
	defer f.Close() //nolint:errcheck // only read from
	buf := make([]byte, maxSeed)
	n, err := f.Read(buf)
	if err != nil {
		return failed("Failed to read file '%s': %s", t.file, errnoText(err))
	}
	t.seed, err = parseSeed(string(buf[:n]), t.hotp)
	return err
}

func parseSeed(text string, hotp bool) (seed, error) {
	var s seed
	text = strings.TrimRight(text, " \t\r\n\v\f")
	if strings.HasPrefix(text, "<?xml") {
		return s, failure("The option --token-secret cannot be honoured: files of PSKC are not read here")
	}
	for _, name := range []string{"sha1:", "sha256:", "sha512:"} {
		if len(text) >= len(name) && strings.EqualFold(text[:len(name)], name) {
			s.algorithm, text = name, text[len(name):]
			break
		}
	}
	if hotp {
		if i := strings.LastIndexByte(text, ','); i >= 0 {
			n, err := strconv.ParseUint(strings.TrimSpace(text[i+1:]), 0, 63)
			if err != nil {
				return s, errSeed
			}
			s.counter, text = n, text[:i]
		}
	}
	return s.decode(text)
}

func (s seed) decode(text string) (seed, error) {
	var err error
	const b32 = "base32:"
	switch {
	case len(text) >= len(b32) && strings.EqualFold(text[:len(b32)], b32):
		s.format = b32
		s.key, err = base32.StdEncoding.DecodeString(strings.ToUpper(text[len(b32):]))
		if err != nil || len(text[len(b32):])%8 != 0 {
			return s, errBase32
		}
	case strings.HasPrefix(text, "0x"):
		s.format, text = "0x", text[2:]
		if len(text)%2 == 1 {
			text = "0" + text
		}
		if s.key, err = hex.DecodeString(text); err != nil {
			return s, errSeed
		}
	default:
		s.key = []byte(text)
	}
	if len(s.key) == 0 {
		return s, errSeed
	}
	return s, nil
}

// String is the seed with its counter, as parseSeed reads it.
func (s seed) String() string {
	text := string(s.key)
	switch s.format {
	case "0x":
		text = hex.EncodeToString(s.key)
	case "base32:":
		text = base32.StdEncoding.EncodeToString(s.key)
	}
	return fmt.Sprintf("%s%s%s,%d", s.algorithm, s.format, text, s.counter)
}

func (s seed) hash() func() hash.Hash {
	switch s.algorithm {
	case "sha256:":
		return sha256.New
	case "sha512:":
		return sha512.New
	}
	return sha1.New
}

// code is RFC 4226's, of six digits.
func (s seed) code(counter uint64) string {
	mac := hmac.New(s.hash(), s.key)
	_ = binary.Write(mac, binary.BigEndian, counter)
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:])&0x7fffffff%1000000)
}

// step is how long a code by time is good.
const step = 30 * time.Second

// next is the next code; "": the gateway has refused enough of them.
func (t *token) next() (string, error) {
	if t.tries >= maxTries {
		return "", nil
	}
	t.tries++
	if !t.hotp {
		if t.at.IsZero() {
			t.at = t.now()
		} else {
			t.at = t.at.Add(step)
		}
		return t.seed.code(uint64(t.at.Unix()) / uint64(step/time.Second)), nil
	}
	if t.file != "" {
		if err := t.load(); err != nil {
			return "", err
		}
	}
	code := t.seed.code(t.seed.counter)
	t.seed.counter++
	if t.file == "" {
		return code, nil
	}
	if err := t.replace(t.file, t.seed.String()); err != nil {
		return "", failed("Failed to write token: %s", errnoText(err))
	}
	return code, nil
}

// replaceFile writes the file anew, whole or not at all, for its owner alone.
func replaceFile(name, text string) error {
	if real, err := filepath.EvalSymlinks(name); err == nil {
		name = real
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".token-")
	if err != nil {
		return err
	}
	_, err = f.WriteString(text + "\n")
	if info, statErr := os.Stat(name); statErr == nil {
		err = errors.Join(err, f.Chmod(info.Mode().Perm()))
	}
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
