package plugintest

import (
	"io"
	"testing"

	"google.golang.org/grpc"

	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// raw is a plugin that says what it likes and does not listen.
type raw struct {
	pluginpb.UnimplementedPluginServer
	says []*pluginpb.FromPlugin
}

func (r raw) Session(s grpc.BidiStreamingServer[pluginpb.FromHost, pluginpb.FromPlugin]) error {
	for _, m := range r.says {
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

func attach(transport uint32, spec *pluginpb.FrameSpec) *pluginpb.FromPlugin {
	return &pluginpb.FromPlugin{Id: 9, Message: &pluginpb.FromPlugin_Attach{Attach: &pluginpb.Attach{Transport: transport, Framing: spec}}}
}

func TestBreachesOfTheContractFail(t *testing.T) {
	failed := &pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_Failed{Failed: &pluginpb.Failed{}}}
	for name, c := range map[string]struct {
		says []*pluginpb.FromPlugin
		why  string
	}{
		"open without an id":  {[]*pluginpb.FromPlugin{open(0, 1)}, "opened badly"},
		"transport 0":         {[]*pluginpb.FromPlugin{open(1, 0)}, "opened badly"},
		"a number twice":      {[]*pluginpb.FromPlugin{open(1, 4), open(2, 4)}, "opened badly"},
		"open of no kind":     {[]*pluginpb.FromPlugin{{Id: 1, Message: &pluginpb.FromPlugin_Open{Open: &pluginpb.Open{Transport: 1}}}}, "opened badly"},
		"attach of nothing":   {[]*pluginpb.FromPlugin{attach(1, nil)}, "attached badly"},
		"impossible framing":  {[]*pluginpb.FromPlugin{open(1, 1), attach(1, &pluginpb.FrameSpec{Header: make([]byte, 99)})}, "attached badly"},
		"close of nothing":    {[]*pluginpb.FromPlugin{{Message: &pluginpb.FromPlugin_Close{Close: &pluginpb.Close{Transport: 1}}}}, "never opened"},
		"frame on no path":    {[]*pluginpb.FromPlugin{{Message: &pluginpb.FromPlugin_Frame{Frame: &pluginpb.ControlFrame{Transport: 1}}}}, "never was"},
		"residual of nothing": {[]*pluginpb.FromPlugin{{Id: 1, Message: &pluginpb.FromPlugin_Residual{Residual: &pluginpb.Residual{}}}}, "belongs to no Attach"},
		"uncalled-for adopt":  {[]*pluginpb.FromPlugin{{Re: 1, Message: &pluginpb.FromPlugin_Adopted{Adopted: &pluginpb.Adopted{}}}}, "nothing was to be resumed"},
		"prompt of no kind":   {[]*pluginpb.FromPlugin{{Id: 1, Message: &pluginpb.FromPlugin_Prompt{Prompt: &pluginpb.Prompt{}}}}, "asked badly"},
		"bad address":         {[]*pluginpb.FromPlugin{{Id: 1, Message: &pluginpb.FromPlugin_Config{Config: &pluginpb.NetConfig{Addresses: []string{"10.0.0.300"}}}}}, "configured badly"},
		"large checkpoint":    {[]*pluginpb.FromPlugin{{Id: 1, Message: &pluginpb.FromPlugin_Checkpoint{Checkpoint: &pluginpb.Checkpoint{Data: make([]byte, maxCheckpoint+1)}}}}, "a checkpoint of"},
		"words after failed":  {[]*pluginpb.FromPlugin{failed, failed}, "after Failed"},
	} {
		t.Run(name, func(t *testing.T) {
			mustFail(t, c.why, func(t testing.TB) {
				h := NewHost(t)
				h.Hang("dtls", Any)
				ours, theirs := socketpair(t, seqpacket)
				t.Cleanup(func() { _ = theirs.Close() })
				_ = h.Start(serve(t, ours, raw{says: c.says}), Profile{}).Wait()
			})
		})
	}
}
