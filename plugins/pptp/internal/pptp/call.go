package pptp

import "encoding/binary"

// What we say of ourselves and of the call.
const (
	protocolVersion = 0x0100
	asynchronous    = 1 // framing
	analog          = 1 // bearer
	anyKind         = 3 // of framing and bearer, in a call

	slowest, fastest = 2400, 1_000_000_000 // bits a second
	allEscaped       = 0xffffffff
)

// Window is how many packets the gateway may send without hearing of them.
const Window = 64

// Start asks for a control connection. It tells nothing of this machine.
func Start() Message {
	b := make([]byte, 0, 144)
	b = binary.BigEndian.AppendUint16(b, protocolVersion)
	b = binary.BigEndian.AppendUint16(b, 0)
	b = binary.BigEndian.AppendUint32(b, asynchronous)
	b = binary.BigEndian.AppendUint32(b, analog)
	b = binary.BigEndian.AppendUint32(b, 0) // channels, and the firmware's version
	return Message{StartRequest, text(text(b, ""), "penstock")}
}

// text is a field of 64 octets.
func text(b []byte, s string) []byte {
	var field [64]byte
	copy(field[:], s)
	return append(b, field[:]...)
}

// Call asks for a call, which has this number here.
func Call(id, serial uint16) Message {
	b := make([]byte, 0, 156)
	b = binary.BigEndian.AppendUint16(b, id)
	b = binary.BigEndian.AppendUint16(b, serial)
	for _, v := range []uint32{slowest, fastest, anyKind, anyKind} {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	b = binary.BigEndian.AppendUint16(b, Window)
	b = binary.BigEndian.AppendUint16(b, 0) // delay
	b = binary.BigEndian.AppendUint32(b, 0) // length of the phone number
	return Message{OutgoingCallRequest, text(text(b, ""), "")}
}

// LinkInfo says that everything may come as it is, or escaped: this is no serial line.
func LinkInfo(peer uint16) Message {
	b := binary.BigEndian.AppendUint16(nil, peer)
	b = binary.BigEndian.AppendUint16(b, 0)
	b = binary.BigEndian.AppendUint32(b, allEscaped)
	return Message{SetLinkInfo, binary.BigEndian.AppendUint32(b, allEscaped)}
}

// Clear ends the call of that number here.
func Clear(id uint16) Message {
	return Message{CallClearRequest, binary.BigEndian.AppendUint32(nil, uint32(id)<<16)}
}

// Stop ends the control connection.
func Stop() Message { return Message{StopRequest, []byte{1, 0, 0, 0}} }

// Stopped answers StopRequest.
func Stopped() Message { return Message{StopReply, []byte{1, 0, 0, 0}} }

// Echo asks for a sign of life.
func Echo(id uint32) Message { return Message{EchoRequest, binary.BigEndian.AppendUint32(nil, id)} }

// Echoed answers m, an EchoRequest.
func (m Message) Echoed() Message {
	return Message{EchoReply, append(append([]byte{}, m.Body[:4]...), 1, 0, 0, 0)}
}

// Declined answers m, an IncomingCallRequest: nobody calls us.
func (m Message) Declined() Message {
	const notAccepted = 3
	b := make([]byte, 12)
	copy(b[2:], m.Body[:2])
	b[4] = notAccepted
	return Message{IncomingCallReply, b}
}

// accepted is the result of what was granted.
const accepted = 1

// Started reads a StartReply: nil, or why there will be no connection.
func (m Message) Started() error {
	return refusal(m.Body[2], m.Body[3], map[byte]string{
		3: "there is a connection already", 4: "this client is not authorized", 5: "it speaks another version of PPTP",
	})
}

// Called is what an OutgoingCallReply says.
type Called struct {
	ID     uint16 // of the call, at the gateway
	Peer   uint16 // of the call, here
	Window uint16
}

// Called reads an OutgoingCallReply.
func (m Message) Called() (Called, error) {
	c := Called{
		ID: binary.BigEndian.Uint16(m.Body), Peer: binary.BigEndian.Uint16(m.Body[2:]), Window: binary.BigEndian.Uint16(m.Body[12:]),
	}
	return c, refusal(m.Body[4], m.Body[5], map[byte]string{
		3: "there is no carrier", 4: "it is busy", 5: "there is no dial tone", 6: "the call took too long", 7: "it does not accept calls",
	})
}

// Disconnected is why a CallDisconnectNotify says that the call has ended, in words.
func (m Message) Disconnected() string {
	return map[byte]string{
		1: "the carrier was lost", 2: general(m.Body[3]), 3: "it was ended there", 4: "it was asked to",
	}[m.Body[2]]
}

// Stopping is why a StopRequest ends the connection, in words.
func (m Message) Stopping() string {
	return map[byte]string{1: "nothing is wrong", 2: "it does not like the version of PPTP", 3: "it shuts down"}[m.Body[0]]
}

// Refused is a request that was not granted.
type Refused struct{ Why string }

// Error is why.
func (r *Refused) Error() string { return r.Why }

func refusal(result, code byte, words map[byte]string) error {
	why := words[result]
	switch {
	case result == accepted:
		return nil
	case result == 2:
		why = general(code)
	}
	if why == "" {
		why = "it gives no reason that is known"
	}
	return &Refused{why}
}

// general are the error codes of RFC 2637 section 2.16.
func general(code byte) string {
	return map[byte]string{
		1: "there is no control connection", 2: "a message was malformed", 3: "a value was out of range",
		4: "it has no room for more", 5: "it knows no such call", 6: "something is wrong there",
	}[code]
}
