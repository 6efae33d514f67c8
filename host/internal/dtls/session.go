package dtls

import (
	"encoding/binary"
	"io"
)

// Session is an association after the handshake. Seal and LastFlight share the
// writing side: one goroutine at a time. Open has the reading side.
type Session struct {
	suite *Suite

	write    *half
	sequence uint64 // of the next record of epoch 1
	plain    uint64 // of the next record of epoch 0: repeated flights hold one
	finished []byte // our Finished message; nil when the server's was the last flight

	read   *half
	window window
	again  bool // the server repeated its Finished: it misses ours
}

// Suite is the cipher suite in use.
func (s *Session) Suite() *Suite { return s.suite }

// Front is what Seal needs before the payload, in bytes; it needs 16 behind it.
func (s *Session) Front() int { return headerSize + s.suite.explicit }

// Seal makes b[offset:] an application data record, in place: Front bytes before
// offset and 16 after len(b), within its capacity, are overwritten. It returns b
// lengthened; the record begins at offset-Front.
func (s *Session) Seal(b []byte, offset int) ([]byte, error) {
	return s.seal(typeApplicationData, b, offset)
}

func (s *Session) seal(kind byte, b []byte, offset int) ([]byte, error) {
	if s.sequence > maxSequence {
		return nil, ErrExhausted
	}
	h := header{kind: kind, version: version12, epoch: 1, sequence: s.sequence}
	s.sequence++
	return s.write.seal(h, b, offset), nil
}

// Open takes the first record off datagram and decrypts it into dst, which may not
// overlap it. n is the payload's length; records that hold no data, are not
// authentic, were seen before or do not fit give -1. It goes on with rest until that is
// empty. err is io.EOF after a close_notify, or an *AlertError: the session is over.
func (s *Session) Open(dst, datagram []byte) (n int, rest []byte, err error) {
	h, payload, rest, ok := parseRecord(datagram)
	if !ok {
		return -1, nil, nil
	}
	if h.epoch != 1 || h.version != version12 || !s.window.Fresh(h.sequence) {
		return -1, rest, nil
	}
	n = s.read.open(h, dst, payload)
	if n < 0 {
		return -1, rest, nil
	}
	s.window.Commit(h.sequence)
	if h.kind == typeApplicationData {
		return n, rest, nil
	}
	return -1, rest, s.other(h.kind, dst[:n])
}

// other deals with an authentic record that is no data. A new handshake is not
// begun: asking for one is ignored.
func (s *Session) other(kind byte, payload []byte) error {
	switch kind {
	case typeAlert:
		if err := parseAlert(payload); err == errClosed {
			return io.EOF
		} else if err != nil {
			return err
		}
	case typeHandshake:
		if f, _, ok := parseFragment(payload); ok && f.kind == msgFinished && s.finished != nil {
			s.again = true
		}
	}
	return nil
}

// CloseNotify makes the alert that ends the session, one datagram.
func (s *Session) CloseNotify() ([]byte, error) {
	return s.appendSealed(nil, typeAlert, []byte{alertWarning, alertCloseNotify})
}

// FlightWanted says, once, that LastFlight is to be sent: the server repeated its
// Finished, so ours was lost (RFC 6347 section 4.2.4). It belongs to the reading side.
func (s *Session) FlightWanted() bool {
	again := s.again
	s.again = false
	return again
}

// LastFlight makes our last flight anew: ChangeCipherSpec and Finished, one datagram.
func (s *Session) LastFlight() ([]byte, error) {
	out := appendPlain(nil, typeChangeCipherSpec, s.plain, []byte{1})
	s.plain++
	return s.appendSealed(out, typeHandshake, s.finished)
}

// appendSealed appends a record of epoch 1 to out.
func (s *Session) appendSealed(out []byte, kind byte, payload []byte) ([]byte, error) {
	offset := len(out) + s.Front()
	b := make([]byte, offset, offset+len(payload)+tagSize)
	copy(b, out)
	return s.seal(kind, append(b, payload...), offset)
}

// appendPlain appends a record of epoch 0 to out.
func appendPlain(out []byte, kind byte, sequence uint64, payload []byte) []byte {
	var h [headerSize]byte
	header{kind: kind, version: version12, sequence: sequence, length: len(payload)}.put(h[:])
	if kind == typeHandshake && payload[0] == msgClientHello {
		binary.BigEndian.PutUint16(h[1:], version10)
	}
	return append(append(out, h[:]...), payload...)
}
