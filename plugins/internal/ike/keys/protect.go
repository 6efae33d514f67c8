package keys

import (
	"github.com/penstock-vpn/penstock/plugins/internal/ike"
)

// Protection seals the messages of one side of an IKE SA and opens the other's.
type Protection struct{ out, in sealer }

// Seal writes a message with all payloads encrypted.
func (p *Protection) Seal(h ike.Header, payloads []ike.Payload) ([]byte, error) {
	plain := ike.AppendPayloads(nil, payloads)
	return p.seal(h, ike.Sealed{Inner: ike.First(payloads)}, plain)
}

// SealFragments writes the same as several messages of at most size bytes each (RFC
// 7383), or as one when that is small enough.
func (p *Protection) SealFragments(h ike.Header, payloads []ike.Payload, size int) ([][]byte, error) {
	plain := ike.AppendPayloads(nil, payloads)
	if whole := ike.HeaderSize + ike.GenericSize + len(plain) + p.out.overhead(len(plain)); whole <= size {
		one, err := p.seal(h, ike.Sealed{Inner: ike.First(payloads)}, plain)
		return [][]byte{one}, err
	}
	room := p.room(size)
	total := (len(plain) + room - 1) / room
	var all [][]byte
	for i := range total {
		part := ike.Sealed{Number: uint16(i + 1), Of: uint16(total)}
		if i == 0 {
			part.Inner = ike.First(payloads)
		}
		piece, err := p.seal(h, part, plain[i*room:min((i+1)*room, len(plain))])
		if err != nil {
			return nil, err
		}
		all = append(all, piece)
	}
	return all, nil
}

// leastFragment is what a fragment carries however small the messages are to be.
const leastFragment = 64

// room is how much a fragment of size bytes carries.
func (p *Protection) room(size int) int {
	const head = ike.HeaderSize + ike.GenericSize + 4
	for n := size - head; n > leastFragment; n-- {
		if head+n+p.out.overhead(n) <= size {
			return n
		}
	}
	return leastFragment
}

func (p *Protection) seal(h ike.Header, s ike.Sealed, plain []byte) ([]byte, error) {
	body := len(plain) + p.out.overhead(len(plain))
	message := ike.AppendSealed(nil, h, s, body)
	return message, p.out.seal(message, len(message)-body, plain)
}

// Open returns what is encrypted in m, which was read from the datagram b: a chain of
// payloads, or a fragment of one.
func (p *Protection) Open(b []byte, m *ike.Message) ([]byte, error) {
	if m.Sealed == nil {
		return nil, errAuthentic
	}
	return p.in.open(b, m.Sealed.BodyAt)
}
