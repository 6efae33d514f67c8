package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/nm/internal/ask"
)

var update = flag.Bool("update", false, "write the golden files anew")

// actAsAgent in the environment makes the test program an agent that runs its arguments.
const actAsAgent = "ACT_AS_AGENT"

var program string // the built one

func TestMain(m *testing.M) {
	if os.Getenv(actAsAgent) != "" {
		os.Exit(agent())
	}
	os.Exit(build(m))
}

func agent() int {
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return 1
	}
	return 0
}

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "auth-dialog-*")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a test's
	if err := os.Chmod(dir, 0o755); err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "penstock-auth-dialog")
	cmd := exec.Command("go", "build", "-o", program, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v: %s", err, out))
	}
	return m.Run()
}

// runAs has an agent of that name run the program and returns what it prints. The
// agent keeps the program's input open.
func runAs(t *testing.T, name, stdin string, argv ...string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), name) // which names the process
	if err := os.Symlink(self, link); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, link, append([]string{program}, argv...)...)
	cmd.Env = []string{actAsAgent + "=1", "PATH=/usr/bin:/bin", "PENSTOCK_PLUGIN_PATH=" + plugins(t)}
	in, out := openInput(t, stdin), &bytes.Buffer{}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, out
	if err := cmd.Run(); err != nil {
		t.Errorf("%s %q: %v: %s", name, argv, err, out)
	}
	return out.String()
}

// openInput is a pipe with text in it, which does not end before the test.
func openInput(t *testing.T, text string) *os.File {
	t.Helper()
	in, agentSide, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = in.Close(), agentSide.Close() })
	if _, err := io.WriteString(agentSide, text); err != nil {
		t.Fatal(err)
	}
	return in
}

// plugins is a directory with a plugin for the protocol "test".
func plugins(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	const code = "not run"
	manifest := fmt.Sprintf(`contract = 1
name = "test"
version = "1.0.0"
exec = "test"
sha256 = "%x"
auth = "mtls"
[[protocol]]
name = "test"
[[option]]
key = "token-pin"
type = "string"
label = "PIN of the token"
secret = true
`, sha256.Sum256([]byte(code)))
	for name, text := range map[string]string{"test": code, "test.toml": manifest} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const connection = "DATA_KEY=protocol\nDATA_VAL=test\n\nDATA_KEY=password-flags\nDATA_VAL=1\n\nDATA_KEY=token-pin-flags\nDATA_VAL=2\n\n" +
	"SECRET_KEY=password\nSECRET_VAL= p\\w \n\n"

const service = "org.freedesktop.NetworkManager.penstock"

// agents have their own command lines and ends of input.
var agents = map[string]struct {
	end  string
	argv func(interact, again bool, hints []string) []string
}{
	"nmcli":       {"DONE\nQUIT\n", shellArgs},
	"gnome-shell": {"DONE\n\n", shellArgs},
	"nm-applet": {"DONE\n\nQUIT\n\n", func(interact, again bool, hints []string) []string {
		return append(rest([]string{"-u", "6f0a", "-n", "corp", "-s", service}, interact, again, hints), "--external-ui-mode")
	}},
}

func shellArgs(interact, again bool, hints []string) []string {
	return rest([]string{"-u", "6f0a", "-n", "corp", "-s", service, "--external-ui-mode"}, interact, again, hints)
}

func rest(argv []string, interact, again bool, hints []string) []string {
	if interact {
		argv = append(argv, "-i")
	}
	if again {
		argv = append(argv, "-r")
	}
	for _, h := range hints {
		argv = append(argv, "-t", h)
	}
	return argv
}

func TestWhatAgentsGet(t *testing.T) {
	form := ask.Question{Error: "Login failed.", Text: "Welcome\nto us", Fields: []ask.Field{
		{Key: "authgroup", Label: "Group:", Default: "staff", Choices: []ask.Choice{{Value: "staff", Label: "Our staff"}, {Value: "guests"}}},
		{Key: "username", Label: "User name:", Default: "alice"}, {Key: "password", Label: "Password:", Secret: true}}}
	cases := []struct {
		name            string
		interact, again bool
		hints           []string
	}{
		{"stored secrets", false, false, nil},
		{"missing secrets", true, false, nil},
		{"again", true, true, nil},
		{"a form", true, true, hints(t, form)},
		{"a code", true, true, []string{"otp", "x-vpn-message:Enter the code"}},
		{"a confirmation", true, true, hints(t, ask.Question{Text: "Be good.", Confirm: &ask.Confirm{Accept: "accept"}})},
		{"a login page", true, true, hints(t, ask.Question{Sso: &ask.Sso{URL: "https://vpn.test/saml?a=b", Loopback: true}})},
		{"a login page with a cookie", true, true, hints(t, ask.Question{Sso: &ask.Sso{URL: "https://vpn.test/saml", Cookie: "token", FinalURL: "https://vpn.test/end"}})},
	}
	for name, a := range agents {
		got := ""
		for _, c := range cases {
			got += "# " + c.name + "\n" + runAs(t, name, connection+a.end, a.argv(c.interact, c.again, c.hints)...) + "\n"
		}
		golden := filepath.Join("testdata", name+".golden")
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s gets\n%s\nwant\n%s", name, got, want)
		}
	}
}

