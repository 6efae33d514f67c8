package dtls

import (
	"encoding/binary"
)

// signalingSuite in a list of suites is a renegotiation_info extension (RFC 5746
// section 3.3).
const signalingSuite = 0x00ff

// offer is a ClientHello as a server sees it (RFC 6347 section 4.2.1), as far as it
// is used. Its slices alias the message.
type offer struct {
	random, sessionID []byte
	suites            []uint16
	extended          bool // offers the Extended Master Secret
	renegotiates      bool // wants renegotiation_info answered
}

// HelloSessionID returns the session id in the ClientHello that a datagram begins
// with; nil when it begins with something else or there is none.
func HelloSessionID(datagram []byte) []byte {
	h, payload, _, ok := parseRecord(datagram)
	if !ok || h.kind != typeHandshake || h.epoch != 0 {
		return nil
	}
	f, _, ok := parseFragment(payload)
	if !ok || f.kind != msgClientHello || f.offset != 0 || len(f.body) < 2+randomSize {
		return nil
	}
	id, _, ok := take8(f.body[2+randomSize:])
	if !ok || len(id) == 0 || len(id) > maxSessionID {
		return nil
	}
	return id
}

// parseClientHello reads a ClientHello's body.
func parseClientHello(b []byte) (*offer, error) {
	if len(b) < 2+randomSize {
		return nil, errBadHello
	}
	m := &offer{random: b[2 : 2+randomSize]}
	var ok, okCookie, okSuites, okCompression bool
	var suites []byte
	b = b[2+randomSize:]
	m.sessionID, b, ok = take8(b)
	_, b, okCookie = take8(b)
	suites, b, okSuites = take16(b)
	_, b, okCompression = take8(b)
	if !ok || !okCookie || !okSuites || !okCompression || len(m.sessionID) > maxSessionID || len(suites)%2 != 0 {
		return nil, errBadHello
	}
	for ; len(suites) > 0; suites = suites[2:] {
		id := binary.BigEndian.Uint16(suites)
		m.suites = append(m.suites, id)
		m.renegotiates = m.renegotiates || id == signalingSuite
	}
	return m, m.parseExtensions(b)
}

// parseExtensions notes those that matter here; none at all is well too.
func (m *offer) parseExtensions(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	list, rest, ok := take16(b)
	if !ok || len(rest) > 0 {
		return errBadHello
	}
	for len(list) > 0 {
		if len(list) < 2 {
			return errBadHello
		}
		kind := binary.BigEndian.Uint16(list)
		if _, list, ok = take16(list[2:]); !ok {
			return errBadHello
		}
		m.extended = m.extended || kind == extExtendedMasterSecret
		m.renegotiates = m.renegotiates || kind == extRenegotiationInfo
	}
	return nil
}

// take8 and take16 split off a vector whose length stands before it, in 1 or 2 bytes.
func take8(b []byte) (vector, rest []byte, ok bool) {
	if len(b) < 1 || len(b) < 1+int(b[0]) {
		return nil, nil, false
	}
	end := 1 + int(b[0])
	return b[1:end:end], b[end:], true
}

func take16(b []byte) (vector, rest []byte, ok bool) {
	if len(b) < 2 || len(b) < 2+int(binary.BigEndian.Uint16(b)) {
		return nil, nil, false
	}
	end := 2 + int(binary.BigEndian.Uint16(b))
	return b[2:end:end], b[end:], true
}

// Append appends the message's body to b, with renegotiation_info if the client
// asked for it.
func (m *serverHello) Append(b []byte, renegotiation bool) []byte {
	b = binary.BigEndian.AppendUint16(b, m.version)
	b = append(b, m.random...)
	b = append(append(b, byte(len(m.sessionID))), m.sessionID...)
	b = binary.BigEndian.AppendUint16(b, m.suite)
	b = append(b, 0) // no compression
	var ext []byte
	if renegotiation {
		ext = appendExtension(ext, extRenegotiationInfo, []byte{0})
	}
	if m.extended {
		ext = appendExtension(ext, extExtendedMasterSecret, nil)
	}
	if len(ext) == 0 {
		return b
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(ext)))
	return append(b, ext...)
}
