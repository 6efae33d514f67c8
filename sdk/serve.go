package sdk

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// Serve is a plugin's main: it serves p to the host that started the process and
// ends with it. Called with the single argument --manifest it prints p's description
// as JSON (protojson of DescribeResponse) instead. A panic ends the process; the
// host then starts it again and resumes.
func Serve(p Plugin) {
	if len(os.Args) == 2 && os.Args[1] == "--manifest" {
		printManifest(p)
		return
	}
	socket, err := descriptorSocket()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	service := &server{plugin: p, fds: newDescriptors(socket)}
	if socket != nil {
		go func() {
			<-service.fds.gone // the host is gone, and nothing can be opened any more
			os.Exit(0)
		}()
	}
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: goplugin.HandshakeConfig{
			ProtocolVersion:  ProtocolVersion,
			MagicCookieKey:   MagicCookieKey,
			MagicCookieValue: MagicCookieValue,
		},
		Plugins:    goplugin.PluginSet{"plugin": &served{service: service}},
		GRPCServer: goplugin.DefaultGRPCServer,
		Logger:     hclog.NewNullLogger(),
	})
}

func printManifest(p Plugin) {
	out, err := protojson.MarshalOptions{Multiline: true}.Marshal(p.Describe().message())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(string(out))
}

// descriptorSocket takes over the socket that EnvFD names; nil when there is none.
func descriptorSocket() (*net.UnixConn, error) {
	value, ok := os.LookupEnv(EnvFD)
	if !ok {
		return nil, nil
	}
	fd, err := strconv.ParseUint(value, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("%s=%q is not the number of a descriptor", EnvFD, value)
	}
	syscall.CloseOnExec(int(fd))
	f := os.NewFile(uintptr(fd), "descriptors")
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("%s=%d: %w", EnvFD, fd, err)
	}
	socket, ok := c.(*net.UnixConn)
	if !ok {
		_ = c.Close()
		return nil, fmt.Errorf("%s=%d is not a unix socket", EnvFD, fd)
	}
	return socket, nil
}

// served is the service in go-plugin's words.
type served struct {
	goplugin.NetRPCUnsupportedPlugin
	service pluginpb.PluginServer
}

// GRPCServer registers the service.
func (s *served) GRPCServer(_ *goplugin.GRPCBroker, registrar *grpc.Server) error {
	pluginpb.RegisterPluginServer(registrar, s.service)
	return nil
}

var errNoClient = errors.New("a plugin is no host")

// GRPCClient is the host's side, which a plugin has none of.
func (s *served) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errNoClient
}
