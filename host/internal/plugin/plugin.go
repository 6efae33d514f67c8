// Package plugin starts, verifies, holds and talks to one plugin. A plugin is a
// stranger: its program is verified and executed from a sealed copy in a sandbox,
// its socket is reached without trusting a path of its, and each message of a
// session is checked against what its phase permits before anybody sees it.
//
//	Start ── seal, sandbox, go-plugin handshake, Describe equals manifest ──▶ Process
//	Process.Session ──▶ Stream: Send, Recv
//
// A host that is killed leaves nothing to sweep: the plugin dies with it, and its
// directory was mounted nowhere else.
//
// Whatever a plugin does wrong is a *diag.Diagnostic of code Plugin.
package plugin

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	goplugin "github.com/hashicorp/go-plugin"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/status"

	"github.com/penstock-vpn/penstock/host/internal/plugin/sandbox"
	"github.com/penstock-vpn/penstock/host/internal/registry"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// startTimeout bounds Start; a plugin takes a tenth of a second.
const startTimeout = 10 * time.Second

// MaybeStage must be the first call of main, and of TestMain in tests that start
// plugins: the host's own binary, started again, closes the sandbox from the inside.
func MaybeStage() { sandbox.MaybeStage() }

// Launch is what Start needs.
type Launch struct {
	Manifest registry.Manifest
	Logger   *slog.Logger  // for what the plugin writes to stderr, and for warnings; nil: none
	Timeout  time.Duration // of Start; 0: ten seconds
}

// Process is one run of a plugin. It ends when the plugin does or by Kill; it never
// outlives the host. Its methods may be called from several goroutines.
type Process struct {
	manifest registry.Manifest
	runner   *runner
	client   *goplugin.Client
	rpc      pluginpb.PluginClient
	socket   *os.File // our end of the descriptor socket
	kill     sync.Once
}

// Needs says whether the plugin's manifest declares a need, as sdk.NeedRaw.
func (p *Process) Needs(need string) bool { return slices.Contains(p.manifest.Needs, need) }

// Start runs the plugin and makes sure that it is what its manifest says. ctx bounds
// the start alone. The caller must call Kill in the end.
func Start(ctx context.Context, l Launch) (*Process, error) {
	if l.Logger == nil {
		l.Logger = slog.New(slog.DiscardHandler)
	}
	if l.Timeout == 0 {
		l.Timeout = startTimeout
	}
	l.Logger = l.Logger.With("plugin", l.Manifest.Name)
	ctx, cancel := context.WithTimeout(ctx, l.Timeout)
	defer cancel()
	seal := sealOf(l.Manifest)
	defer func() {
		if image, err := seal(); err == nil {
			image.Close()
		}
	}()
	ours, theirs, err := sandbox.Pair()
	if err != nil {
		return nil, diag.Of(err)
	}
	defer theirs.Close()
	r, err := newRunner(ctx, l, seal, theirs)
	if err != nil {
		ours.Close()
		return nil, diag.Of(err)
	}
	p := &Process{manifest: l.Manifest, socket: ours, runner: r}
	stop := context.AfterFunc(ctx, p.runner.kill)
	err = p.connect(ctx, l.Timeout)
	if !stop() && err == nil {
		err = ctx.Err() // the process was killed behind our back
	}
	if err != nil {
		p.Kill()
		return nil, p.startFailed(ctx, err)
	}
	return p, nil
}

// connect has go-plugin start the process and shake hands, then compares.
func (p *Process) connect(ctx context.Context, timeout time.Duration) error {
	p.client = goplugin.NewClient(p.runner.config(timeout))
	protocol, err := p.client.Client()
	if err != nil {
		return err
	}
	raw, err := protocol.Dispense(pluginKey)
	if err != nil {
		return err
	}
	p.rpc = raw.(pluginpb.PluginClient)
	description, err := p.rpc.Describe(ctx, &pluginpb.DescribeRequest{})
	if err != nil {
		return fmt.Errorf("it does not answer Describe: %s", status.Convert(err).Message())
	}
	if err := p.manifest.Same(registry.FromDescribe(description)); err != nil {
		return fmt.Errorf("%w; write its manifest again", err)
	}
	return nil
}

