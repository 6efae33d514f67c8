package frame

import (
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/sdk/framing"
)

// probed is a spec of bare packets, or of ones with a length, whose probe is answered by
// "pong" at 20.
func probed(s framing.Spec) framing.Spec {
	packet := make([]byte, 28)
	packet[0], packet[3] = 0x45, 28
	s.Rules.Dpd.After = time.Second
	s.Rules.Probe = framing.Probe{Packet: packet, Answer: []framing.Match{{Offset: 0, Value: []byte{0x45}}, {Offset: 20, Value: []byte("pong")}}}
	return s
}

func TestAnswersToAProbeAreSetApart(t *testing.T) {
	header := "\x45..................."
	for payload, answers := range map[string]bool{
		header + "pong":              true,
		header + "pong, and more":    true,
		header + "ping":              false,
		header + "pon":               false,
		"\x46" + header[1:] + "pong": false,
		"":                           false,
	} {
		for _, s := range []framing.Spec{{}, counting} {
			c := codec(t, probed(s))
			want := c.DataType()
			if answers {
				want = AnswerType
			}
			wire := sealed(t, c, c.DataType(), []byte(payload))
			if f, err := c.Datagram(wire); err != nil || f.Type != want || string(f.Payload) != payload {
				t.Errorf("datagram %q: %+v, %v", payload, f, err)
			}
			if s.Length.Width == 0 {
				continue
			}
			if f, _, err := c.Cut(wire); err != nil || f.Type != want || string(f.Payload) != payload {
				t.Errorf("stream %q: %+v, %v", payload, f, err)
			}
		}
	}
}

func TestDataCannotHaveTheTypeOfAnswers(t *testing.T) {
	if _, err := New(probed(framing.Spec{DataType: AnswerType})); err == nil {
		t.Error("data looks like answers")
	}
}

func TestProbesDoNotAllocate(t *testing.T) {
	c := codec(t, probed(framing.Spec{}))
	packet := make([]byte, 1400)
	packet[0] = 0x45
	if n := testing.AllocsPerRun(100, func() {
		if _, err := c.Datagram(packet); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
