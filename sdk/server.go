package sdk

import (
	"context"
	"errors"
	"net"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// capabilityResume is what every Go plugin can: one that does not look at Resumed
// starts afresh.
const capabilityResume = "resume"

// server is a Plugin as the contract's service.
type server struct {
	pluginpb.UnimplementedPluginServer
	plugin Plugin
	fds    *descriptors
	busy   atomic.Bool
}

// NewServer is the contract's service for p, with the plugin's end of the descriptor
// socket, which it takes over (nil: the plugin cannot open transports). Programs call
// Serve; this is for tests that are a host themselves.
func NewServer(p Plugin, descriptors *net.UnixConn) pluginpb.PluginServer {
	return &server{plugin: p, fds: newDescriptors(descriptors)}
}

// Describe answers with the plugin's Description.
func (v *server) Describe(context.Context, *pluginpb.DescribeRequest) (*pluginpb.DescribeResponse, error) {
	return v.plugin.Describe().message(), nil
}

// Validate asks the plugin, if it is a Validator.
func (v *server) Validate(_ context.Context, r *pluginpb.ValidateRequest) (*pluginpb.ValidateResponse, error) {
	out := &pluginpb.ValidateResponse{}
	if validator, ok := v.plugin.(Validator); ok {
		for _, d := range validator.Validate(r.GetOptions()) {
			out.Diagnostics = append(out.Diagnostics, diagnosticMessage(d))
		}
	}
	return out, nil
}

// Session runs Connect. One at a time: transports' numbers are the process's.
func (v *server) Session(w wire) error {
	if v.busy.Swap(true) {
		return status.Error(codes.FailedPrecondition, "a session runs already in this process")
	}
	defer v.busy.Store(false)
	first, err := w.Recv()
	if err != nil {
		return err
	}
	s, err := v.begin(w, first)
	if err != nil {
		return err
	}
	defer s.release()
	defer s.stream.end(errHostGone)
	return s.run(v.plugin)
}

// begin reads Start or Resume.
func (v *server) begin(w wire, m *pluginpb.FromHost) (*Session, error) {
	s := &Session{fds: v.fds, start: m.GetStart(), transports: map[*Transport]struct{}{}}
	s.stream = newStream(w)
	if r := m.GetResume(); r != nil {
		s.start, s.resumed = r.GetStart(), resumptionOf(r)
		s.stream.first = adoptsNothing(m.GetId())
		for _, p := range s.resumed.Installed {
			v.fds.skip(p.ID)
		}
	}
	if s.start == nil {
		return nil, status.Error(codes.InvalidArgument, "a session begins with Start or Resume")
	}
	return s, nil
}

// run returns when Connect does, or when the plugin has broken the contract.
func (s *Session) run(p Plugin) error {
	go s.stream.receive()
	result := make(chan error, 1)
	go func() { result <- p.Connect(s.stream.ctx, s) }()
	select {
	case err := <-result:
		return s.conclude(err)
	case <-s.stream.ctx.Done():
	}
	if errors.Is(context.Cause(s.stream.ctx), errFlooded) {
		return status.Error(codes.ResourceExhausted, errFlooded.Error())
	}
	<-result
	return nil // nobody is left to tell
}

// conclude turns what Connect returned into how the stream ends.
func (s *Session) conclude(err error) error {
	if errors.Is(context.Cause(s.stream.ctx), errFlooded) {
		return status.Error(codes.ResourceExhausted, errFlooded.Error())
	}
	if err == nil || s.stream.ctx.Err() != nil || s.stopped() && interrupted(err) {
		return nil
	}
	return s.stream.say(&pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_Failed{Failed: s.failed(err)}})
}

// interrupted says whether err is what a Stop makes of a call: its context ended, or the
// call crossed it on the way and came too late.
func interrupted(err error) bool {
	var d *diag.Diagnostic
	return errors.Is(err, context.Canceled) || errors.As(err, &d) && d.Code == diag.NotPermitted
}

func (s *Session) stopped() bool {
	select {
	case <-s.stream.halt:
		return true
	default:
		return false
	}
}

// failed is what the host is told of an error. One that no diagnostic explains was
// written for nobody to read: its text may quote what the user gave.
func (s *Session) failed(err error) *pluginpb.Failed {
	m := &pluginpb.Failed{}
	var f *Failure
	var d *diag.Diagnostic
	switch {
	case errors.As(err, &f):
		m.Retry = pluginpb.Failed_Retry(f.Retry)
		for _, d := range f.Diagnostics {
			m.Diagnostics = append(m.Diagnostics, diagnosticMessage(d))
		}
	case errors.As(err, &d):
		m.Diagnostics = append(m.Diagnostics, diagnosticMessage(*d))
	}
	if len(m.Diagnostics) == 0 {
		m.Diagnostics = []*pluginpb.Diagnostic{{
			Summary: "the plugin failed",
			Detail:  s.redact(err.Error()) + ". This is a fault of the plugin; report it to its author.",
		}}
	}
	return m
}
