package plugin

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode"
)

// Limits of what a plugin may write to its stdout and stderr.
const (
	maxLine  = 2048 // bytes of one line; the rest is cut
	burst    = 200  // lines at once
	perSec   = 50   // lines a second after that
	tailSize = 5    // lines that are kept for error messages
	maxWords = 600  // bytes of an error message that are the plugin's
)

// output takes all that one plugin writes and gives it to the log, line by line, at
// a bounded rate.
type output struct {
	logger *slog.Logger

	mu      sync.Mutex
	last    []string
	tokens  float64
	at      time.Time
	dropped int
}

func newOutput(logger *slog.Logger) *output {
	return &output{logger: logger, tokens: burst, at: time.Now()}
}

// lines is one of the plugin's streams, as an io.Writer.
func (o *output) lines(stream string) *lines { return &lines{output: o, stream: stream} }

type lines struct {
	output *output
	stream string
	part   []byte
	cut    bool // the rest of the line is dropped
}

// Write never fails and never waits.
func (l *lines) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		line, rest, ended := bytes.Cut(b, []byte("\n"))
		if room := maxLine - len(l.part); len(line) > room {
			line, l.cut = line[:room], true
		}
		l.part = append(l.part, line...)
		if ended {
			l.flush()
		}
		b = rest
	}
	return n, nil
}

func (l *lines) flush() {
	if len(l.part) == 0 {
		return
	}
	text := clean(string(l.part))
	if l.cut {
		text += " [...]"
	}
	l.part, l.cut = l.part[:0], false
	l.output.line(l.stream, text)
}

func (o *output) line(stream, text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = append(o.last, text)
	if len(o.last) > tailSize {
		o.last = o.last[1:]
	}
	now := time.Now()
	o.tokens = min(burst, o.tokens+perSec*now.Sub(o.at).Seconds())
	o.at = now
	if o.tokens < 1 {
		o.dropped++
		return
	}
	o.tokens--
	if o.dropped > 0 {
		o.logger.Warn("the plugin writes too much, lines were dropped", "lines", o.dropped)
		o.dropped = 0
	}
	o.logger.Log(context.Background(), slog.LevelDebug, text, "stream", stream)
}

// tail is the last lines as one text.
func (o *output) tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return clip(strings.Join(o.last, " / "))
}

// clip bounds a text of the plugin's in an error message.
func clip(s string) string {
	s = clean(s)
	if len(s) <= maxWords {
		return s
	}
	return strings.ToValidUTF8(s[:maxWords], "") + " [...]"
}

// clean leaves nothing that a terminal would obey.
func clean(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || !unicode.IsPrint(r) && !unicode.IsSpace(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?")))
}
