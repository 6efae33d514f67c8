package plugintest

import (
	"io"
	"net"
	"testing"

	"google.golang.org/grpc"

	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// raw is a plugin that says what it likes and does not listen; nil waits for Opened.
type raw struct {
	pluginpb.UnimplementedPluginServer
	says []*pluginpb.FromPlugin
}

func (r raw) Session(s grpc.BidiStreamingServer[pluginpb.FromHost, pluginpb.FromPlugin]) error {
	for _, m := range r.says {
		if m == nil {
			for opened := false; !opened; {
				answer, err := s.Recv()
				if err != nil {
					return err
				}
				opened = answer.GetOpened() != nil
			}
			continue
		}
		if err := s.Send(m); err != nil {
			return err
		}
		if _, err := s.Recv(); err != nil && err != io.EOF {
			return err
		}
	}
	return nil
}

func open(id uint64, transport uint32) *pluginpb.FromPlugin {
	return &pluginpb.FromPlugin{Id: id, Message: &pluginpb.FromPlugin_Open{Open: &pluginpb.Open{
		Transport: transport, Host: "vpn.example.com", Port: 443, Kind: &pluginpb.Open_Dtls{Dtls: &pluginpb.Dtls{}},
	}}}
}

// inPhase is a SetPhase, or what may come before one.
func inPhase(p pluginpb.Phase) *pluginpb.FromPlugin {
	if p == pluginpb.Phase_PHASE_UNSPECIFIED {
		return &pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_Progress{Progress: &pluginpb.Progress{}}}
	}
	return &pluginpb.FromPlugin{Id: 100, Message: &pluginpb.FromPlugin_Phase{Phase: &pluginpb.SetPhase{Phase: p}}}
}

func attach(transport uint32, spec *pluginpb.FrameSpec) *pluginpb.FromPlugin {
	return &pluginpb.FromPlugin{Id: 9, Message: &pluginpb.FromPlugin_Attach{Attach: &pluginpb.Attach{Transport: transport, Framing: spec}}}
}

func TestBreachesOfTheContractFail(t *testing.T) {
	const none, auth, nego = pluginpb.Phase_PHASE_UNSPECIFIED, pluginpb.Phase_AUTHENTICATING, pluginpb.Phase_NEGOTIATING
	failed := &pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_Failed{Failed: &pluginpb.Failed{}}}
	for name, c := range map[string]struct {
		phase pluginpb.Phase
		says  []*pluginpb.FromPlugin
		why   string
	}{
		"open without an id":  {nego, []*pluginpb.FromPlugin{open(0, 1)}, "opened badly"},
		"transport 0":         {nego, []*pluginpb.FromPlugin{open(1, 0)}, "opened badly"},
		"a number twice":      {nego, []*pluginpb.FromPlugin{open(1, 4), open(2, 4)}, "opened badly"},
		"open of no kind":     {nego, []*pluginpb.FromPlugin{{Id: 1, Message: &pluginpb.FromPlugin_Open{Open: &pluginpb.Open{Transport: 1}}}}, "opened badly"},
		"attach of nothing":   {nego, []*pluginpb.FromPlugin{attach(1, nil)}, "attached badly"},
		"impossible framing":  {nego, []*pluginpb.FromPlugin{open(1, 1), attach(1, &pluginpb.FrameSpec{Header: make([]byte, 99)})}, "attached badly"},
		"close of nothing":    {nego, []*pluginpb.FromPlugin{{Message: &pluginpb.FromPlugin_Close{Close: &pluginpb.Close{Transport: 1}}}}, "never opened"},
		"frame on no path":    {nego, []*pluginpb.FromPlugin{{Message: &pluginpb.FromPlugin_Frame{Frame: &pluginpb.ControlFrame{Transport: 1}}}}, "never was"},
		"residual of nothing": {nego, []*pluginpb.FromPlugin{{Id: 1, Message: &pluginpb.FromPlugin_Residual{Residual: &pluginpb.Residual{}}}}, "belongs to no Attach"},
		"uncalled-for adopt":  {none, []*pluginpb.FromPlugin{{Re: 1, Message: &pluginpb.FromPlugin_Adopted{Adopted: &pluginpb.Adopted{}}}}, "nothing was to be resumed"},
		"prompt of no kind":   {nego, []*pluginpb.FromPlugin{{Id: 1, Message: &pluginpb.FromPlugin_Prompt{Prompt: &pluginpb.Prompt{}}}}, "asked badly"},
		"bad address":         {nego, []*pluginpb.FromPlugin{{Id: 1, Message: &pluginpb.FromPlugin_Config{Config: &pluginpb.NetConfig{Addresses: []string{"10.0.0.300"}}}}}, "configured badly"},
		"large checkpoint":    {nego, []*pluginpb.FromPlugin{{Id: 1, Message: &pluginpb.FromPlugin_Checkpoint{Checkpoint: &pluginpb.Checkpoint{Data: make([]byte, maxCheckpoint+1)}}}}, "a checkpoint of"},
		"words after failed":  {nego, []*pluginpb.FromPlugin{failed, failed}, "after Failed"},
		"open too early":      {none, []*pluginpb.FromPlugin{open(1, 1)}, "not permitted before its first SetPhase"},
		"settings too early":  {auth, []*pluginpb.FromPlugin{{Id: 1, Message: &pluginpb.FromPlugin_Config{Config: &pluginpb.NetConfig{}}}}, "not permitted while authenticating"},
		"path too early":      {nego, []*pluginpb.FromPlugin{open(1, 1), nil, attach(1, nil)}, "before it configured"},
		"phase 7":             {7, nil, "which does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			mustFail(t, c.why, func(t testing.TB) {
				h := NewHost(t)
				h.Gateway("dtls", Any, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
				ours, theirs := socketpair(t, seqpacket)
				t.Cleanup(func() { _ = theirs.Close() })
				says := append([]*pluginpb.FromPlugin{inPhase(c.phase)}, c.says...)
				_ = h.Start(serve(t, ours, raw{says: says}), Profile{}).Wait()
			})
		})
	}
}
