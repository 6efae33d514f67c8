package ppp

import (
	"crypto/des"
	"crypto/rc4"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"time"
	"unicode/utf16"

	//lint:ignore SA1019 MSCHAPv2 is made of it
	"golang.org/x/crypto/md4"

	"github.com/penstock-vpn/penstock/plugins/internal/eap"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// changeTime is how long a person may think about a new password.
const changeTime = 5 * time.Minute

// NewPassword answers AskPassword.
func (m *Machine) NewPassword(now time.Time, password string, err error) []Effect {
	return m.step(now, func() {
		w, ok := (*mschapv2)(nil), false
		if m.auth != nil {
			w, ok = m.auth.way.(*mschapv2)
		}
		switch {
		case err != nil:
			m.end(err)
		case ok && w.expired.code == chapFailure:
			if err := w.change(password); err != nil {
				m.end(diag.New(diag.AuthRefused, "the password could not be changed", err.Error()))
			}
		}
	})
}

// change sends a Change-Password packet (RFC 2759 section 7).
func (w *mschapv2) change(password string) error {
	value, err := nextChallenge(string(w.expired.data))
	if err != nil {
		return err
	}
	if n := len(utf16.Encode([]rune(password))); n == 0 || n > maxPassword {
		return errors.New("a new password has 1 to 256 characters")
	}
	id := w.expired.id + 1
	method := eap.MSCHAPv2(w.m.c.Username, password, w.m.c.Random)
	asked := packet{chapChallenge, id, append([]byte{byte(len(value))}, value...)}
	response, err := method.Handle(id, asked.append(nil))
	if err != nil {
		return err
	}
	block, err := encryptedPassword(password, w.m.c.Password, w.m.c.Random)
	if err != nil {
		return err
	}
	w.proof, w.password, w.expired = method, password, packet{}
	data := append(block, encryptedHash(w.m.c.Password, password)...)
	// The response without its length: both challenges' halves, reserved, NT-Response; then flags.
	data = append(append(data, response[headerSize+1:headerSize+1+48]...), 0, 0)
	w.send(packet{chapChangePassword, id, data})
	return nil
}

// nextChallenge is "C=" of "E=648 R=1 C=... V=3 M=text".
func nextChallenge(text string) ([]byte, error) {
	_, digits, _ := strings.Cut(text, "C=")
	digits, _, _ = strings.Cut(digits, " ")
	value, err := hex.DecodeString(digits)
	if err != nil || len(value) != 16 {
		return nil, errors.New("the gateway gave no challenge for it")
	}
	return value, nil
}

// maxPassword is in characters of UTF-16.
const maxPassword = 256

func unicode(password string) (text []byte) {
	for _, u := range utf16.Encode([]rune(password)) {
		text = binary.LittleEndian.AppendUint16(text, u)
	}
	return text
}

func passwordHash(password string) []byte {
	h := md4.New()
	h.Write(unicode(password))
	return h.Sum(nil)
}

// encryptedPassword is RFC 2759 section 8.9: the new password behind noise, and its
// length, by RC4 with the old one's hash.
func encryptedPassword(password, old string, random io.Reader) ([]byte, error) {
	text := unicode(password)
	block := make([]byte, 2*maxPassword+4)
	if _, err := io.ReadFull(random, block[:2*maxPassword-len(text)]); err != nil {
		return nil, err
	}
	copy(block[2*maxPassword-len(text):], text)
	binary.LittleEndian.PutUint32(block[2*maxPassword:], uint32(len(text)))
	cipher, err := rc4.NewCipher(passwordHash(old))
	if err != nil {
		return nil, err
	}
	cipher.XORKeyStream(block, block)
	return block, nil
}

// encryptedHash is RFC 2759 section 8.12: the old password's hash by DES, with the new
// one's hash for two keys.
func encryptedHash(old, password string) []byte {
	plain, keys := passwordHash(old), passwordHash(password)
	out := make([]byte, 16)
	for i := range 2 {
		block, err := des.NewCipher(spread(keys[7*i:]))
		if err != nil {
			panic(err) // the key has the right size
		}
		block.Encrypt(out[8*i:], plain[8*i:])
	}
	return out
}

// spread puts 56 bits into 8 octets, whose last bit does not count.
func spread(b []byte) []byte {
	var bits uint64
	for _, x := range b[:7] {
		bits = bits<<8 | uint64(x)
	}
	key := make([]byte, 8)
	for i := range key {
		key[i] = byte(bits>>(49-7*i)) << 1
	}
	return key
}
