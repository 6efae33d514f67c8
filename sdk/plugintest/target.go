package plugintest

import (
	"context"
	"net"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// Target is a plugin that runs somewhere, with the host's end of its descriptor socket.
type Target struct {
	Client      pluginpb.PluginClient
	Descriptors *net.UnixConn
}

// InProcess serves p in this process until the test ends.
func InProcess(t testing.TB, p sdk.Plugin) *Target {
	t.Helper()
	ours, theirs := socketpair(t, seqpacket)
	return serve(t, ours, sdk.NewServer(p, theirs))
}

// serve serves a plugin's service in this process until the test ends.
func serve(t testing.TB, ours *net.UnixConn, service pluginpb.PluginServer) *Target {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer()
	pluginpb.RegisterPluginServer(server, service)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // ends with Stop
	}()
	dial := func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }
	conn, err := grpc.NewClient("passthrough:plugin", grpc.WithContextDialer(dial),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		_ = ours.Close()
		server.Stop()
		<-served
	})
	return &Target{Client: pluginpb.NewPluginClient(conn), Descriptors: ours}
}

// Auth is how a plugin's process knows its host, as in its manifest.
type Auth string

const (
	AuthMTLS     Auth = "mtls"     // go-plugin's AutoMTLS
	AuthPeerCred Auth = "peercred" // the socket lies in a private directory
)

// Launch starts a plugin's program, of any language, as a host does, and ends it with
// the test. Its socket lies in a directory that only this user can enter.
func Launch(t testing.TB, cmd *exec.Cmd, auth Auth) *Target {
	t.Helper()
	ours, theirs := socketpair(t, seqpacket)
	file, err := theirs.File()
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	defer file.Close()
	cmd.ExtraFiles = []*os.File{file}
	// A name of the test's own could be too long for a socket.
	dir, err := os.MkdirTemp("", "plugintest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	cmd.Env = append(cmd.Env, sdk.EnvFD+"=3", "PLUGIN_UNIX_SOCKET_DIR="+dir)
	log := &testLog{t: t}
	client := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig: goplugin.HandshakeConfig{
			ProtocolVersion: sdk.ProtocolVersion, MagicCookieKey: sdk.MagicCookieKey, MagicCookieValue: sdk.MagicCookieValue,
		},
		Plugins: goplugin.PluginSet{"plugin": &dispensed{}}, Cmd: cmd,
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		AutoMTLS:         auth == AuthMTLS, SkipHostEnv: true,
		Logger: hclog.NewNullLogger(), Stderr: log,
	})
	t.Cleanup(func() {
		client.Kill()
		_ = ours.Close()
		log.stop()
	})
	protocol, err := client.Client()
	if err != nil {
		t.Fatalf("plugintest: start %s: %v", cmd.Path, err)
	}
	plugin, err := protocol.Dispense("plugin")
	if err != nil {
		t.Fatal(err)
	}
	return &Target{Client: plugin.(pluginpb.PluginClient), Descriptors: ours}
}

// testLog writes a process's stderr to the log of its test, while that runs.
type testLog struct {
	t    testing.TB
	mu   sync.Mutex
	over bool
}

func (l *testLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.over {
		l.t.Logf("plugin: %s", p)
	}
	return len(p), nil
}

func (l *testLog) stop() {
	l.mu.Lock()
	l.over = true
	l.mu.Unlock()
}

// dispensed gives go-plugin the contract's client.
type dispensed struct {
	goplugin.NetRPCUnsupportedPlugin
}

// GRPCServer is the plugin's side, which a host has none of.
func (*dispensed) GRPCServer(*goplugin.GRPCBroker, *grpc.Server) error { return nil }

// GRPCClient returns a pluginpb.PluginClient.
func (*dispensed) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, c *grpc.ClientConn) (any, error) {
	return pluginpb.NewPluginClient(c), nil
}