// startFailed says why, in one diagnostic of bounded length.
func (p *Process) startFailed(ctx context.Context, err error) error {
	var d *diag.Diagnostic
	if errors.As(err, &d) {
		return d
	}
	var why string
	switch end := p.runner.ending(); {
	case errors.Is(ctx.Err(), context.Canceled):
		return diag.New(diag.Cancelled, "the plugin "+p.manifest.Name+" was not started", "the connection was given up")
	case ctx.Err() != nil:
		why = "it did not answer in time"
	case end != "":
		why = end
	default:
		why = clip(err.Error())
	}
	return diag.New(diag.Plugin, "the plugin "+p.manifest.Name+" did not start", why+p.runner.lastWords())
}

// Pid is the plugin's process id, as the host sees it.
func (p *Process) Pid() int { return p.runner.process().Pid }

// Done is closed when the plugin has ended and was reaped.
func (p *Process) Done() <-chan struct{} { return p.runner.process().Done() }

// Err says how the plugin ended; nil before Done.
func (p *Process) Err() error {
	select {
	case <-p.Done():
	default:
		return nil
	}
	why := p.runner.ending()
	if why == "" {
		why = "it was killed"
	}
	return diag.New(diag.Plugin, "the plugin "+p.manifest.Name+" has ended", why+p.runner.lastWords())
}

// Describe returns what the plugin says of itself.
func (p *Process) Describe(ctx context.Context) (*pluginpb.DescribeResponse, error) {
	d, err := p.rpc.Describe(ctx, &pluginpb.DescribeRequest{})
	if err != nil {
		return nil, p.broken(ctx, err)
	}
	return d, nil
}

// Validate has the plugin check options, no secret among them, against each other.
func (p *Process) Validate(ctx context.Context, options map[string]string) ([]diag.Diagnostic, error) {
	r, err := p.rpc.Validate(ctx, &pluginpb.ValidateRequest{Options: options})
	if err != nil {
		return nil, p.broken(ctx, err)
	}
	if err := bounded(r); err != nil {
		return nil, p.breach("its answer to Validate: " + err.Error())
	}
	var out []diag.Diagnostic
	for _, d := range r.GetDiagnostics() {
		out = append(out, diag.Diagnostic{
			Warning: d.GetSeverity() == pluginpb.Diagnostic_WARNING, Code: diag.Config,
			Summary: d.GetSummary(), Detail: d.GetDetail(), Option: d.GetOption(),
		})
	}
	return out, nil
}

// SendFD gives the plugin a transport's plaintext end. The caller closes f. It does
// not wait: a plugin that lets descriptors pile up is broken.
func (p *Process) SendFD(transport uint32, f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return diag.Of(err)
	}
	tag := binary.BigEndian.AppendUint32(nil, transport)
	var sent error
	err = raw.Control(func(fd uintptr) {
		sent = control(p.socket, func(socket int) error {
			return unix.Sendmsg(socket, tag, unix.UnixRights(int(fd)), nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		})
	})
	if err = errors.Join(err, sent); err != nil {
		return diag.New(diag.Plugin, "the plugin "+p.manifest.Name+" does not take a descriptor", err.Error())
	}
	return nil
}

// Kill ends the plugin with everything it started, and waits until nothing is left.
// A session that shall end well has ended before.
func (p *Process) Kill() {
	p.kill.Do(func() {
		p.runner.kill()
		p.runner.wait()
		if p.client != nil {
			p.client.Kill() // what go-plugin keeps; the process is gone
		}
		p.runner.close()
		p.socket.Close()
	})
}
