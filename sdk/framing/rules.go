package framing

import "time"

// Rules are what the host does with a path by itself, so that a tunnel lives on
// while its plugin is busy, restarting or gone.
type Rules struct {
	// Keepalive sends a frame of Type after Idle without anything sent. Idle 0: never.
	Keepalive Keepalive
	// Replies answer frames of one type with the same payload under another type.
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

// Reply answers a frame of type Match with one of type With, payload echoed.
type Reply struct {
	Match, With uint32
}

// Dpd asks the peer for a sign of life after After without any frame received,
// asks again each Retry, and declares the path dead after Dead without an answer.
// While nothing is sent that could be answered, After is 20 s at least.
type Dpd struct {
	After, Retry, Dead time.Duration
	Type               uint32 // frame type of the question
}
