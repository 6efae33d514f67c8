package framing

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// Rules are what the host does with a path by itself, so that a tunnel lives on
// while its plugin is busy, restarting or gone.
type Rules struct {
	// Keepalive sends a frame of Type after Idle without anything sent. Idle 0: never.
	Keepalive Keepalive
	// Replies answer frames with their own payload. The first that matches does.
	Replies []Reply
	// Dpd is dead peer detection. After 0: none.
	Dpd Dpd
	// Probe is what Dpd asks with where frames have no type.
	Probe Probe
	// Ignore are frame types that only prove that the peer lives.
	Ignore []uint32
}

// Keepalive keeps middleboxes from forgetting the flow.
type Keepalive struct {
	Idle time.Duration
	Type uint32
}

// Reply answers a frame of type Match, whose payload begins with Prefix, with one of type
// With: the payload echoed, and Patch written over it. A payload too short for that is not
// answered.
type Reply struct {
	Match, With uint32
	Prefix      []byte
	Patch       []Match
}

// Dpd asks the peer for a sign of life after After without any frame received,
// asks again each Retry, and declares the path dead after Dead without an answer.
// While nothing is sent that could be answered, After is 20 s at least.
type Dpd struct {
	After, Retry, Dead time.Duration
	Type               uint32 // frame type of the question
	Payload            []byte // of the question
}

const (
	maxReply = 16  // bytes of Reply.Prefix and of each Match of Reply.Patch
	maxPatch = 4   // entries of Reply.Patch
	maxAsk   = 128 // bytes of Dpd.Payload
)

func (r Rules) validate(s Spec) error {
	if len(r.Dpd.Payload) > maxAsk {
		return fmt.Errorf("framing: a question of %d bytes, at most %d are allowed", len(r.Dpd.Payload), maxAsk)
	}
	if len(r.Dpd.Payload) > 0 && len(r.Probe.Packet) > 0 {
		return errors.New("framing: dead peer detection asks with a payload and with a probe")
	}
	for _, reply := range r.Replies {
		if err := reply.validate(); err != nil {
			return err
		}
	}
	return r.Probe.validate(s)
}

func (r Reply) validate() error {
	if len(r.Prefix) > maxReply || len(r.Patch) > maxPatch {
		return fmt.Errorf("framing: a reply to a prefix of %d bytes with %d patches, at most %d and %d are allowed", len(r.Prefix), len(r.Patch), maxReply, maxPatch)
	}
	for _, p := range r.Patch {
		if len(p.Value) == 0 || len(p.Value) > maxReply || p.Offset < 0 || p.Offset > MaxFrame-len(p.Value) {
			return fmt.Errorf("framing: a reply's patch of %d bytes at %d: 1 to %d bytes are allowed, inside of a frame", len(p.Value), p.Offset, maxReply)
		}
	}
	return nil
}

// To is the answer to a frame, appended to b; ok is false when it gets none by this rule.
func (r Reply) To(b []byte, kind uint32, payload []byte) (answer []byte, ok bool) {
	if kind != r.Match || !bytes.HasPrefix(payload, r.Prefix) {
		return b, false
	}
	for _, p := range r.Patch {
		if len(payload) < p.Offset+len(p.Value) {
			return b, false
		}
	}
	start := len(b)
	b = append(b, payload...)
	for _, p := range r.Patch {
		copy(b[start+p.Offset:], p.Value)
	}
	return b, true
}
