package main

import (
	"context"
	"os"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// serveRaw serves the contract without the sdk, to break it.
func serveRaw(breach string) {
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: goplugin.HandshakeConfig{
			ProtocolVersion: sdk.ProtocolVersion, MagicCookieKey: sdk.MagicCookieKey, MagicCookieValue: sdk.MagicCookieValue,
		},
		Plugins:    goplugin.PluginSet{"plugin": &raw{breach: breach}},
		GRPCServer: goplugin.DefaultGRPCServer,
		Logger:     hclog.NewNullLogger(),
	})
}

type raw struct {
	goplugin.NetRPCUnsupportedPlugin
	pluginpb.UnimplementedPluginServer
	breach string
}

func (r *raw) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	pluginpb.RegisterPluginServer(s, r)
	return nil
}

func (r *raw) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, nil
}

func (r *raw) Describe(context.Context, *pluginpb.DescribeRequest) (*pluginpb.DescribeResponse, error) {
	version := "1.0.0"
	if r.breach == "other version" {
		version = "6.6.6"
	}
	return &pluginpb.DescribeResponse{
		Name: "probe", Version: version, Needs: []string{"tcp"},
		Protocols: []*pluginpb.Protocol{{Name: "probe", Label: "Probe"}},
	}, nil
}

func (r *raw) Session(s grpc.BidiStreamingServer[pluginpb.FromHost, pluginpb.FromPlugin]) error {
	if _, err := s.Recv(); err != nil {
		return err
	}
	switch r.breach {
	case "too early":
		_ = s.Send(&pluginpb.FromPlugin{Id: 1, Message: &pluginpb.FromPlugin_Config{Config: &pluginpb.NetConfig{}}})
	case "too large":
		_ = s.Send(&pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_Progress{Progress: &pluginpb.Progress{Text: string(make([]byte, 2<<20))}}})
	case "too long":
		_ = s.Send(&pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_Phase{Phase: &pluginpb.SetPhase{Phase: pluginpb.Phase_AUTHENTICATING}}})
		_ = s.Send(&pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_Checkpoint{Checkpoint: &pluginpb.Checkpoint{Data: make([]byte, 65<<10)}}})
	case "unknown":
		return unknown(s)
	case "deaf":
		_ = s.Send(&pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_Progress{Progress: &pluginpb.Progress{Text: "ready"}}})
		forever()
	case "die":
		os.Exit(4)
	}
	<-s.Context().Done()
	return nil
}

// unknown sends a message of the future twice; the host answers the one with an id.
func unknown(s grpc.BidiStreamingServer[pluginpb.FromHost, pluginpb.FromPlugin]) error {
	for _, id := range []uint64{0, 9} {
		m := &pluginpb.FromPlugin{Id: id}
		m.ProtoReflect().SetUnknown([]byte{0xc2, 0x3e, 0x01, 'x'}) // field 1000, one byte
		if err := s.Send(m); err != nil {
			return err
		}
	}
	answer, err := s.Recv()
	if err != nil {
		return err
	}
	return s.Send(&pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_Progress{Progress: &pluginpb.Progress{
		Text: answer.GetRefused().GetDiagnostic().GetCode().String(),
	}}})
}
