package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"log/syslog"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"

	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// output prints for people: progress to stdout, warnings and errors to stderr. It
// is a slog.Handler, so that the host's log is the same stream.
type output struct {
	*sink
	attrs string // of With, already written out
}

type sink struct {
	mu       sync.Mutex
	out, err io.Writer
	color    bool // err is a terminal and NO_COLOR is unset
	level    slog.LevelVar
	log      *syslog.Writer // once in the background
}

func newOutput(out, err *os.File) *output {
	o := &output{sink: &sink{out: out, err: err}}
	o.color = colorful(err)
	return o
}

// colorful says whether f is a terminal whose user does not mind colours.
func colorful(f *os.File) bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

const (
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	green  = "\x1b[32m"
	plain  = "\x1b[0m"
)

func paint(on bool, color, text string) string {
	if !on {
		return text
	}
	return color + text + plain
}

// problem prints an error with what to do about it.
func (s *sink) problem(err error) {
	var with exitWith
	if err == nil || errors.As(err, &with) {
		return
	}
	var several problems
	if !errors.As(err, &several) {
		several = problems{*diag.Of(err)}
	}
	for _, d := range several {
		s.diagnostic(d)
	}
	if several[0].Code == diag.AuthRefused {
		s.print(s.err, slog.LevelError, "  Failed to complete authentication") // scripts look for it
	}
}

// diagnostic prints one, a warning or an error.
func (s *sink) diagnostic(d diag.Diagnostic) {
	head, level := paint(s.color, red, "penstock:"), slog.LevelError
	if d.Warning {
		head, level = paint(s.color, yellow, "penstock: warning:"), slog.LevelWarn
	}
	text := head + " " + strings.TrimSuffix(ui.Line(d.Summary), ".")
	if detail := strings.TrimSpace(ui.Clean(d.Detail)); detail != "" {
		text += "\n  " + strings.ReplaceAll(detail, "\n", "\n  ")
	}
	s.print(s.err, level, text)
}

// say prints a line of progress.
func (s *sink) say(format string, args ...any) {
	s.print(s.out, slog.LevelInfo, fmt.Sprintf(format, args...))
}

func (s *sink) print(w io.Writer, level slog.Level, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.log != nil {
		s.toSyslog(level, text)
		return
	}
	_, _ = fmt.Fprintln(w, text)
}

func (s *sink) toSyslog(level slog.Level, text string) {
	switch {
	case level >= slog.LevelError:
		_ = s.log.Err(text)
	case level >= slog.LevelWarn:
		_ = s.log.Warning(text)
	default:
		_ = s.log.Info(text)
	}
}

// background has everything go to syslog from now on, if there is one; who started
// us may be waiting for our end of its pipes.
func (s *sink) background() {
	log, err := syslog.New(syslog.LOG_DAEMON|syslog.LOG_INFO, "penstock")
	if err != nil {
		return // stdout and stderr are /dev/null by now
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log, s.color = log, false
}

// Enabled implements slog.Handler.
func (o *output) Enabled(_ context.Context, level slog.Level) bool { return level >= o.level.Level() }

// Handle implements slog.Handler: the message, and its attributes in brackets.
func (o *output) Handle(_ context.Context, r slog.Record) error {
	attrs := o.attrs
	r.Attrs(func(a slog.Attr) bool {
		attrs = appendAttr(attrs, a)
		return true
	})
	text := strings.TrimSpace(ui.Clean(r.Message))
	if attrs != "" {
		text += " (" + attrs + ")"
	}
	switch {
	case r.Level >= slog.LevelError:
		o.print(o.err, r.Level, paint(o.color, red, "penstock:")+" "+text)
	case r.Level >= slog.LevelWarn:
		o.print(o.err, r.Level, paint(o.color, yellow, "penstock: warning:")+" "+text)
	default:
		o.print(o.out, r.Level, text)
	}
	return nil
}

func appendAttr(attrs string, a slog.Attr) string {
	if a.Equal(slog.Attr{}) {
		return attrs
	}
	if attrs != "" {
		attrs += ", "
	}
	return attrs + a.Key + " " + ui.Line(a.Value.Resolve().String())
}

// WithAttrs implements slog.Handler.
func (o *output) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *o
	for _, a := range attrs {
		with.attrs = appendAttr(with.attrs, a)
	}
	return &with
}

// WithGroup implements slog.Handler; people need no groups.
func (o *output) WithGroup(string) slog.Handler { return o }

// outColor says whether what goes to stdout may have colours.
func (a *app) outColor() bool {
	f, ok := a.out.out.(*os.File)
	return ok && colorful(f)
}
