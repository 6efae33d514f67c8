package demo

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// display writes acts and facts, calmly; live, it has a line that moves.
type display struct {
	out  io.Writer
	live bool
	last time.Time
}

// act begins a part of the show.
func (d *display) act(format string, args ...any) {
	fmt.Fprintf(d.out, "\n%s\n", fmt.Sprintf(format, args...))
}

// fact is a line of what was seen.
func (d *display) fact(name, format string, args ...any) {
	d.erase()
	fmt.Fprintf(d.out, "  %-15s %s\n", name, fmt.Sprintf(format, args...))
}

const (
	barWidth  = 30
	redrawn   = 100 * time.Millisecond
	eraseLine = "\r\x1b[K"
)

// progress redraws the moving line, now and then.
func (d *display) progress(name string, done, all int64) {
	if now := time.Now(); d.live && now.Sub(d.last) >= redrawn {
		d.last = now
		full := int(done * barWidth / all)
		fmt.Fprintf(d.out, "%s  %-15s [%s%s] %d of %d MB", eraseLine, name,
			strings.Repeat("#", full), strings.Repeat(" ", barWidth-full), done/1e6, all/1e6)
	}
}

func (d *display) erase() {
	if d.live {
		io.WriteString(d.out, eraseLine)
	}
}
