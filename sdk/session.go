package sdk

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// Session is one connection's whole life, from the plugin's side. Its methods may
// be called from several goroutines; each waits for the host's answer and returns
// a *diag.Diagnostic when the host refuses.
type Session struct {
	stream  *stream
	fds     *descriptors
	start   *pluginpb.Start
	resumed *Resumption // nil: fresh

	mu         sync.Mutex
	transports map[*Transport]struct{} // open and not attached
	secrets    []string                // what the user gave in confidence
}

// Phase says how far a session is.
type Phase int

const (
	Authenticating Phase = iota + 1
	Negotiating          // authenticated; asking the gateway for the tunnel
)

// maxCheckpoint is what a host keeps, in bytes.
const maxCheckpoint = 64 << 10

// Protocol is which of the plugin's protocols the user wants.
func (s *Session) Protocol() string { return s.start.GetProtocol() }

// Connection is the name of the user's connection, for messages.
func (s *Session) Connection() string { return s.start.GetConnection() }

// Options are the session's options with defaults filled in, never a secret one.
func (s *Session) Options() map[string]string { return maps.Clone(s.start.GetOptions()) }

// Stored says whether the secret option key has a value: a Form's field with that
// Option is answered with it, without asking anybody.
func (s *Session) Stored(key string) bool { return slices.Contains(s.start.GetStored(), key) }

// Trace says whether the user wants the control conversation by TraceText.
func (s *Session) Trace() bool { return s.start.GetTrace() }

// UntilStop returns a context that also ends when a Stop event has come, for what
// must not outlast it: logging in, opening, asking. A Connect that returns an error
// because of it ended as it was asked to.
func (s *Session) UntilStop(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-s.stream.halt:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// Phase tells the host and the user how far the session is.
func (s *Session) Phase(p Phase) error {
	phase := &pluginpb.SetPhase{Phase: pluginpb.Phase(p)}
	return s.stream.order(s.stream.ctx, &pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_Phase{Phase: phase}})
}

// Checkpoint keeps data (at most 64 KiB, in the host's memory) for Resumed.
func (s *Session) Checkpoint(data []byte) error {
	if len(data) > maxCheckpoint {
		return diag.Newf(diag.Invalid, "a checkpoint of %d bytes; at most %d are kept", len(data), maxCheckpoint)
	}
	keep := &pluginpb.Checkpoint{Data: data}
	return s.stream.order(s.stream.ctx, &pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_Checkpoint{Checkpoint: keep}})
}

// Info, Debug and Warn are lines for people and logs; no secrets in them.
func (s *Session) Info(format string, args ...any) {
	s.progress(pluginpb.Progress_INFO, fmt.Sprintf(format, args...))
}

// Debug is shown with --verbose.
func (s *Session) Debug(format string, args ...any) {
	s.progress(pluginpb.Progress_DEBUG, fmt.Sprintf(format, args...))
}

// Warn is shown always.
func (s *Session) Warn(format string, args ...any) {
	s.progress(pluginpb.Progress_WARN, fmt.Sprintf(format, args...))
}

// TraceText sends a piece of the control conversation, when Trace.
func (s *Session) TraceText(text string) {
	if s.Trace() {
		s.progress(pluginpb.Progress_TRACE, text)
	}
}

// progress is lost when the host is gone: then nobody reads it.
func (s *Session) progress(level pluginpb.Progress_Level, text string) {
	_ = s.stream.say(&pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_Progress{
		Progress: &pluginpb.Progress{Level: level, Text: text},
	}})
}
