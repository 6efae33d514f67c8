package machine

import (
	"fmt"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
)

// assembly puts a message together from its fragments (RFC 7383), each of which was
// authentic. The last message alone is kept.
type assembly struct {
	id    uint32
	of    uint16
	inner ike.PayloadType
	parts map[uint16][]byte
	size  int
}

// Bounds of a message in fragments. A gateway that has keys may send more; nobody
// needs to keep it.
const (
	maxFragments = 128
	maxAssembled = 64 << 10
)

// add takes the content of one fragment and returns the whole when it is complete.
func (a *assembly) add(msg *ike.Message, plain []byte) (inner ike.PayloadType, whole []byte, complete bool) {
	s := msg.Sealed
	if s.Of > maxFragments {
		return 0, nil, false
	}
	// More fragments than before: the sender has made them smaller and begins anew.
	if a.parts == nil || a.id != msg.MessageID || s.Of > a.of {
		*a = assembly{id: msg.MessageID, of: s.Of, parts: map[uint16][]byte{}}
	}
	_, twice := a.parts[s.Number]
	if twice || s.Of != a.of || a.size+len(plain) > maxAssembled {
		return 0, nil, false
	}
	if s.Number == 1 {
		a.inner = s.Inner
	}
	a.parts[s.Number] = plain
	a.size += len(plain)
	if len(a.parts) < int(a.of) {
		return 0, nil, false
	}
	for i := uint16(1); i <= a.of; i++ {
		whole = append(whole, a.parts[i]...)
	}
	inner = a.inner
	a.parts = nil
	return inner, whole, true
}

// critical finds a payload that must be understood and is not.
func critical(payloads []ike.Payload) error {
	for _, p := range payloads {
		if u, unknown := p.(*ike.Unknown); unknown && u.Critical {
			return fmt.Errorf("it insists on %v, which is unknown", u.Of)
		}
	}
	return nil
}

// notification is the first of that kind; nil: there is none.
func notification(payloads []ike.Payload, kind ike.NotifyType) *ike.Notify {
	for _, p := range payloads {
		if n, is := p.(*ike.Notify); is && n.Kind == kind {
			return n
		}
	}
	return nil
}

// refusal is the first notification of an error; nil: there is none.
func refusal(payloads []ike.Payload) *ike.Notify {
	for _, p := range payloads {
		if n, is := p.(*ike.Notify); is && n.Kind.IsError() {
			return n
		}
	}
	return nil
}

// first is the first payload of the type T; its zero value: there is none.
func first[T ike.Payload](payloads []ike.Payload) (found T) {
	for _, p := range payloads {
		if x, is := p.(T); is {
			return x
		}
	}
	return found
}
