package tunnel

import (
	"bytes"
	"net"
	"slices"
	"testing"

	"github.com/penstock-vpn/penstock/sdk"
)

type pipe struct{ net.Conn }

func (pipe) Info() sdk.Info { return sdk.Info{} }

// What one side writes is what the other reads, message by message, wherever the stream is
// cut; the rest is handed on.
func TestStream(t *testing.T) {
	messages := [][]byte{[]byte("one"), bytes.Repeat([]byte{2}, 3000), []byte("three")}
	var wire []byte
	a, b := net.Pipe()
	out := &stream{byteStream: pipe{a}}
	go func() {
		for _, m := range messages {
			if _, err := out.Write(m); err != nil {
				t.Error(err)
			}
		}
		a.Close()
	}()
	buf := make([]byte, 512)
	for {
		n, err := b.Read(buf)
		wire = append(wire, buf[:n]...)
		if err != nil {
			break
		}
	}
	if !bytes.HasPrefix(wire, []byte("IKETCP\x00\x05one")) || bytes.Count(wire, []byte(prefix)) != 1 {
		t.Fatalf("%q", wire[:min(len(wire), 40)])
	}
	wire = wire[len(prefix):]
	for at := range wire {
		near, far := net.Pipe()
		go func() { _, _ = far.Write(wire[at:]) }()
		in := &stream{byteStream: pipe{near}, buf: slices.Clone(wire[:at])}
		for i, want := range messages[:2] {
			got := make([]byte, maxDatagram)
			n, err := in.Read(got)
			if err != nil || !bytes.Equal(got[:n], want) {
				t.Fatalf("cut at %d, message %d: %d bytes, %v", at, i, n, err)
			}
		}
		if rest := in.over(); !bytes.HasPrefix([]byte("\x00\x07three"), rest) {
			t.Fatalf("cut at %d, %q is left", at, rest)
		}
		near.Close()
		far.Close()
	}
}

func TestStreamTooLong(t *testing.T) {
	if n, err := (&stream{}).Write(make([]byte, maxDatagram)); err == nil {
		t.Errorf("%d bytes were written", n)
	}
}

func FuzzCut(f *testing.F) {
	f.Add([]byte("\x00\x05one\x00\x02\x00\x09four"))
	f.Add([]byte{0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		for rest := b; ; {
			message, after, err := cut(rest)
			if err != nil || message == nil {
				return
			}
			if len(after) >= len(rest) || lengthSize+len(message)+len(after) != len(rest) {
				t.Fatalf("%d bytes and %d of %d", len(message), len(after), len(rest))
			}
			rest = after
		}
	})
}