func hints(t *testing.T, q ask.Question) []string {
	t.Helper()
	all, err := q.Hints()
	if err != nil {
		t.Fatal(err)
	}
	return append(all, "x-vpn-message:"+q.Message())
}

// The browser is opened as a user, and the agent does not wait for its end.
func TestThePageIsOpened(t *testing.T) {
	dir := filepath.Dir(program)
	opened := filepath.Join(dir, "opened")
	if err := os.WriteFile(opened, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(opened, 0o666); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"xdg-open":         "#!/bin/sh\nexit 3\n",
		"sensible-browser": "#!/bin/sh\nexec sleep 1000 2>&1 & echo \"$! $*\" > " + opened + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(program, shellArgs(true, true, hints(t, ask.Question{Sso: &ask.Sso{URL: "https://vpn.test/saml?a=b", Loopback: true}}))...)
	cmd.Env = []string{"PATH=" + dir + ":/usr/bin:/bin", "DISPLAY=:9"}
	cmd.Stdin = openInput(t, "DONE\n\n")
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "[sso]\nValue=opened\n") || !strings.Contains(string(out), "ShouldAsk=false\n") {
		t.Errorf("%v: %s", err, out)
	}
	was, _ := os.ReadFile(opened)
	pid, page := 0, ""
	if _, err := fmt.Sscanf(string(was), "%d %s", &pid, &page); err != nil || page != "https://vpn.test/saml?a=b" {
		t.Fatalf("opened %q", was)
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	for name, c := range map[string]struct{ stdin, want string }{
		"no windows": {connection + "DONE\n\n", "penstock-auth-dialog: a question needs an answer, and there is no graphical session: use `nmcli --ask connection up`\n"},
		"no agent":   {"QUIT\n", "penstock-auth-dialog: the agent does not want an answer any more\n"},
	} {
		cmd := exec.Command(program, "-i", "-r", "-n", "corp")
		cmd.Env, cmd.Stdin = []string{"PATH=/usr/bin:/bin"}, openInput(t, c.stdin)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != 1 || stdout.Len() != 0 || stderr.String() != c.want {
			t.Errorf("%s: %v, %q, %q", name, err, &stdout, &stderr)
		}
	}
}

// nm-applet ends a dialog that it needs no more by SIGTERM.
func TestASignalEndsTheWindow(t *testing.T) {
	dir := t.TempDir()
	shown := filepath.Join(dir, "shown")
	if err := syscall.Mkfifo(shown, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "zenity"), []byte("#!/bin/sh\nexec 3> "+shown+"\necho $$ >&3\nexec sleep 1000\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-i", "-n", "corp")
	cmd.Env, cmd.Stdin = []string{"PATH=" + dir + ":/usr/bin:/bin", "DISPLAY=:9"}, openInput(t, connection+"DONE\n\n")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	window, err := os.Open(shown)
	if err != nil {
		t.Fatal(err)
	}
	defer window.Close()
	first := make([]byte, 16)
	if n, err := window.Read(first); err != nil || !slices.Contains(first[:n], '\n') {
		t.Fatalf("%q %v", first[:n], err)
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("%v", err)
	}
	if _, err := io.ReadAll(window); err != nil { // its end: the window has closed it
		t.Error(err)
	}
}
