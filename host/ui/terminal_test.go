package ui

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// screen is a terminal with a person before it: what is typed, what is shown.
type screen struct {
	t     *testing.T
	keys  *os.File // the person's side
	tty   *os.File
	mu    sync.Mutex
	shown bytes.Buffer
	more  chan struct{}
	done  chan struct{}
}

func newScreen(t *testing.T) *screen {
	t.Helper()
	keys, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{t: t, keys: keys, tty: tty, more: make(chan struct{}, 1), done: make(chan struct{})}
	go s.watch()
	t.Cleanup(func() {
		_ = tty.Close()
		<-s.done
		_ = keys.Close()
	})
	return s
}

func (s *screen) watch() {
	defer close(s.done)
	chunk := make([]byte, 1024)
	for {
		n, err := s.keys.Read(chunk)
		s.mu.Lock()
		s.shown.Write(chunk[:n])
		s.mu.Unlock()
		select {
		case s.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.ReplaceAll(s.shown.String(), "\r\n", "\n")
}

// await returns when the screen ends with what.
func (s *screen) await(what string) {
	s.t.Helper()
	patience, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	for !strings.HasSuffix(s.text(), what) {
		select {
		case <-s.more:
		case <-patience.Done():
			s.t.Fatalf("the screen shows %q, not %q at its end", s.text(), what)
		}
	}
}

func (s *screen) typed(line string) {
	_, _ = s.keys.WriteString(line)
}

// asked asks p in the background.
func (s *screen) asked(ctx context.Context, p prompt.Prompt) <-chan result {
	done := make(chan result, 1)
	go func() {
		a, err := NewTerminal(s.tty, s.tty).Ask(ctx, p)
		done <- result{a, err}
	}()
	return done
}

type result struct {
	answer prompt.Answer
	err    error
}

func (s *screen) echoes() bool {
	state, err := unix.IoctlGetTermios(int(s.tty.Fd()), unix.TCGETS)
	if err != nil {
		s.t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

func TestAPasswordIsNotShown(t *testing.T) {
	s := newScreen(t)
	p := login("Login\x1b[31m failed.")
	p.Title, p.Text = "Corp VPN", "Welcome\n\x1b]0;evil\x07to us"
	p.Form.Fields[0].Default = "alice"
	done := s.asked(t.Context(), p)
	s.await("User [alice]: ")
	s.typed("bob\n")
	s.await("Password: ")
	if s.echoes() {
		t.Error("the terminal echoes while a password is typed")
	}
	s.typed("hunter2\n")
	r := <-done
	if r.err != nil || r.answer.Values["user"] != "bob" || r.answer.Values["pass"] != "hunter2" {
		t.Fatalf("%+v", r)
	}
	s.await("Password: \n")
	const want = "Corp VPN\nWelcome\nto us\nRefused: Login failed.\nUser [alice]: bob\nPassword: \n"
	if got := s.text(); got != want {
		t.Errorf("shown %q\nwant  %q", got, want)
	}
	if !s.echoes() {
		t.Error("the echo is not back")
	}
}

func TestAnEmptyLineTakesTheDefault(t *testing.T) {
	s := newScreen(t)
	p := login("")
	p.Form.Fields = p.Form.Fields[:1]
	p.Form.Fields[0].Default = "alice"
	done := s.asked(t.Context(), p)
	s.await(": ")
	s.typed("\n")
	if r := <-done; r.err != nil || r.answer.Values["user"] != "alice" {
		t.Errorf("%+v", r)
	}
}

func TestAPromptThatIsTakenBackRestoresTheTerminal(t *testing.T) {
	s := newScreen(t)
	ctx, cancel := context.WithCancel(t.Context())
	p := login("")
	p.Form.Fields = p.Form.Fields[1:]
	done := s.asked(ctx, p)
	s.await("Password: ")
	cancel()
	if r := <-done; !errors.Is(r.err, context.Canceled) {
		t.Errorf("%+v", r)
	}
	if !s.echoes() {
		t.Error("the echo is not back")
	}
}

func TestTheEndOfInputCancels(t *testing.T) {
	s := newScreen(t)
	done := s.asked(t.Context(), login(""))
	s.await("User: ")
	s.typed("\x04")
	if r := <-done; r.err != nil || !r.answer.Cancelled {
		t.Errorf("%+v", r)
	}
}

func TestChoosing(t *testing.T) {
	field := prompt.Field{Name: "g", Label: "Group:", Kind: prompt.ChoiceOf, Default: "b",
		Choices: choices("a", "Staff", "b", "Guests\x1b[1m")}
	for typed, want := range map[string]string{"1\n": "a", "\n": "b", "staff\n": "a", "7\nnonsense\n2\n": "b"} {
		s := newScreen(t)
		done := s.asked(t.Context(), prompt.Prompt{Form: &prompt.Form{Fields: []prompt.Field{field}}})
		s.await("Group:\n   1  Staff\n   2  Guests\nNumber or name, 1 to 2 [2]: ")
		s.typed(typed)
		if r := <-done; r.err != nil || r.answer.Values["g"] != want {
			t.Errorf("%q: %+v, want %s", typed, r, want)
		}
	}
}

func TestConfirming(t *testing.T) {
	for typed, no := range map[string]bool{"yes\n": false, "Y\n": false, "\n": true, "no\n": true, "what\nyes\n": false, "\x04": true} {
		s := newScreen(t)
		done := s.asked(t.Context(), prompt.Prompt{Text: "Be good", Confirm: &prompt.Confirm{AcceptLabel: "Accept"}})
		s.await("Be good\nAccept? (yes or no): ")
		s.typed(typed)
		if r := <-done; r.err != nil || r.answer.Cancelled != no {
			t.Errorf("%q: %+v", typed, r)
		}
	}
}

func TestACookieCanBePasted(t *testing.T) {
	s := newScreen(t)
	done := s.asked(t.Context(), prompt.Prompt{Sso: &prompt.Sso{URL: "https://vpn.test/saml", Cookies: &prompt.Cookies{Cookie: "acSamlv2Token", FinalURL: "https://vpn.test/end"}}})
	s.await("Value of acSamlv2Token: ")
	if !strings.Contains(s.text(), "open\n  https://vpn.test/saml\n") {
		t.Errorf("shown %q", s.text())
	}
	s.typed("abc\n")
	if r := <-done; r.err != nil || r.answer.Values["acSamlv2Token"] != "abc" {
		t.Errorf("%+v", r)
	}
}
