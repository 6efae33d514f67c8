package dtls

import "fmt"

const (
	maxMessage = 4096 // bytes of a body; those expected here have a few hundred
	maxAhead   = 8    // messages kept that came too early
)

// assembler puts fragments together and messages in order (RFC 6347 section 4.2.3).
type assembler struct {
	next    uint16 // message_seq expected
	pending map[uint16]*partial
}

// partial is a message of which not all has come.
type partial struct {
	kind byte
	body []byte
	have []bool // by byte of body
	left int
}

// add takes one fragment. Repeated and far too early ones are ignored; a fragment
// that contradicts an earlier one replaces nothing.
func (a *assembler) add(f fragment) error {
	if f.length > maxMessage {
		return fmt.Errorf("dtls: handshake message of %d bytes, at most %d are allowed", f.length, maxMessage)
	}
	if f.number < a.next || int(f.number)-int(a.next) >= maxAhead {
		return nil
	}
	if a.pending == nil {
		a.pending = map[uint16]*partial{}
	}
	p := a.pending[f.number]
	if p == nil {
		p = &partial{kind: f.kind, body: make([]byte, f.length), have: make([]bool, f.length), left: f.length}
		a.pending[f.number] = p
	}
	if p.kind != f.kind || len(p.body) != f.length {
		return nil
	}
	for i, c := range f.body {
		if at := f.offset + i; !p.have[at] {
			p.body[at], p.have[at] = c, true
			p.left--
		}
	}
	return nil
}

// take returns the next message in order, if it is whole.
func (a *assembler) take() (kind byte, number uint16, body []byte, ok bool) {
	p := a.pending[a.next]
	if p == nil || p.left > 0 {
		return 0, 0, nil, false
	}
	delete(a.pending, a.next)
	number = a.next
	a.next++
	return p.kind, number, p.body, true
}
