package plugin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	gorunner "github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/penstock-vpn/penstock/host/internal/plugin/sandbox"
	"github.com/penstock-vpn/penstock/host/internal/registry"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/mtls"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// runner is go-plugin's idea of a process, on top of the sandbox. go-plugin would
// execute a path that it had checked before, pass on our stdin and environment, and
// connect wherever the plugin says; none of that happens here.
type runner struct {
	ctx    context.Context // of the start
	name   string
	args   []string
	tls    *tls.Config              // nil: the socket's own safety must do
	cert   []byte                   // ours, in PEM
	seal   func() (*os.File, error) // the program, verified
	theirs *os.File                 // the plugin's end of the descriptor socket
	logger *slog.Logger
	output *output
	stderr *lines

	running atomic.Pointer[sandbox.Process] // nil before start
	address string                          // name of the plugin's socket, from the handshake line
	stdout  *os.File
	drained chan struct{} // closed when stderr has ended
}

func (r *runner) process() *sandbox.Process { return r.running.Load() }

var _ gorunner.Runner = (*runner)(nil)

func newRunner(ctx context.Context, l Launch, seal func() (*os.File, error), theirs *os.File) (*runner, error) {
	out := newOutput(l.Logger)
	r := &runner{
		ctx: ctx, name: l.Manifest.Exec, args: l.Manifest.Args,
		seal: seal, theirs: theirs, logger: l.Logger, output: out, stderr: out.lines("stderr"),
	}
	var err error
	if l.Manifest.Auth != registry.AuthPeerCred {
		r.tls, r.cert, err = mtls.Host()
	}
	return r, err
}

// endPatience is how long a plugin whose handshake failed may take to end.
const endPatience = 100 * time.Millisecond

// pluginKey names the one service for go-plugin.
const pluginKey = "plugin"

func (r *runner) config(timeout time.Duration) *goplugin.ClientConfig {
	return &goplugin.ClientConfig{
		HandshakeConfig:  goplugin.HandshakeConfig{MagicCookieKey: sdk.MagicCookieKey, MagicCookieValue: sdk.MagicCookieValue},
		VersionedPlugins: map[int]goplugin.PluginSet{sdk.ProtocolVersion: {pluginKey: service{}}},
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		TLSConfig:        r.tls,
		SkipHostEnv:      true,
		StartTimeout:     timeout,
		Logger:           hclog.NewNullLogger(), // what it knows is in our errors
		SyncStdout:       r.output.lines("stdout"),
		SyncStderr:       r.output.lines("stderr"),
		RunnerFunc:       r.adopt,
		GRPCDialOptions: []grpc.DialOption{
			grpc.WithContextDialer(r.dial),
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(math.MaxInt32)),
			grpc.WithDisableServiceConfig(),
			grpc.WithStreamInterceptor(noBroker),
		},
	}
}

// service is the contract in go-plugin's words.
type service struct {
	goplugin.NetRPCUnsupportedPlugin
}

func (service) GRPCServer(*goplugin.GRPCBroker, *grpc.Server) error {
	return errors.New("a host is no plugin")
}

func (service) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, c *grpc.ClientConn) (any, error) {
	return pluginpb.NewPluginClient(c), nil
}

// noBroker keeps go-plugin's broker shut, by which a plugin could have us connect elsewhere.
func noBroker(ctx context.Context, d *grpc.StreamDesc, c *grpc.ClientConn, method string, streamer grpc.Streamer, o ...grpc.CallOption) (grpc.ClientStream, error) {
	if strings.HasPrefix(method, "/plugin.GRPCBroker/") {
		return nil, status.Error(codes.Unimplemented, "no broker")
	}
	return streamer(ctx, d, c, method, o...)
}

// adopt is RunnerFunc: it takes the environment that go-plugin made, and lets the
// directory go that go-plugin made for a socket elsewhere.
func (r *runner) adopt(_ hclog.Logger, cmd *exec.Cmd, unused string) (gorunner.Runner, error) {
	_ = os.Remove(unused)
	env := []string{sdk.EnvFD + "=3", goplugin.EnvUnixSocketDir + "=" + sandbox.RuntimeDir}
	if r.cert != nil {
		env = append(env, mtls.ClientCertEnv+"="+string(r.cert))
	}
	for _, e := range cmd.Env {
		if !strings.HasPrefix(e, goplugin.EnvUnixSocketDir+"=") {
			env = append(env, e)
		}
	}
	return r, r.start(env)
}

