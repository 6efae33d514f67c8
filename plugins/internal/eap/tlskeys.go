package eap

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"hash"
	"strings"
)

// export derives a key from the handshake. TLS 1.3 has an exporter. For TLS 1.2 RFC 5216
// wants the pseudo-random function over both random values, which crypto/tls does not
// do for servers without the extended master secret (RFC 7627), and there are such; so
// it is done here. What that extension is against needs resumption or a renegotiation,
// and there is neither.
func (s *session) export(label12, label13 string, context []byte, n int) ([]byte, error) {
	state := s.conn.ConnectionState()
	if state.Version == tls.VersionTLS13 {
		return state.ExportKeyingMaterial(label13, context, n)
	}
	server, ok := serverRandom(s.wire.first)
	if !ok || s.master.secret == nil {
		return nil, errors.New("the handshake of TLS gave no key")
	}
	newHash := sha256.New
	if strings.HasSuffix(tls.CipherSuiteName(state.CipherSuite), "_SHA384") {
		newHash = sha512.New384
	}
	seed := append(append([]byte(label12), s.master.client...), server...)
	return prf12(newHash, s.master.secret, seed, n), nil
}

// prf12 is the P_hash of RFC 5246 section 5; seed has the label in front.
func prf12(newHash func() hash.Hash, secret, seed []byte, n int) []byte {
	sum := func(parts ...[]byte) []byte {
		h := hmac.New(newHash, secret)
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}
	var out []byte
	for a := sum(seed); len(out) < n; a = sum(a) {
		out = append(out, sum(a, seed)...)
	}
	return out[:n]
}

// masterSecret is that of TLS 1.2, as crypto/tls logs it.
type masterSecret struct{ client, secret []byte }

// Write takes a line of the key log.
func (m *masterSecret) Write(line []byte) (int, error) {
	fields := bytes.Fields(line)
	if len(fields) != 3 || string(fields[0]) != "CLIENT_RANDOM" {
		return len(line), nil
	}
	var err, err2 error
	m.client, err = hex.DecodeString(string(fields[1]))
	m.secret, err2 = hex.DecodeString(string(fields[2]))
	return len(line), errors.Join(err, err2)
}

// helloSize is where the random value ends in the first message of a server: a header
// of five bytes for the record, one of four for the message, and two for the version.
const helloSize = 5 + 4 + 2 + 32

// serverRandom finds it in the first bytes of a server.
func serverRandom(first []byte) ([]byte, bool) {
	const handshake, serverHello = 22, 2
	if len(first) < helloSize || first[0] != handshake || first[5] != serverHello {
		return nil, false
	}
	return first[helloSize-32 : helloSize], true
}
