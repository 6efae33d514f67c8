package sdk

import (
	"context"
	"errors"
	"sync"

	"google.golang.org/grpc"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// The stages of the session stream, in this file's order:
//
//	ask, say     number a message, send it; ask waits for what answers it
//	receive      read the host's messages in order: answers to who asked,
//	             events to the queue, refusals of what is unknown
//	end          the first reason wins; everybody who waits learns it

// errHostGone is why a session ends that the host ended.
var errHostGone = errors.New("the host ended the session")

// errFlooded is why a session ends whose plugin does not read its events.
var errFlooded = errors.New("the plugin left 256 events unread")

type wire = grpc.BidiStreamingServer[pluginpb.FromHost, pluginpb.FromPlugin]

// stream is the plugin's end of one session's conversation.
type stream struct {
	wire   wire
	ctx    context.Context // ends with the session, its cause says why
	end    context.CancelCauseFunc
	events chan Event
	halt   chan struct{} // closed by the first Stop
	halted sync.Once

	sending sync.Mutex                  // guards wire.Send, lastID and first
	lastID  uint64                      // of the messages sent
	first   func() *pluginpb.FromPlugin // what must go out before the first real message, or nil

	waiting  sync.Mutex
	inquirer map[uint64]chan *pluginpb.FromHost
}

func newStream(w wire) *stream {
	ctx, end := context.WithCancelCause(context.WithoutCancel(w.Context()))
	context.AfterFunc(w.Context(), func() { end(errHostGone) }) // at the latest when the session's handler returns
	return &stream{
		wire: w, ctx: ctx, end: end,
		events:   make(chan Event, eventQueue),
		halt:     make(chan struct{}),
		inquirer: map[uint64]chan *pluginpb.FromHost{},
	}
}

// question is a message that waits for answers.
type question struct {
	st      *stream
	id      uint64
	answers chan *pluginpb.FromHost
}

// ask sends m with a new id. The caller must call done.
func (st *stream) ask(m *pluginpb.FromPlugin) (*question, error) {
	st.sending.Lock()
	defer st.sending.Unlock()
	st.lastID++
	m.Id = st.lastID
	// Two, because an Attach is answered by Drained and Ok.
	q := &question{st: st, id: m.Id, answers: make(chan *pluginpb.FromHost, 2)}
	st.waiting.Lock()
	st.inquirer[q.id] = q.answers
	st.waiting.Unlock()
	if err := st.sendLocked(m); err != nil {
		q.done()
		return nil, err
	}
	return q, nil
}

// say sends m, which expects no answer or belongs to a question.
func (st *stream) say(m *pluginpb.FromPlugin) error {
	st.sending.Lock()
	defer st.sending.Unlock()
	return st.sendLocked(m)
}

func (st *stream) sendLocked(m *pluginpb.FromPlugin) error {
	if st.ctx.Err() != nil {
		return context.Cause(st.ctx)
	}
	if st.first != nil && !passesBeforeFirst(m) {
		before := st.first()
		st.first = nil
		if err := st.wire.Send(before); err != nil {
			return st.lost()
		}
	}
	if err := st.wire.Send(m); err != nil {
		return st.lost()
	}
	return nil
}

func passesBeforeFirst(m *pluginpb.FromPlugin) bool {
	switch m.Message.(type) {
	case *pluginpb.FromPlugin_Progress, *pluginpb.FromPlugin_Failed, *pluginpb.FromPlugin_Refused:
		return true
	}
	return false
}

func (st *stream) lost() error {
	st.end(errHostGone)
	return context.Cause(st.ctx)
}

// next waits for the next answer. Refused comes back as its diagnostic.
func (q *question) next(ctx context.Context) (*pluginpb.FromHost, error) {
	select {
	case m := <-q.answers:
		if r := m.GetRefused(); r != nil {
			return nil, refusal(r)
		}
		return m, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-q.st.ctx.Done():
		return nil, context.Cause(q.st.ctx)
	}
}

func (q *question) done() {
	q.st.waiting.Lock()
	delete(q.st.inquirer, q.id)
	q.st.waiting.Unlock()
}

// call asks and waits for the one answer.
func (st *stream) call(ctx context.Context, m *pluginpb.FromPlugin) (*pluginpb.FromHost, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	q, err := st.ask(m)
	if err != nil {
		return nil, err
	}
	defer q.done()
	return q.next(ctx)
}

// order is call for what is answered with Ok.
func (st *stream) order(ctx context.Context, m *pluginpb.FromPlugin) error {
	reply, err := st.call(ctx, m)
	if err != nil {
		return err
	}
	return mustBeOk(reply)
}

func mustBeOk(m *pluginpb.FromHost) error {
	if m.GetOk() == nil {
		return unexpected(m)
	}
	return nil
}

func unexpected(m *pluginpb.FromHost) error {
	return diag.Newf(diag.Invalid, "the host gave an answer of the wrong kind: %s", kindOf(m))
}

// receive runs until the stream ends. It is the only writer of events.
func (st *stream) receive() {
	defer close(st.events)
	for {
		m, err := st.wire.Recv()
		if err != nil {
			st.end(errHostGone)
			return
		}
		if !st.dispatch(m) {
			return
		}
	}
}

// dispatch handles one message; false ends the session.
func (st *stream) dispatch(m *pluginpb.FromHost) bool {
	if m.Re != 0 {
		st.answer(m)
		return true
	}
	event, known := eventOf(m)
	if !known {
		if m.Id != 0 {
			_ = st.say(refuseUnknown(m.Id))
		}
		return true
	}
	if _, ok := event.(Stop); ok {
		st.halted.Do(func() { close(st.halt) })
	}
	if _, frame := event.(ControlFrame); frame && len(st.events) >= maxFrames {
		return true
	}
	select {
	case st.events <- event:
		return true
	default:
		st.end(errFlooded)
		return false
	}
}

// answer hands m to who asked. Answers that nobody waits for any more are dropped:
// the question was given up.
func (st *stream) answer(m *pluginpb.FromHost) {
	st.waiting.Lock()
	answers := st.inquirer[m.Re]
	st.waiting.Unlock()
	if answers == nil {
		return
	}
	select {
	case answers <- m:
	default:
	}
}
