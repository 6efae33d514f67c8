package cstp

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode"
)

func TestFramings(t *testing.T) {
	timers := Timers{Keepalive: 20 * time.Second, DPD: 30 * time.Second}
	over := TLSFraming(timers)
	if err := over.Validate(); err != nil {
		t.Fatal(err)
	}
	if !over.OnePerRecord || over.Rules.Dpd.Dead != 30*time.Second || over.Rules.Keepalive.Type != 7 {
		t.Errorf("over TLS: %+v", over)
	}
	dtls := DTLSFraming(timers)
	if err := dtls.Validate(); err != nil {
		t.Fatal(err)
	}
	if len(dtls.Header) != 1 || dtls.Rules.Dpd.After != maxQuiet || dtls.Rules.Dpd.Dead != maxSilence {
		t.Errorf("over DTLS: %+v", dtls)
	}
	if quiet := TLSFraming(Timers{}); quiet.Rules.Dpd.After != 0 || quiet.Rules.Keepalive.Idle != 0 {
		t.Errorf("without timers: %+v", quiet.Rules)
	}
}

func TestDisconnect(t *testing.T) {
	frame := AppendDisconnect(nil, "bye")
	if want := append([]byte{'S', 'T', 'F', 1, 0, 4, 5, 0, 0xb0}, "bye"...); !bytes.Equal(frame, want) {
		t.Errorf("got % x, want % x", frame, want)
	}
	if got := ParseDisconnect(frame[8:]); got != "bye" {
		t.Errorf("got %q", got)
	}
	for payload, want := range map[string]string{
		"": "", "\xb0": "", "\x02Idle\x00timeout\n": "Idle timeout", "\xb0\x1b[31mred": "[31mred", "\xb0\xff": "?",
	} {
		if got := ParseDisconnect([]byte(payload)); got != want {
			t.Errorf("%q: got %q, want %q", payload, got, want)
		}
	}
}

func FuzzParseDisconnect(f *testing.F) {
	f.Add([]byte("\xb0Client logged out"))
	f.Add([]byte("\x00\x01\x02\xff\xfe"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		text := ParseDisconnect(payload)
		if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) || len(text) > 4*513 {
			t.Fatalf("not printable: %q", text)
		}
		if again := ParseDisconnect(Goodbye(text)); len(text) <= 512 && again != text {
			t.Fatalf("said again %q, first %q", again, text)
		}
	})
}
