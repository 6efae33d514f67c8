package trace

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Tags of a PDU that names its dissector (Wireshark's exported PDUs), big endian.
const (
	tagEnd       = 0
	tagDissector = 12
	tagTable     = 14 // of dissectors: what is in it under a number
	tagNumber    = 32
	tagDirection = 35 // 0: sent, 1: received
	words        = "data-text-lines"
)

// L2TP is the dissector of messages of L2TP, which Wireshark knows by their port alone.
const L2TP = "udp.port"

// numbers are those under which dissectors stand in tables.
var numbers = map[string]uint32{L2TP: 1701}

// pdu puts the tags before payload.
func pdu(dissector string, out bool, payload []byte) []byte {
	received := uint32(1)
	if out {
		received = 0
	}
	var b []byte
	if number, ok := numbers[dissector]; ok {
		b = appendWord(appendTag(b, tagTable, dissector), tagNumber, number)
	} else {
		b = appendTag(b, tagDissector, dissector)
	}
	b = appendWord(b, tagDirection, received)
	b = binary.BigEndian.AppendUint32(b, tagEnd)
	return append(b, payload...)
}

// appendTag appends a text, filled up to a multiple of four.
func appendTag(b []byte, tag uint16, text string) []byte {
	size := (len(text) + 3) &^ 3
	b = binary.BigEndian.AppendUint16(b, tag)
	b = binary.BigEndian.AppendUint16(b, uint16(size))
	return append(append(b, text...), make([]byte, size-len(text))...)
}

func appendWord(b []byte, tag uint16, value uint32) []byte {
	b = binary.BigEndian.AppendUint16(b, tag)
	b = binary.BigEndian.AppendUint16(b, 4)
	return binary.BigEndian.AppendUint32(b, value)
}

func (r *Recorder) control(dissector string, out bool, payload []byte, comment string) {
	if !r.o.Secrets {
		payload = r.hidden.clean(bytes.Clone(payload))
	}
	r.put(record{from: Control, at: time.Now(), flags: direction(out), data: pdu(dissector, out, payload), comment: comment})
}

// Text records a piece of the conversation in the words of the plugin: HTTP that it
// marked by "> " and "< ", or a line on a message.
func (r *Recorder) Text(text string) {
	if r == nil {
		return
	}
	text = strings.TrimSpace(text)
	if out, message := parseHTTP(text); message != nil {
		r.control("http", out, message, "HTTP "+way(out))
		return
	}
	out := slices.ContainsFunc([]string{"--> ", "> ", "sent "}, func(mark string) bool { return strings.HasPrefix(text, mark) })
	first, _, _ := strings.Cut(text, "\n")
	r.control(words, out, []byte(text+"\n"), string(r.shown([]byte(first))))
}

// Note records what has happened to the connection.
func (r *Recorder) Note(format string, args ...any) {
	if r == nil {
		return
	}
	text := fmt.Sprintf(format, args...)
	r.control(words, true, []byte(text+"\n"), string(r.shown([]byte(text))))
}

// shown is text without secrets, unless they are wanted.
func (r *Recorder) shown(text []byte) []byte {
	if r.o.Secrets {
		return text
	}
	return r.hidden.clean(text)
}

// Frame records a frame that is not data: dissector is Wireshark's name of what payload is.
func (r *Recorder) Frame(dissector string, path uint32, out bool, kind uint32, payload []byte) {
	if r == nil {
		return
	}
	r.control(dissector, out, payload, fmt.Sprintf("path %d, control frame of type %#x %s, %d bytes", path, kind, way(out), len(payload)))
}

func way(out bool) string {
	if out {
		return "to the gateway"
	}
	return "from the gateway"
}

// Name says what the machine of an address is called.
func (r *Recorder) Name(addr netip.Addr, host string) {
	if r == nil || !addr.IsValid() {
		return
	}
	addr = addr.Unmap().WithZone("")
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := netip.ParseAddr(host); err == nil || r.names[addr] == host || len(host) > 255 || strings.Contains(host, "\x00") {
		return
	}
	r.names[addr] = host
	r.put(record{from: Control, other: func(b []byte) []byte { return appendName(b, addr, host) }})
}

// keyLog takes lines of SSLKEYLOGFILE.
type keyLog struct{ r *Recorder }

func (k keyLog) Write(lines []byte) (int, error) {
	own := bytes.Clone(lines)
	k.r.put(record{from: Outer, other: func(b []byte) []byte { return appendSecrets(b, own) }})
	return len(lines), nil
}
