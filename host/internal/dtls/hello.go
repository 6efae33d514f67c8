package dtls

import (
	"encoding/binary"
	"errors"
)

// Extensions (IANA).
const (
	extSignatureAlgorithms  = 0x000d // RFC 5246
	extExtendedMasterSecret = 0x0017 // RFC 7627
	extRenegotiationInfo    = 0xff01 // RFC 5746
)

var errBadHello = errors.New("dtls: malformed hello message")

// clientHello is RFC 5246 section 7.4.1.2 with the cookie of RFC 6347 section 4.2.1.
type clientHello struct {
	random    []byte // randomSize bytes
	sessionID []byte // at most 32 bytes
	cookie    []byte // at most 255 bytes
	suites    []*Suite
	extended  bool // offer the Extended Master Secret
	signs     bool // send signature_algorithms, which suites with signatures want
}

// Append appends the message's body to b.
func (m *clientHello) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, version12)
	b = append(b, m.random...)
	b = append(append(b, byte(len(m.sessionID))), m.sessionID...)
	b = append(append(b, byte(len(m.cookie))), m.cookie...)
	b = binary.BigEndian.AppendUint16(b, uint16(2*len(m.suites)))
	for _, s := range m.suites {
		b = binary.BigEndian.AppendUint16(b, s.ID)
	}
	b = append(b, 1, 0) // no compression
	ext := m.extensions()
	b = binary.BigEndian.AppendUint16(b, uint16(len(ext)))
	return append(b, ext...)
}

func (m *clientHello) extensions() []byte {
	ext := appendExtension(nil, extRenegotiationInfo, []byte{0})
	if m.extended {
		ext = appendExtension(ext, extExtendedMasterSecret, nil)
	}
	if m.signs {
		// A list of SHA-256, SHA-384 and SHA-512, each with RSA and with ECDSA.
		ext = appendExtension(ext, extSignatureAlgorithms, []byte{0, 12, 4, 1, 4, 3, 5, 1, 5, 3, 6, 1, 6, 3})
	}
	return ext
}

func appendExtension(b []byte, kind uint16, data []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, kind)
	b = binary.BigEndian.AppendUint16(b, uint16(len(data)))
	return append(b, data...)
}

// parseHelloVerifyRequest returns the cookie (RFC 6347 section 4.2.1).
func parseHelloVerifyRequest(b []byte) (cookie []byte, err error) {
	if len(b) < 3 || len(b) != 3+int(b[2]) {
		return nil, errBadHello
	}
	return b[3:], nil
}

// serverHello is RFC 5246 section 7.4.1.3, as far as it is used.
type serverHello struct {
	version   uint16
	random    []byte
	sessionID []byte
	suite     uint16
	extended  bool // the Extended Master Secret is in use
}

// parseServerHello refuses trailing bytes, repeated extensions and ones that
// clientHello never offers.
func parseServerHello(b []byte) (*serverHello, error) {
	if len(b) < 2+randomSize+1 {
		return nil, errBadHello
	}
	m := &serverHello{version: binary.BigEndian.Uint16(b), random: b[2 : 2+randomSize]}
	b = b[2+randomSize:]
	n := int(b[0])
	if n > 32 || len(b) < 1+n+3 {
		return nil, errBadHello
	}
	m.sessionID, b = b[1:1+n], b[1+n:]
	m.suite = binary.BigEndian.Uint16(b)
	if b[2] != 0 {
		return nil, errors.New("dtls: the server chose compression, which was not offered")
	}
	return m, m.parseExtensions(b[3:])
}

func (m *serverHello) parseExtensions(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if len(b) < 2 || int(binary.BigEndian.Uint16(b)) != len(b)-2 {
		return errBadHello
	}
	seen := map[uint16]bool{}
	for b = b[2:]; len(b) > 0; {
		if len(b) < 4 {
			return errBadHello
		}
		kind, size := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		if len(b) < 4+size || seen[kind] {
			return errBadHello
		}
		seen[kind] = true
		if err := m.extension(kind, b[4:4+size]); err != nil {
			return err
		}
		b = b[4+size:]
	}
	return nil
}

func (m *serverHello) extension(kind uint16, data []byte) error {
	switch kind {
	case extExtendedMasterSecret:
		m.extended = true
		if len(data) == 0 {
			return nil
		}
	case extRenegotiationInfo:
		if len(data) == 1 && data[0] == 0 {
			return nil
		}
	}
	return errBadHello
}
