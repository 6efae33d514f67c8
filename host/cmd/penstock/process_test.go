package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/internal/control"
	"github.com/penstock-vpn/penstock/host/netcfg"
	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// pretend is a host that asks for a password, connects to nothing and waits for the
// end. "secret" is the password; "crash" ends it at once.
func pretend(dir string) hold {
	return func(ctx context.Context, p host.Profile, asker ui.Prompter, _ netcfg.Applier, s host.Settings) error {
		server, err := control.Listen(ctx, dir, p.Name, 0)
		if err != nil {
			return err
		}
		defer server.Close()
		actions := make(chan control.Action)
		status := host.Status{Name: p.Name, State: control.Connected, Interface: "none0", MTU: 1400, Transport: "tls", PID: os.Getpid(),
			Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.2/24")}}
		go server.Serve(func() host.Status { return status }, func(a control.Action) { actions <- a })
		asking, stop := context.WithCancel(ctx)
		defer stop()
		answers := make(chan error, 1)
		go func() { answers <- logIn(asking, asker) }()
		for {
			select {
			case err := <-answers:
				if err != nil {
					return err
				}
				s.OnState(status)
			case c := <-s.Commands:
				s.Logger.Info([]string{"logged out", "hung up", "looked at the path"}[c])
				if c != host.Reconnect {
					return nil
				}
			case <-actions:
				return nil
			}
		}
	}
}

func logIn(ctx context.Context, asker ui.Prompter) error {
	form := &prompt.Form{ID: "main", Fields: []prompt.Field{{Name: "p", Label: "Password:", Kind: prompt.Password, Option: "password"}}}
	refused := ""
	for {
		a, err := asker.Ask(ctx, prompt.Prompt{Error: refused, Form: form})
		switch {
		case err != nil:
			return err
		case a.Cancelled:
			return diag.New(diag.Cancelled, "User cancelled the login", "")
		case a.Values["p"] == "secret":
			return nil
		}
		refused = "Login failed."
	}
}

// program is penstock in a process of its own, without a terminal.
func program(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Env = append(os.Environ(), "PENSTOCK_TEST_RUN="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

func status(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	if cmd.ProcessState == nil {
		t.Fatalf("%v has not ended", cmd.Args)
	}
	return cmd.ProcessState.ExitCode()
}

func TestPasswordsFromStandardInput(t *testing.T) {
	pluginFolder(t)
	for stdin, want := range map[string]int{"wrong\n": 3, "": 3} {
		cmd := program(t, filepath.Join(t.TempDir(), "run"), "connect", "--password-stdin", "vpn.test")
		cmd.Stdin = strings.NewReader(stdin)
		out, _ := cmd.CombinedOutput()
		if status(t, cmd) != want || !bytes.Contains(out, []byte("Failed to complete authentication")) {
			t.Errorf("%q: %d %s", stdin, status(t, cmd), out)
		}
	}
}

func TestInTheBackground(t *testing.T) {
	pluginFolder(t)
	dir := t.TempDir()
	run, pid := filepath.Join(dir, "run"), filepath.Join(dir, "pid")
	cmd := program(t, run, "connect", "--background", "--pid-file", pid, "--password-stdin", "vpn.test")
	cmd.Stdin = strings.NewReader("wrong\nsecret\n")
	out, err := cmd.CombinedOutput() // waits until nobody holds the pipe
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	written, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	want := "Connected as 10.0.0.2\nConfigured as 10.0.0.2 on none0, MTU 1400, through TLS\nContinuing in background; pid " + string(written)
	if string(out) != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
	again := program(t, run, "connect", "--password-stdin", "vpn.test")
	if out, _ := again.CombinedOutput(); status(t, again) != 2 || !bytes.Contains(out, []byte("vpn.test is already running")) {
		t.Errorf("a second one: %d %s", status(t, again), out)
	}
	if out, err := program(t, run, "disconnect", "vpn.test").CombinedOutput(); err != nil {
		t.Errorf("disconnect: %v %s", err, out)
	}
	if _, err := os.Stat(pid); !os.IsNotExist(err) {
		t.Errorf("the pid file is there: %v", err)
	}
	if left, _ := os.ReadDir(run); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestTheLauncherEndsAsItsChild(t *testing.T) {
	pluginFolder(t)
	cmd := program(t, filepath.Join(t.TempDir(), "run"), "connect", "-b", "--password-stdin", "vpn.test")
	cmd.Stdin = strings.NewReader("wrong\n")
	if out, _ := cmd.CombinedOutput(); status(t, cmd) != 3 || bytes.Count(out, []byte("penstock:")) != 1 {
		t.Errorf("%d %s", status(t, cmd), out)
	}
}

func TestSignals(t *testing.T) {
	pluginFolder(t)
	for name, c := range map[string]struct {
		signal syscall.Signal
		want   string
	}{
		"SIGINT": {syscall.SIGINT, "logged out"}, "SIGTERM": {syscall.SIGTERM, "logged out"},
		"SIGHUP": {syscall.SIGHUP, "hung up"}, "SIGUSR2": {syscall.SIGUSR2, "looked at the path"},
		"SIGUSR1": {syscall.SIGUSR1, "connected: received 0 B in 0 packets"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := program(t, filepath.Join(t.TempDir(), "run"), "connect", "--password-stdin", "vpn.test")
			cmd.Stdin = strings.NewReader("secret\n")
			lines := start(t, cmd)
			lines.await("Configured as")
			_ = cmd.Process.Signal(c.signal)
			lines.await(c.want)
			_ = cmd.Process.Signal(syscall.SIGTERM)
			_, _ = io.Copy(io.Discard, lines.reader)
			if err := cmd.Wait(); err != nil {
				t.Errorf("%v", err)
			}
		})
	}
}

// lineReader reads a process's lines.
type lineReader struct {
	t      *testing.T
	reader *bufio.Reader
}

func start(t *testing.T, cmd *exec.Cmd) lineReader {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return lineReader{t, bufio.NewReader(out)}
}

// await reads on to a line that begins so.
func (r lineReader) await(prefix string) {
	r.t.Helper()
	for {
		line, err := r.reader.ReadString('\n')
		if err != nil {
			r.t.Fatalf("no line begins with %q: %v", prefix, err)
		}
		if strings.HasPrefix(line, prefix) {
			return
		}
	}
}

func TestAtATerminal(t *testing.T) {
	pluginFolder(t)
	for name, c := range map[string]struct {
		typed  string
		status int
		more   []string
	}{
		"password": {"wrong\n", 0, nil}, "Ctrl-C": {"\x03", 0, nil}, "Ctrl-D": {"\x04", 1, nil},
		"Ctrl-C for the background": {"\x03", 0, []string{"--background"}}, "Ctrl-D for the background": {"\x04", 1, []string{"--background"}},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := program(t, filepath.Join(t.TempDir(), "run"), append([]string{"connect", "vpn.test"}, c.more...)...)
			keys, err := pty.Start(cmd)
			if err != nil {
				t.Fatal(err)
			}
			defer keys.Close()
			shown := await(t, keys, "Password: ")
			_, _ = keys.WriteString(c.typed)
			if name == "password" {
				shown += await(t, keys, "Refused: Login failed.\r\nPassword: ")
				_, _ = keys.WriteString("secret\n")
				shown += await(t, keys, "through TLS")
				_ = cmd.Process.Signal(syscall.SIGTERM)
			}
			_ = cmd.Wait() // what it says at its end is lost: its terminal ends with it
			if status(t, cmd) != c.status || strings.Contains(shown, "wrong") || strings.Contains(shown, "secret") {
				t.Errorf("%d, shown %q", status(t, cmd), shown)
			}
		})
	}
}

// await reads from the terminal until it has shown text.
func await(t *testing.T, from io.Reader, text string) string {
	t.Helper()
	var shown strings.Builder
	one := make([]byte, 1)
	for !strings.HasSuffix(shown.String(), text) {
		if _, err := from.Read(one); err != nil {
			t.Fatalf("shown %q, not %q: %v", shown.String(), text, err)
		}
		shown.Write(one)
	}
	return shown.String()
}
