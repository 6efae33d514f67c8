package l2tp

import (
	"bytes"
	"reflect"
	"testing"
)

// A message as RFC 2661 lays it out.
const sccrq = "\xc8\x02\x00\x22\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x80\x08\x00\x00\x00\x00\x00\x01" + // message type
	"\x80\x08\x00\x00\x00\x02\x01\x00" + // protocol version
	"\x00\x06\x00\x09\x00\x01" // of a vendor, empty

func TestParse(t *testing.T) {
	want := Message{AVPs: []AVP{
		{Mandatory: true, Type: MessageType, Value: []byte{0, 1}}, {Mandatory: true, Type: ProtocolVersion, Value: []byte{1, 0}},
		{Vendor: 9, Type: 1, Value: []byte{}},
	}}
	for _, padding := range []string{"", "padding"} {
		if m, err := Parse([]byte(sccrq + padding)); err != nil || !reflect.DeepEqual(m, want) || m.Kind() != StartRequest {
			t.Errorf("%+v, %v", m, err)
		}
	}
	if b := want.Append([]byte("x")); string(b) != "x"+sccrq {
		t.Errorf("%x", b)
	}
	for name, b := range map[string]string{
		"short": sccrq[:11], "data": "\x48" + sccrq[1:], "no length": "\x88" + sccrq[1:], "no numbers": "\xc0" + sccrq[1:], "an offset": "\xca" + sccrq[1:],
		"version 3": "\xc8\x03" + sccrq[2:], "longer than it is": "\xc8\x02\x00\x23" + sccrq[4:], "shorter than its header": "\xc8\x02\x00\x0b" + sccrq[4:],
		"an attribute cut off": "\xc8\x02\x00\x21" + sccrq[4:33], "an attribute of 5 bytes": sccrq[:28] + "\x00\x05\x00\x09\x00\x01",
		"no type first": "\xc8\x02\x00\x14" + sccrq[4:12] + sccrq[20:28],
	} {
		if m, err := Parse([]byte(b)); err == nil {
			t.Errorf("%s: %+v", name, m)
		}
	}
	if m, err := Parse([]byte("\xc8\x02\x00\x14" + sccrq[4:12] + "\x84" + sccrq[13:20])); err == nil {
		t.Errorf("a reserved bit in the type: %+v", m)
	}
}

func TestData(t *testing.T) {
	for _, d := range []Data{{Tunnel: 1, Session: 2, Payload: []byte("ppp")}, {Tunnel: 1, Session: 2, Numbered: true, Ns: 7, Payload: []byte("ppp")}} {
		if got, ok := ParseData(d.Append(nil)); !ok || !reflect.DeepEqual(got, d) {
			t.Errorf("%+v became %+v", d, got)
		}
	}
	if d, ok := ParseData([]byte("\x4a\x02\x00\x13\x00\x01\x00\x02\x00\x09\x00\x00\x00\x02..ppp and padding")); !ok || string(d.Payload) != "ppp" || d.Ns != 9 {
		t.Errorf("%+v, %t", d, ok)
	}
	for _, b := range []string{"", "\x00\x02\x00\x01\x00", "\x80\x02\x00\x01\x00\x02", "\x00\x03\x00\x01\x00\x02", "\x40\x02\x00\x09\x00\x01\x00\x02", "\x40\x02\x00\x07\x00\x01\x00\x02",
		"\x08\x02\x00\x01\x00\x02\x00", "\x02\x02\x00\x01\x00\x02\x00", "\x02\x02\x00\x01\x00\x02\x00\x01"} {
		if d, ok := ParseData([]byte(b)); ok {
			t.Errorf("%x is %+v", b, d)
		}
	}
}

// What is read is written again as it was, but for padding.
func FuzzParse(f *testing.F) {
	f.Add([]byte(sccrq))
	f.Add([]byte("\xc8\x02\x00\x0c\x00\x01\x00\x00\x00\x05\x00\x06"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b[:len(b):len(b)])
		if err != nil {
			return
		}
		again, err := Parse(m.Append(nil))
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Fatalf("%+v became %+v, %v", m, again, err)
		}
		m.clear([]byte("a secret"))
	})
}

func FuzzData(f *testing.F) {
	f.Add([]byte("\x4a\x02\x00\x13\x00\x01\x00\x02\x00\x09\x00\x00\x00\x02..ppp"))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, ok := ParseData(b[:len(b):len(b)])
		if !ok {
			return
		}
		if again, ok := ParseData(d.Append(nil)); !ok || !bytes.Equal(again.Payload, d.Payload) || again.Ns != d.Ns {
			t.Fatalf("%+v became %+v", d, again)
		}
	})
}

// Whatever a peer sends, in whatever order, the machine ends or goes on.
func FuzzMachine(f *testing.F) {
	f.Add([]byte(sccrq[12:]), []byte(sccrq[12:]), uint16(1))
	reply := Message{AVPs: []AVP{number16(MessageType, uint16(StartReply)), number16(AssignedTunnel, 7)}}.Append(nil)[12:]
	call := Message{AVPs: []AVP{number16(MessageType, uint16(InReply)), number16(AssignedSession, 7)}}.Append(nil)[12:]
	f.Add(reply, call, uint16(0x4444))
	f.Fuzz(func(t *testing.T, first, second []byte, session uint16) {
		m := New(Config{Random: bytes.NewReader([]byte("\x33\x33\x44\x44a challenge, 16 b")), Secret: []byte("x")})
		m.Begin(epoch)
		for i, body := range [][]byte{first, second} {
			b := Message{Tunnel: 0x3333, Session: session, Ns: uint16(i), Nr: uint16(i)}.Append(nil)
			b = append(b, body...)
			b[2], b[3] = byte(len(b)>>8), byte(len(b))
			m.Receive(epoch, b)
			if d := m.Deadline(); !d.IsZero() {
				m.Tick(d)
			}
		}
		m.Stop(epoch)
	})
}