// start runs the sandbox; go-plugin's Start comes too late to have an environment.
func (r *runner) start(env []string) error {
	stdout, stdoutW, err := os.Pipe()
	if err != nil {
		return err
	}
	defer stdoutW.Close()
	stderr, stderrW, err := os.Pipe()
	if err != nil {
		stdout.Close()
		return err
	}
	defer stderrW.Close()
	r.stdout, r.drained = stdout, make(chan struct{})
	go func() {
		defer close(r.drained)
		defer stderr.Close()
		_, _ = io.Copy(r.stderr, stderr)
		r.stderr.flush()
	}()
	stage, err := newStage()
	if err != nil {
		return err
	}
	process, err := stage.Start(r.ctx, sandbox.Program{
		Name: r.name, Image: r.seal, Args: r.args, Env: env, Socket: r.theirs, Stdout: stdoutW, Stderr: stderrW,
	})
	if err != nil {
		return err
	}
	for _, w := range process.Warnings {
		r.logger.Warn(w)
	}
	r.running.Store(process)
	return r.ctx.Err() // kill may have come before Store; go-plugin kills then
}

// Start is done by then, see adopt.
func (r *runner) Start(context.Context) error { return nil }

// Diagnose has nothing to add, see Process.startFailed.
func (r *runner) Diagnose(context.Context) string { return "" }

// Stdout is where the handshake line comes from; go-plugin reads it to its end.
func (r *runner) Stdout() io.ReadCloser { return r.stdout }

// Stderr is empty for go-plugin, which would guess levels: we read it ourselves.
func (r *runner) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

func (r *runner) Name() string { return r.name }

func (r *runner) ID() string { return strconv.Itoa(r.process().Pid) }

func (r *runner) Wait(context.Context) error {
	<-r.process().Done()
	return nil
}

// Kill is go-plugin's answer to a failed handshake. A process that is ending may do
// so, because how it ends tells why.
func (r *runner) Kill(context.Context) error {
	select {
	case <-r.process().Done():
	case <-time.After(endPatience):
		r.kill()
	}
	return nil
}

// PluginToHost takes the address of the handshake line: a socket in the plugin's own
// directory and nothing else, which dial then reaches.
func (r *runner) PluginToHost(network, address string) (string, string, error) {
	if network != "unix" || filepath.Dir(address) != sandbox.RuntimeDir || len(address) > 108 {
		return "", "", fmt.Errorf("it listens at %.16q %.128q, and must at a unix socket in $%s", network, address, goplugin.EnvUnixSocketDir)
	}
	r.address = filepath.Base(address)
	return network, address, nil
}

// HostToPlugin would be the broker's.
func (r *runner) HostToPlugin(string, string) (string, string, error) {
	return "", "", errors.New("no broker")
}

// kill may come at any time, from any goroutine.
func (r *runner) kill() {
	if r.process() != nil {
		_ = r.process().Kill()
	}
}

// wait returns when the process, if there is one, is gone and its last words are in.
func (r *runner) wait() {
	if r.process() != nil {
		<-r.process().Done()
	}
	if r.drained != nil {
		<-r.drained
	}
}

func (r *runner) close() {
	if r.stdout != nil {
		r.stdout.Close()
	}
	if r.process() != nil {
		r.process().Close()
	}
}

// ending says how the process ended by itself, "" when it did not.
func (r *runner) ending() string {
	if r.process() == nil {
		return ""
	}
	select {
	case <-r.process().Done():
	default:
		return ""
	}
	status, ok := r.process().State().Sys().(syscall.WaitStatus)
	switch {
	case !ok || status.Signaled() && status.Signal() == syscall.SIGKILL:
		return ""
	case status.Signaled():
		return fmt.Sprintf("it was ended by the signal %v", status.Signal())
	}
	return fmt.Sprintf("it ended with status %d", status.ExitStatus())
}

// lastWords are what it wrote to stderr last, to follow a reason.
func (r *runner) lastWords() string {
	if r.drained != nil {
		<-r.drained
	}
	words := r.output.tail()
	if words == "" {
		return ""
	}
	return "; it said: " + words
}

// dial reaches the plugin's socket.
func (r *runner) dial(ctx context.Context, _ string) (net.Conn, error) {
	return dialBeneath(ctx, r.process().Dir, r.address, r.process().Pid, r.process().UID)
}
