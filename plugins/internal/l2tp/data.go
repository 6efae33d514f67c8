package l2tp

import "encoding/binary"

// Data is a message that carries a PPP frame.
type Data struct {
	Tunnel, Session uint16 // the receiver's numbers
	Numbered        bool   // with a sequence number
	Ns              uint16
	Payload         []byte
}

// ParseData reads a message of data; ok is false for what is none.
func ParseData(b []byte) (d Data, ok bool) {
	if len(b) < 6 {
		return d, false
	}
	flags, at := binary.BigEndian.Uint16(b), 2
	if flags&flagControl != 0 || flags&versions != version {
		return d, false
	}
	if flags&flagLength != 0 {
		n := int(binary.BigEndian.Uint16(b[2:]))
		if n < 8 || n > len(b) {
			return d, false
		}
		b, at = b[:n], 4
	}
	d.Tunnel, d.Session = binary.BigEndian.Uint16(b[at:]), binary.BigEndian.Uint16(b[at+2:])
	at += 4
	if flags&flagNumbers != 0 {
		if len(b) < at+4 {
			return d, false
		}
		d.Numbered, d.Ns = true, binary.BigEndian.Uint16(b[at:])
		at += 4
	}
	if flags&flagOffset != 0 {
		if len(b) < at+2 {
			return d, false
		}
		at += 2 + int(binary.BigEndian.Uint16(b[at:]))
	}
	if at > len(b) {
		return d, false
	}
	d.Payload = b[at:]
	return d, true
}

// Append writes the message behind b.
func (d Data) Append(b []byte) []byte {
	flags := uint16(version)
	if d.Numbered {
		flags |= flagNumbers
	}
	b = binary.BigEndian.AppendUint16(b, flags)
	b = binary.BigEndian.AppendUint16(b, d.Tunnel)
	b = binary.BigEndian.AppendUint16(b, d.Session)
	if d.Numbered {
		b = binary.BigEndian.AppendUint16(b, d.Ns)
		b = binary.BigEndian.AppendUint16(b, 0)
	}
	return append(b, d.Payload...)
}
