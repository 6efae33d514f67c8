package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// maxTries is how often an answer that cannot be is asked again.
const maxTries = 5

// Terminal asks at a terminal. Questions go to its Out, answers come from its input,
// passwords without echo. An end of file (Ctrl-D) cancels.
type Terminal struct {
	mu  sync.Mutex
	in  *input
	out io.Writer
}

// NewTerminal asks at the terminal in and writes to out.
func NewTerminal(in *os.File, out io.Writer) *Terminal {
	return &Terminal{in: &input{file: in}, out: out}
}

// OpenTerminal finds the terminal of this process: standard input with standard
// error, or /dev/tty.
func OpenTerminal() (*Terminal, bool) {
	if term.IsTerminal(int(os.Stdin.Fd())) {
		return NewTerminal(os.Stdin, os.Stderr), true
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, false
	}
	return NewTerminal(tty, tty), true
}

// Ask draws p. It returns ctx's error as soon as ctx ends.
func (t *Terminal) Ask(ctx context.Context, p prompt.Prompt) (prompt.Answer, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.head(p)
	switch {
	case p.Form != nil:
		return t.form(ctx, p.Form)
	case p.Confirm != nil:
		return t.confirm(ctx, p.Confirm)
	case p.Sso != nil && p.Sso.Cookies != nil:
		return t.cookie(ctx, p.Sso)
	case p.Sso != nil && p.Sso.Scheme != "":
		return t.address(ctx, p.Sso.Scheme)
	case p.Wait != nil:
		<-ctx.Done()
		return prompt.Answer{}, ctx.Err()
	}
	return Nobody{}.Ask(ctx, p)
}

func (t *Terminal) head(p prompt.Prompt) {
	if title := Line(p.Title); title != "" {
		t.say("%s\n", title)
	}
	if text := strings.TrimSpace(Clean(p.Text)); text != "" {
		t.say("%s\n", text)
	}
	if refused := Line(p.Error); refused != "" {
		t.say("Refused: %s\n", refused)
	}
}

func (t *Terminal) say(format string, args ...any) {
	_, _ = fmt.Fprintf(t.out, format, args...)
}

func (t *Terminal) form(ctx context.Context, f *prompt.Form) (prompt.Answer, error) {
	values := map[string]string{}
	for _, field := range f.Fields {
		value, err := t.field(ctx, field)
		if errors.Is(err, io.EOF) {
			t.say("\n")
			return prompt.Answer{Cancelled: true}, nil
		}
		if err != nil {
			return prompt.Answer{}, err
		}
		values[field.Name] = value
	}
	return prompt.Answer{Values: values}, nil
}

func (t *Terminal) field(ctx context.Context, f prompt.Field) (string, error) {
	switch f.Kind {
	case prompt.Password:
		return t.hidden(ctx, label(f))
	case prompt.ChoiceOf:
		return t.choice(ctx, f)
	}
	return t.text(ctx, f)
}

func (t *Terminal) text(ctx context.Context, f prompt.Field) (string, error) {
	preset := Line(f.Default)
	if preset != "" {
		t.say("%s [%s]: ", label(f), preset)
	} else {
		t.say("%s: ", label(f))
	}
	line, err := t.in.line(ctx)
	if err == nil && strings.TrimSpace(line) == "" {
		return f.Default, nil
	}
	return strings.TrimSpace(line), t.interrupted(err)
}

// interrupted ends the half-written line of a prompt that was taken back.
func (t *Terminal) interrupted(err error) error {
	if err != nil && !errors.Is(err, io.EOF) {
		t.say("\n")
	}
	return err
}

// hidden reads a line without echo.
func (t *Terminal) hidden(ctx context.Context, name string) (string, error) {
	show, err := hideEcho(t.in.file)
	if err != nil {
		return "", err
	}
	defer show()
	t.say("%s: ", name)
	line, err := t.in.line(ctx)
	if err == nil {
		t.say("\n") // the user's own was not echoed
	}
	return line, t.interrupted(err)
}

