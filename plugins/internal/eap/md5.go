package eap

import (
	"crypto/md5"
)

// MD5 is EAP-MD5 (RFC 3748 section 5.4): it proves the password to a gateway that is
// known already, and gives no key. The user's name stands in its answer, which pppd goes by.
func MD5(username, password string) Method {
	return &md5Challenge{username: username, password: password}
}

type md5Challenge struct {
	username, password string
	answered           bool
}

// Type implements Method.
func (*md5Challenge) Type() Type { return TypeMD5 }

// Key implements Method.
func (*md5Challenge) Key() []byte { return nil }

// Done implements Method.
func (m *md5Challenge) Done() bool { return m.answered }

// Handle implements Method.
func (m *md5Challenge) Handle(id uint8, request []byte) ([]byte, error) {
	if len(request) < 1 || len(request) < 1+int(request[0]) || request[0] == 0 {
		return nil, malformed("an MD5 challenge of %d bytes", len(request))
	}
	text := append([]byte{id}, m.password...)
	sum := md5.Sum(append(text, request[1:1+int(request[0])]...))
	m.answered = true
	return append(append([]byte{md5.Size}, sum[:]...), m.username...), nil
}
