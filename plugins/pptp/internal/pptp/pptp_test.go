package pptp

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Messages as RFC 2637 draws them.
func TestKnownMessages(t *testing.T) {
	zeros := func(n int) string { return strings.Repeat("00", n) }
	for want, m := range map[string]Message{
		"009c 0001 1a2b3c4d 0001 0000 0100 0000 00000001 00000001 0000 0000" + zeros(64) + hex.EncodeToString([]byte("penstock")) + zeros(56): Start(),
		"00a8 0001 1a2b3c4d 0007 0000 1234 5678 00000960 3b9aca00 00000003 00000003 0040 0000 0000 0000" + zeros(128):                         Call(0x1234, 0x5678),
		"0018 0001 1a2b3c4d 000f 0000 1234 0000 ffffffff ffffffff":                                                                            LinkInfo(0x1234),
		"0010 0001 1a2b3c4d 000c 0000 1234 0000":                                                                                              Clear(0x1234),
		"0010 0001 1a2b3c4d 0003 0000 01 00 0000":                                                                                             Stop(),
		"0010 0001 1a2b3c4d 0004 0000 01 00 0000":                                                                                             Stopped(),
		"0010 0001 1a2b3c4d 0005 0000 00000007":                                                                                               Echo(7),
		"0014 0001 1a2b3c4d 0006 0000 00000007 01 00 0000":                                                                                    Echo(7).Echoed(),
		"0018 0001 1a2b3c4d 000a 0000 0000 0102 03 00 0000 0000 0000":                                                                         Message{IncomingCallRequest, append([]byte{1, 2}, make([]byte, 206)...)}.Declined(),
	} {
		got := m.Append(nil)
		if !bytes.Equal(got, unhex(t, want)) {
			t.Errorf("%s: %x, want %s", m.Type, got, want)
		}
		again, n, err := Cut(append(got, 1, 2, 3))
		if err != nil || n != len(got) || again.Type != m.Type || !bytes.Equal(again.Body, m.Body) {
			t.Errorf("%s: %+v, %d, %v", m.Type, again, n, err)
		}
		for i := range got {
			if _, n, err := Cut(got[:i]); n != 0 || err != nil {
				t.Errorf("%s, %d bytes of it: %d, %v", m.Type, i, n, err)
			}
		}
	}
}

func TestNoMessages(t *testing.T) {
	for what, text := range map[string]string{
		"no magic":           "0010 0001 1a2b3c4e 0003 0000 01 00 0000",
		"not of control":     "0010 0002 1a2b3c4d 0003 0000 01 00 0000",
		"shorter than it is": "000f 0001 1a2b3c4d 0003 0000 01 00 00",
		"endless":            "ffff 0001 1a2b3c4d 0003 0000 01 00 0000",
		"no length":          "0000 0001 1a2b3c4d 0063 0000",
	} {
		if m, n, err := Cut(unhex(t, text)); err == nil {
			t.Errorf("%s: %+v, %d", what, m, n)
		}
	}
}

func TestRefusals(t *testing.T) {
	reply := func(result, code byte) Message {
		b := make([]byte, 144)
		b[2], b[3] = result, code
		return Message{StartReply, b}
	}
	for want, m := range map[string]Message{"authorized": reply(4, 0), "no room": reply(2, 4), "no reason": reply(9, 9)} {
		if err := m.Started(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if err := reply(1, 0).Started(); err != nil {
		t.Error(err)
	}
	call := Message{OutgoingCallReply, unhex(t, "0102 0304 04 00 0000 000186a0 0040 0000 00000000")}
	if c, err := call.Called(); err == nil || !strings.Contains(err.Error(), "busy") || c.ID != 0x0102 || c.Peer != 0x0304 || c.Window != 64 {
		t.Errorf("%+v, %v", c, err)
	}
}

func FuzzCut(f *testing.F) {
	f.Add(Start().Append(nil))
	f.Add(Call(1, 2).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, n, err := Cut(b)
		if err != nil || n == 0 {
			return
		}
		again, size, err := Cut(m.Append(nil))
		if err != nil || size != n || again.Type != m.Type || !bytes.Equal(again.Body, m.Body) {
			t.Fatalf("%+v became %+v", m, again)
		}
		switch m.Type { // whatever is in them, they can be read
		case StartReply:
			_ = m.Started()
		case OutgoingCallReply:
			_, _ = m.Called()
		case EchoRequest:
			_ = m.Echoed()
		case IncomingCallRequest:
			_ = m.Declined()
		case CallDisconnectNotify:
			_ = m.Disconnected()
		case StopRequest:
			_ = m.Stopping()
		}
	})
}

// Two lines hear one another, but not what was overtaken, doubled, or for others.
func TestLine(t *testing.T) {
	client, server := Line{Call: 7, OwnCall: 9}, Line{Call: 9, OwnCall: 7}
	one, two := client.Append(nil, []byte("one")), client.Append(nil, []byte("two"))
	if got := string(server.Take(one)); got != "one" {
		t.Errorf("%q", got)
	}
	if got := string(server.Take(two)); got != "two" {
		t.Errorf("%q", got)
	}
	for _, b := range [][]byte{one, two, nil, server.Append(nil, []byte("self"))} {
		if got := server.Take(b); got != nil {
			t.Errorf("%q", got)
		}
	}
	if got := string(client.Take(server.Append(nil, []byte("back")))); got != "back" || client.Received != 1 || client.Next != 2 {
		t.Errorf("%q, %+v", got, client)
	}
}

func FuzzLine(f *testing.F) {
	client := Line{Call: 7, OwnCall: 9}
	f.Add(client.Append(nil, []byte("frame")))
	f.Fuzz(func(t *testing.T, b []byte) {
		l := Line{Call: 9, OwnCall: 7}
		if got := l.Take(b); len(got) > len(b) || got != nil && !l.Heard {
			t.Fatalf("%x of %x", got, b)
		}
	})
}