// hideEcho turns the echo off and returns how to turn it on again. What is no
// terminal has no echo.
func hideEcho(f *os.File) (show func(), err error) {
	fd := int(f.Fd())
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if errors.Is(err, unix.ENOTTY) {
		return func() {}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("hide the password: %w", err)
	}
	quiet := *before
	quiet.Lflag &^= unix.ECHO
	quiet.Lflag |= unix.ICANON | unix.ISIG
	quiet.Iflag |= unix.ICRNL
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &quiet); err != nil {
		return nil, fmt.Errorf("hide the password: %w", err)
	}
	return func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, before) }, nil
}

func (t *Terminal) choice(ctx context.Context, f prompt.Field) (string, error) {
	t.say("%s:\n", label(f))
	preset := ""
	for i, c := range f.Choices {
		t.say("  %2d  %s\n", i+1, choiceLabel(c))
		if c.Value == f.Default {
			preset = strconv.Itoa(i + 1)
		}
	}
	for range maxTries {
		line, err := t.text(ctx, prompt.Field{Label: fmt.Sprintf("Number or name, 1 to %d", len(f.Choices)), Default: preset})
		if err != nil {
			return "", err
		}
		if n, err := strconv.Atoi(line); err == nil && n >= 1 && n <= len(f.Choices) {
			return f.Choices[n-1].Value, nil
		}
		if value, ok := match(f, line); ok {
			return value, nil
		}
		t.say("That is none of them.\n")
	}
	return "", diag.New(diag.AuthRefused, "nothing was chosen for "+label(f), "start again and type one of the numbers")
}

func choiceLabel(c prompt.Choice) string {
	if text := Line(c.Label); text != "" {
		return text
	}
	return Line(c.Value)
}

func (t *Terminal) confirm(ctx context.Context, c *prompt.Confirm) (prompt.Answer, error) {
	accept := Line(c.AcceptLabel)
	if accept == "" {
		accept = "Go on"
	}
	for range maxTries {
		t.say("%s? (yes or no): ", accept)
		line, err := t.in.line(ctx)
		if errors.Is(err, io.EOF) {
			t.say("\n")
			return prompt.Answer{Cancelled: true}, nil
		}
		if err != nil {
			return prompt.Answer{}, t.interrupted(err)
		}
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return prompt.Answer{}, nil
		case "n", "no", "":
			return prompt.Answer{Cancelled: true}, nil
		}
	}
	return prompt.Answer{Cancelled: true}, nil
}

// cookie lets a person be the browser: a terminal cannot watch cookies.
func (t *Terminal) cookie(ctx context.Context, s *prompt.Sso) (prompt.Answer, error) {
	name := Line(s.Cookies.Cookie)
	t.say("This gateway wants a login in a web page whose end only a built-in browser can see.\n"+
		"Ask its administrator to allow external browsers, or do it by hand: open\n  %s\n"+
		"log in, and copy the value of the cookie %s when the page is\n  %s\n", Line(s.URL), name, Line(s.Cookies.FinalURL))
	return t.paste(ctx, s.Cookies.Cookie, "Value of "+name)
}

// address takes what the browser ends at from a person whose desktop does not bring it.
func (t *Terminal) address(ctx context.Context, scheme string) (prompt.Answer, error) {
	t.say("This ends by itself when the browser opens the last page's link with penstock. Otherwise\n"+
		"copy the address of that link, which begins with %s:, to here.\n", Line(scheme))
	return t.paste(ctx, SchemeAnswer, "Address of the last link")
}

// paste reads a value without echo; nothing is Cancelled.
func (t *Terminal) paste(ctx context.Context, key, name string) (prompt.Answer, error) {
	value, err := t.hidden(ctx, name)
	if errors.Is(err, io.EOF) || err == nil && strings.TrimSpace(value) == "" {
		return prompt.Answer{Cancelled: true}, nil
	}
	return prompt.Answer{Values: map[string]string{key: strings.TrimSpace(value)}}, err
}
