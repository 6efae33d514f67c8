package openconnect

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"log/syslog"
	"strings"
	"sync"
	"time"

	"github.com/penstock-vpn/penstock/host/ui"
)

// progress writes what OpenConnect would: errors to standard error, the rest to standard
// output, or all of it to standard error where a cookie goes to the other. It is a
// slog.Handler, so that the host's log is the same stream.
type progress struct {
	mu        sync.Mutex
	out, err  io.Writer
	verbosity int
	timestamp bool
	aside     bool // nothing but the session to out
	log       *syslog.Writer
	now       func() time.Time
}

// say writes a line of that level, if it is wanted.
func (p *progress) say(level int, format string, args ...any) {
	if level <= p.verbosity {
		p.write(level, fmt.Sprintf(format, args...))
	}
}

// write writes a line whatever is wanted.
func (p *progress) write(level int, line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.log != nil {
		p.toSyslog(level, line)
		return
	}
	if p.timestamp {
		line = p.now().Format("[2006-01-02 15:04:05] ") + line
	}
	w := p.out
	if level == levelError || p.aside {
		w = p.err
	}
	_, _ = fmt.Fprintln(w, line)
}

func (p *progress) toSyslog(level int, line string) {
	switch level {
	case levelError:
		_ = p.log.Err(line)
	case levelInfo:
		_ = p.log.Notice(line)
	default:
		_ = p.log.Info(line)
	}
}

// useSyslog sends what follows there.
func (p *progress) useSyslog() {
	log, err := syslog.New(syslog.LOG_DAEMON|syslog.LOG_NOTICE, "openconnect")
	if err != nil {
		p.say(levelError, "Failed to open the system's log: %v", err)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = log
}

// prompt writes what a gateway says before it asks, unless all is to be quiet.
func (p *progress) prompt(text string) {
	if p.verbosity > levelError {
		p.question(text)
	}
}

// question writes to who sits at standard error, and leaves the line open.
func (p *progress) question(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = io.WriteString(p.err, text)
}

// script writes a line of a script's, which writes for itself under OpenConnect.
func (p *progress) script(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.out
	if p.aside {
		w = p.err
	}
	_, _ = fmt.Fprintln(w, line)
}

func levelOf(l slog.Level) int {
	switch {
	case l >= slog.LevelWarn:
		return levelError
	case l >= slog.LevelInfo:
		return levelInfo
	}
	return levelDebug
}

// Enabled implements slog.Handler.
func (p *progress) Enabled(_ context.Context, l slog.Level) bool { return levelOf(l) <= p.verbosity }

// Handle implements slog.Handler.
func (p *progress) Handle(_ context.Context, r slog.Record) error {
	text, fromScript := strings.TrimSpace(ui.Clean(r.Message)), false
	r.Attrs(func(a slog.Attr) bool {
		fromScript = fromScript || a.Key == "script" && r.Level == slog.LevelInfo
		return true
	})
	if fromScript {
		p.script(text)
		return nil
	}
	p.say(levelOf(r.Level), "%s", text)
	return nil
}

// WithAttrs implements slog.Handler; lines have none.
func (p *progress) WithAttrs([]slog.Attr) slog.Handler { return p }

// WithGroup implements slog.Handler.
func (p *progress) WithGroup(string) slog.Handler { return p }
