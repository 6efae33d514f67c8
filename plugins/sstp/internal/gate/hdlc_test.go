package gate

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"testing"
)

// The frame is one that pppd sent.
func TestHDLC(t *testing.T) {
	wire, _ := hex.DecodeString("7eff7d23c0217d217d217d207d2e7d227d267d207d207d207d207d277d227d287d22")
	wire = wire[:len(wire):len(wire)]
	body := []byte("\xff\x03\xc0\x21\x01\x01\x00\x0e\x02\x06\x00\x00\x00\x00\x07\x02\x08\x02")
	if got := appendHDLC(nil, body); !bytes.HasPrefix(got, wire) {
		t.Errorf("%x, want %x...", got, wire)
	}
	if got := checksum([]byte("123456789")) ^ 0xffff; got != 0x906e {
		t.Errorf("check value %04x, want 906e", got)
	}
}

func FuzzHDLC(f *testing.F) {
	f.Add([]byte("\xff\x03\xc0\x21\x01\x01\x00\x04"), []byte("~}"))
	f.Fuzz(func(t *testing.T, frame, before []byte) {
		if len(frame) == 0 {
			return
		}
		line := appendHDLC(append(bytes.Clone(before), flag), frame)
		for br := bufio.NewReader(bytes.NewReader(line)); ; {
			got, err := readHDLC(br)
			if err != nil {
				t.Fatalf("%x is lost in %x", frame, line)
			}
			if bytes.Equal(got, frame) {
				return
			}
		}
	})
}
