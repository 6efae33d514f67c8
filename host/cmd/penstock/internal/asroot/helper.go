package asroot

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/internal/tun"
	"github.com/penstock-vpn/penstock/host/netcfg"
	"github.com/penstock-vpn/penstock/sdk/diag"
	vpncscript "github.com/penstock-vpn/penstock/vpnc-script"
)

// MaybeServe turns this process into a helper if it was started as one, and does not
// return then.
func MaybeServe() {
	if len(os.Args) == 0 || os.Args[0] != helperName {
		return
	}
	unix.CloseOnExec(socketFD)
	// When to end is the connection's affair. What the script starts does not ignore these too.
	signal.Notify(make(chan os.Signal, 1), unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	serve(os.NewFile(socketFD, "connection"))
	os.Exit(0)
}

// system is what the helper changes.
type system interface {
	netcfg.Applier
	netcfg.Reconnecter
}

// helper works for one connection.
type helper struct {
	device string
	system system
	setMTU func(name string, size int) error
	log    *collector
}

func serve(connection io.ReadWriter) {
	bounded := &io.LimitedReader{R: connection, N: maxMessage}
	in, out := json.NewDecoder(bounded), json.NewEncoder(connection)
	var b beginning
	if in.Decode(&b) != nil {
		return
	}
	log := &collector{level: slog.Level(b.Level)}
	h := &helper{device: b.Device, setMTU: tun.SetMTU, log: log,
		system: vpncscript.New(vpncscript.Options{Script: b.Script, PID: b.PID, Environ: b.Environ, Logger: slog.New(log)})}
	h.obey(in, out, func() { bounded.N = maxMessage })
}

// obey does what it is told until the connection is gone. again makes room for one more message.
func (h *helper) obey(in *json.Decoder, out *json.Encoder, again func()) {
	ctx := context.Background()
	for {
		var o order
		again()
		if err := in.Decode(&o); err != nil {
			break
		}
		if err := out.Encode(h.answer(h.do(ctx, o))); err != nil {
			break
		}
	}
	_ = h.system.Apply(ctx, netcfg.Config{}) // nobody is there to be told
}

var errOrder = errors.New("there is no such thing to do")

func (h *helper) do(ctx context.Context, o order) error {
	switch o.Do {
	case doApply:
		if !o.Config.Zero() {
			o.Config.Interface = h.device
		}
		return h.system.Apply(ctx, o.Config)
	case doReconnecting:
		return h.system.Reconnecting(ctx)
	case doReconnected:
		return h.system.Reconnected(ctx)
	case doMTU:
		return h.setMTU(h.device, o.MTU)
	}
	return errOrder
}

func (h *helper) answer(err error) answer {
	a := answer{Said: h.log.take()}
	if d := diag.Of(err); d != nil {
		a.Failed, a.Code, a.Summary, a.Detail = true, int(d.Code), d.Summary, d.Detail
	}
	return a
}

// maxSaid bounds the lines of one answer.
const maxSaid = 2000

// collector is a log that is asked for.
type collector struct {
	level slog.Level
	lines []line
}

// Enabled implements slog.Handler.
func (c *collector) Enabled(_ context.Context, l slog.Level) bool { return l >= c.level }

// Handle implements slog.Handler.
func (c *collector) Handle(_ context.Context, r slog.Record) error {
	l := line{Level: int(r.Level), Text: r.Message}
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "script" {
			l.Script = a.Value.String()
		}
		return true
	})
	if len(c.lines) < maxSaid {
		c.lines = append(c.lines, l)
	}
	return nil
}

// WithAttrs implements slog.Handler; nobody has any.
func (c *collector) WithAttrs([]slog.Attr) slog.Handler { return c }

// WithGroup implements slog.Handler.
func (c *collector) WithGroup(string) slog.Handler { return c }

func (c *collector) take() []line {
	lines := c.lines
	c.lines = nil
	return lines
}
