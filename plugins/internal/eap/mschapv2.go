package eap

import (
	"bytes"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"strings"
)

// MSCHAPv2 is EAP-MSCHAPv2 (draft-kamath-pppext-eap-mschapv2) with the computations of
// RFC 2759 and RFC 3079. random gives the client's challenge.
func MSCHAPv2(username, password string, random io.Reader) Method {
	return &mschapv2{username: username, password: password, random: random}
}

type mschapv2 struct {
	username, password string
	random             io.Reader

	response []byte // NT-Response that was sent
	expected string // what proves the gateway
	proved   bool
}

// Type implements Method.
func (*mschapv2) Type() Type { return TypeMSCHAPv2 }

// Done implements Method.
func (m *mschapv2) Done() bool { return m.proved }

// Key implements Method.
func (m *mschapv2) Key() []byte {
	if !m.proved {
		return nil
	}
	return masterSessionKey(m.password, m.response)
}

const (
	opChallenge = 1
	opResponse  = 2
	opSuccess   = 3
	opFailure   = 4

	challengeSize = 16
	responseSize  = 49 // challenge, 8 reserved, NT-Response, flags
)

// Handle implements Method.
func (m *mschapv2) Handle(_ uint8, request []byte) ([]byte, error) {
	if len(request) < headerSize {
		return nil, malformed("an MSCHAPv2 request of %d bytes", len(request))
	}
	id, body := request[1], request[headerSize:]
	switch request[0] {
	case opChallenge:
		if len(body) < 1+challengeSize || body[0] != challengeSize {
			return nil, malformed("an MSCHAPv2 challenge of %d bytes", len(body))
		}
		return m.respond(id, body[1:1+challengeSize])
	case opSuccess:
		return m.check(body)
	case opFailure:
		return nil, &Refused{failureText(string(body))}
	}
	return nil, malformed("MSCHAPv2 operation %d", request[0])
}

// respond answers a challenge. A second one would let the gateway try what the password
// is worth against challenges of its choice.
func (m *mschapv2) respond(id byte, challenge []byte) ([]byte, error) {
	if m.response != nil {
		return nil, errors.New("the gateway asks for a second MSCHAPv2 response")
	}
	own := make([]byte, challengeSize)
	if _, err := io.ReadFull(m.random, own); err != nil {
		return nil, err
	}
	m.response = ntResponse(challenge, own, m.username, m.password)
	m.expected = authenticatorResponse(m.password, m.response, own, challenge, m.username)

	out := []byte{opResponse, id, 0, 0, responseSize}
	out = append(append(out, own...), make([]byte, 8)...)
	out = append(append(out, m.response...), 0)
	out = append(out, m.username...)
	binary.BigEndian.PutUint16(out[2:], uint16(len(out)))
	return out, nil
}

// check looks at "S=...", which only who knows the password can make.
func (m *mschapv2) check(body []byte) ([]byte, error) {
	proof, _, _ := bytes.Cut(body, []byte(" "))
	if m.expected == "" || subtle.ConstantTimeCompare(bytes.ToUpper(proof), []byte(m.expected)) != 1 {
		return nil, errors.New("the gateway does not know the password: it is not who it claims to be")
	}
	m.proved = true
	return []byte{opSuccess}, nil
}

// failures are the codes of RFC 2759 section 6.
var failures = map[string]string{
	"646": "logging in is not allowed at this hour",
	"647": "the account is disabled",
	"648": "the password has expired; it can be changed where the account is kept",
	"649": "the account may not use this gateway",
	"691": "the user name or password is wrong",
	"709": "the password could not be changed",
}

// failureText reads "E=691 R=1 C=... V=3 M=text".
func failureText(body string) string {
	_, code, _ := strings.Cut(body, "E=")
	code, _, _ = strings.Cut(code, " ")
	if text, known := failures[code]; known {
		return text
	}
	return "the gateway says: " + printable([]byte(body))
}

// authenticatorResponse is RFC 2759 section 8.7.
func authenticatorResponse(password string, response, peer, challenge []byte, username string) string {
	hashHash := md4Sum(ntPasswordHash(password))
	digest := sha1Sum(hashHash, response, []byte("Magic server to client signing constant"))
	sum := sha1Sum(digest, challengeHash(peer, challenge, username), []byte("Pad to make it do more than one iteration"))
	return "S=" + strings.ToUpper(hex.EncodeToString(sum))
}
