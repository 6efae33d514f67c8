package asroot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/internal/tun"
	"github.com/penstock-vpn/penstock/host/netcfg"
	"github.com/penstock-vpn/penstock/sdk/diag"
	vpncscript "github.com/penstock-vpn/penstock/vpnc-script"
)

// Helper is the connection's side of a helper. It is a netcfg.Applier.
type Helper struct {
	tun tun.Device
	log *slog.Logger
	end func() error // waits for the process

	mu     sync.Mutex // one order at a time
	socket io.ReadWriteCloser
	in     *json.Decoder
	out    *json.Encoder
}

var (
	_ netcfg.Applier     = (*Helper)(nil)
	_ netcfg.Reconnecter = (*Helper)(nil)
)

// Start starts a helper for a TUN device that is there. It must be called as root.
func Start(device tun.Device, o vpncscript.Options) (*Helper, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("a socket to root's process: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), helperName), os.NewFile(uintptr(fds[1]), helperName)
	defer theirs.Close() //nolint:errcheck // the helper has one of its own
	cmd := exec.Command("/proc/self/exe")
	cmd.Args, cmd.Env, cmd.ExtraFiles = []string{helperName}, []string{}, []*os.File{theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("root's process for the script: %w", err), ours.Close())
	}
	h := newHelper(device, o.Logger, ours, cmd.Wait)
	level := int(slog.LevelError) + 1
	for _, l := range []slog.Level{slog.LevelError, slog.LevelWarn, slog.LevelInfo, slog.LevelDebug} {
		if o.Logger.Enabled(context.Background(), l) {
			level = int(l)
		}
	}
	if err := h.out.Encode(beginning{Device: device.Name(), Script: o.Script, PID: o.PID, Environ: os.Environ(), Level: level}); err != nil {
		return nil, errors.Join(fmt.Errorf("root's process for the script: %w", err), h.Close())
	}
	return h, nil
}

func newHelper(device tun.Device, log *slog.Logger, socket io.ReadWriteCloser, end func() error) *Helper {
	return &Helper{tun: device, log: log, end: end, socket: socket, in: json.NewDecoder(socket), out: json.NewEncoder(socket)}
}

// Device is the TUN device; its MTU is set by the helper.
func (h *Helper) Device(netcfg.Config) (tun.Device, error) { return device{h.tun, h}, nil }

type device struct {
	tun.Device
	helper *Helper
}

// SetMTU implements tun.Device.
func (d device) SetMTU(size int) error { return d.helper.order(order{Do: doMTU, MTU: size}) }

// Apply implements netcfg.Applier.
func (h *Helper) Apply(_ context.Context, c netcfg.Config) error {
	return h.order(order{Do: doApply, Config: c})
}

// Reconnecting implements netcfg.Reconnecter.
func (h *Helper) Reconnecting(context.Context) error { return h.order(order{Do: doReconnecting}) }

// Reconnected implements netcfg.Reconnecter.
func (h *Helper) Reconnected(context.Context) error { return h.order(order{Do: doReconnected}) }

// order has something done and waits for it: the helper bounds how long a script takes.
func (h *Helper) order(o order) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var a answer
	err := h.out.Encode(o)
	if err == nil {
		err = h.in.Decode(&a)
	}
	if err != nil {
		return diag.New(diag.Unspecified, "root's process for the script has ended", err.Error())
	}
	for _, l := range a.Said {
		var attrs []any
		if l.Script != "" {
			attrs = []any{"script", l.Script}
		}
		h.log.Log(context.Background(), slog.Level(l.Level), l.Text, attrs...)
	}
	if !a.Failed {
		return nil
	}
	return diag.New(diag.Code(a.Code), a.Summary, a.Detail)
}

// Close lets the helper go, after it has undone what the script did, and the device.
func (h *Helper) Close() error {
	return errors.Join(h.socket.Close(), h.end(), h.tun.Close())
}
