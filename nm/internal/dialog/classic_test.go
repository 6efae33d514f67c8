package dialog

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/nm/internal/ask"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// window has a PATH with nothing but a program of that name, whose arguments go to the
// file that is returned.
func window(t *testing.T, name, text string) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	t.Setenv("DISPLAY", ":9")
	calls := filepath.Join(dir, "calls")
	script(t, dir, name, `echo "$@" >> `+calls+"\n"+text)
	return calls
}

const answers = `case "$*" in
*--question*|*--yesno*) exit ${NO:-0};;
*--list*|*--menu*) echo 1;;
*--hide-text*|*--password*) echo 'p w';;
*) echo bob;;
esac
`

func classic(t *testing.T, q ask.Question) (*Dialog, *strings.Builder) {
	t.Helper()
	a := external(hints(t, q)...)
	a.External = false
	var out strings.Builder
	return newDialog(a, nmApplet, strings.NewReader("DONE\n\nQUIT\n\n"), &out), &out
}

func TestOwnWindows(t *testing.T) {
	for name, want := range map[string]string{
		"zenity": "--title=Authenticate VPN corp --list --radiolist --hide-header --text=Login failed.\nWho are you?\n\nGroup: --column= --column= --column= --hide-column=2 --print-column=2 TRUE 0  Staff FALSE 1  guests\n" +
			"--title=Authenticate VPN corp --entry --text=Login failed.\nWho are you?\n\nUser: --entry-text=alice\n" +
			"--title=Authenticate VPN corp --entry --hide-text --text=Login failed.\nWho are you?\n\nPassword:\n" +
			"--title=Authenticate VPN corp --entry --hide-text --text=Login failed.\nWho are you?\n\nCode:\n",
		"kdialog": "--title Authenticate VPN corp --menu Login failed.\nWho are you?\n\nGroup: 0  Staff 1  guests\n" +
			"--title Authenticate VPN corp --inputbox Login failed.\nWho are you?\n\nUser: -- alice\n" +
			"--title Authenticate VPN corp --password Login failed.\nWho are you?\n\nPassword:\n" +
			"--title Authenticate VPN corp --password Login failed.\nWho are you?\n\nCode:\n",
	} {
		calls := window(t, name, answers)
		d, out := classic(t, login())
		if err := d.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); got != "authgroup\nguests\nusername\nbob\npassword\np w\notp\np w\n\n\n" {
			t.Errorf("%s: printed %q", name, got)
		}
		if got, _ := os.ReadFile(calls); string(got) != want {
			t.Errorf("%s: called\n%swant\n%s", name, got, want)
		}
	}
}

func TestAConfirmationInAWindow(t *testing.T) {
	for _, name := range []string{"zenity", "kdialog"} {
		window(t, name, answers)
		d, out := classic(t, ask.Question{Text: "Be good", Confirm: &ask.Confirm{Accept: "Accept"}})
		if err := d.Run(t.Context()); err != nil || out.String() != "confirm\nyes\n\n\n" {
			t.Errorf("%s: %q %v", name, out.String(), err)
		}
		t.Setenv("NO", "1")
		d, out = classic(t, ask.Question{Text: "Be good", Confirm: &ask.Confirm{Accept: "Accept"}})
		if err := d.Run(t.Context()); err == nil || out.String() != "" {
			t.Errorf("%s: %q %v", name, out.String(), err)
		}
		t.Setenv("NO", "0")
	}
}

func TestWithoutAProgramForWindows(t *testing.T) {
	window(t, "xterm", "")
	d, _ := classic(t, login())
	if err := d.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "install zenity or kdialog") {
		t.Errorf("%v", err)
	}
	window(t, "zenity", answers)
	t.Setenv("DISPLAY", "")
	t.Setenv("WAYLAND_DISPLAY", "")
	d, _ = classic(t, login())
	if err := d.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "nmcli --ask") {
		t.Errorf("%v", err)
	}
}

func TestAnAnswerThatIsNoChoice(t *testing.T) {
	for _, printed := range []string{"9", "-1", "guests", ""} {
		window(t, "zenity", "echo '"+printed+"'\n")
		d, out := classic(t, login())
		if err := d.Run(t.Context()); err == nil {
			t.Errorf("%q: %q", printed, out.String())
		}
	}
}

// The window's process, and what it started, end with us.
func TestAWindowEndsWithTheDialog(t *testing.T) {
	dir := t.TempDir()
	ready := filepath.Join(dir, "ready")
	if err := os.WriteFile(ready, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	window(t, "zenity", "/bin/sleep 1000 & echo $! > "+ready+"\nwait\n")
	d, _ := classic(t, login())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	pid := ""
	await(t, func() bool {
		data, _ := os.ReadFile(ready)
		pid = strings.TrimSpace(string(data))
		return pid != ""
	})
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	await(t, func() bool {
		state, err := os.ReadFile("/proc/" + pid + "/stat")
		return err != nil || strings.Contains(string(state), ") Z ")
	})
}

func await(t *testing.T, ready func() bool) {
	t.Helper()
	patience, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for !ready() {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-patience.Done():
			t.Fatal("it did not happen")
		}
	}
}

func TestWhatIsKnownIsPrintedWithoutWindows(t *testing.T) {
	window(t, "zenity", "exit 9\n")
	var out strings.Builder
	d := newDialog(Args{Name: "corp"}, nmApplet, strings.NewReader("DATA_KEY=password-flags\nDATA_VAL=1\n\nSECRET_KEY=password\nSECRET_VAL=p1\n=p2\n\nDONE\n"), &out)
	if err := d.Run(t.Context()); err != nil || out.String() != "password\np1\n\n\n" {
		t.Errorf("%q %v", out.String(), err)
	}
}

func TestABrowserLoginWithoutAnAgentThatDraws(t *testing.T) {
	d, out := classic(t, ask.Question{Sso: &ask.Sso{URL: "https://vpn.test/", Loopback: true}})
	d.open = func(context.Context, string) error { return nil }
	if err := d.Run(t.Context()); err != nil || out.String() != "sso\nopened\n\n\n" {
		t.Errorf("%q %v", out.String(), err)
	}
	d, out = classic(t, ask.Question{Sso: &ask.Sso{URL: "https://vpn.test/", Cookie: "token"}})
	d.cookies = prompter(func(prompt.Prompt) (prompt.Answer, error) {
		return prompt.Answer{Values: map[string]string{"token": "SECRET"}}, nil
	})
	if err := d.Run(t.Context()); err != nil || out.String() != "sso\nSECRET\n\n\n" {
		t.Errorf("%q %v", out.String(), err)
	}
}

func TestTheDialogWaitsToBeLetGo(t *testing.T) {
	in, agentSide := io.Pipe()
	out, printed := io.Pipe()
	d := newDialog(Args{Name: "corp"}, gnomeShell, in, printed)
	done := make(chan error, 1)
	go func() { done <- d.Run(t.Context()) }()
	_, _ = io.WriteString(agentSide, "DONE\n\n")
	answer := make([]byte, 16)
	if n, err := out.Read(answer); err != nil || string(answer[:n]) != "\n\n" {
		t.Errorf("%q %v", answer[:n], err)
	}
	select {
	case err := <-done:
		t.Errorf("it ended by itself: %v", err)
	default:
	}
	_, _ = io.WriteString(agentSide, "QUIT\n\n")
	if err := <-done; err != nil {
		t.Error(err)
	}
	_ = agentSide.Close()
}
