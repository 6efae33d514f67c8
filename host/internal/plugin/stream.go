package plugin

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// Stream is one session. Send may be called from several goroutines, Recv from one.
type Stream struct {
	process *Process
	ctx     context.Context
	cancel  context.CancelFunc
	wire    pluginpb.Plugin_SessionClient
	sending sync.Mutex
	ledger  *ledger
}

// Session opens the plugin's session. It ends with ctx, with the plugin, or when the
// plugin breaks the contract. The first message must be Start or Resume.
func (p *Process) Session(ctx context.Context) (*Stream, error) {
	ctx, cancel := context.WithCancel(ctx)
	wire, err := p.rpc.Session(ctx)
	if err != nil {
		cancel()
		return nil, p.broken(ctx, err)
	}
	return &Stream{process: p, ctx: ctx, cancel: cancel, wire: wire, ledger: newLedger()}, nil
}

// Send waits while the plugin does not read. After an error Recv says why.
func (s *Stream) Send(m *pluginpb.FromHost) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	s.ledger.sent(m)
	if err := s.wire.Send(m); err != nil {
		return s.process.broken(s.ctx, err)
	}
	return nil
}

// Recv returns the next message that the plugin may send now, within its bounds.
// io.EOF is the end of the session as the plugin wanted it; every other error is a
// diagnostic, and the session is over.
func (s *Stream) Recv() (*pluginpb.FromPlugin, error) {
	for {
		m, err := s.wire.Recv()
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		if err != nil {
			return nil, s.process.broken(s.ctx, err)
		}
		if messageName(m) == "" {
			s.refuse(m, diag.UnknownMessage, "this host does not know the message")
			continue
		}
		tooLate, err := s.ledger.received(m)
		if err != nil {
			s.cancel()
			return nil, s.process.breach(err.Error())
		}
		if !tooLate {
			return m, nil
		}
		s.refuse(m, diag.NotPermitted, "the session is ending")
	}
}

// refuse answers what is not passed on, if an answer is wanted.
func (s *Stream) refuse(m *pluginpb.FromPlugin, code diag.Code, summary string) {
	if m.GetId() == 0 {
		return
	}
	wire := pluginpb.Code_CODE_UNKNOWN_MESSAGE
	if code == diag.NotPermitted {
		wire = pluginpb.Code_CODE_NOT_PERMITTED
	}
	_ = s.Send(&pluginpb.FromHost{Re: m.GetId(), Message: &pluginpb.FromHost_Refused{
		Refused: &pluginpb.Refused{Diagnostic: &pluginpb.Diagnostic{Code: wire, Summary: summary}},
	}}) // Recv's next call says what is wrong
}

// breach is a plugin's fault that is nobody else's.
func (p *Process) breach(what string) error {
	return diag.New(diag.Plugin, "the plugin "+p.manifest.Name+" broke the contract", clip(what)+"; report it to its author")
}

// deathPatience is how long the end of a connection waits for the end of the process.
const deathPatience = time.Second

// broken says what an error of gRPC means: we gave up, the plugin died, or it broke
// the contract.
func (p *Process) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return diag.New(diag.Cancelled, "the session with the plugin "+p.manifest.Name+" was given up", "the connection is ending")
	}
	if code := status.Code(err); code == codes.Unavailable || errors.Is(err, io.EOF) {
		select {
		case <-p.Done():
			return p.Err()
		case <-time.After(deathPatience):
		}
	}
	return p.breach(status.Convert(err).Message())
}
