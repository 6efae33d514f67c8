package ui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// script writes a shell script that anybody may run.
func script(t *testing.T, text string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "penstock-ui-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "wrapper")
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755)); err != nil {
		t.Fatal(err)
	}
	return path
}

func program(p prompt.Program) prompt.Prompt {
	p.Option = "csd-wrapper"
	return prompt.Prompt{Program: &p}
}

func TestProgramsRunAsThePerson(t *testing.T) {
	t.Setenv("API_TOKEN", "secret")
	t.Setenv("SUDO_UID", "1")
	path := script(t, `id -u; echo "$1|$CSD_TOKEN|$API_TOKEN|$PWD"; exit 3`)
	p := NewPrograms(option.Values{"csd-wrapper": path}, "", Nobody{})
	got := ask(t, p, program(prompt.Program{Args: []string{"-ticket; x"}, Env: [][2]string{{"CSD_TOKEN", "a b"}}}))
	uid := "1"
	if os.Geteuid() != 0 {
		uid = "" // whoever runs the test
	}
	if got["exit_status"] != "3" || !strings.HasPrefix(got["stdout"], uid) || !strings.HasSuffix(got["stdout"], "\n-ticket; x|a b||/\n") {
		t.Errorf("%q", got)
	}
}

// Where a user is named, it is nobody else who runs the program.
func TestProgramsRunAsTheNamedUser(t *testing.T) {
	_, uid, gid := nobodysFolder(t)
	t.Setenv("SUDO_UID", "1")
	path := script(t, `echo "$(id -u) $(id -g) $(id -G) $USER"`)
	for name, want := range map[string]string{"nobody": fmt.Sprintf("%d %d %d nobody\n", uid, gid, gid), "root": "0 0 0 root\n"} {
		p := NewPrograms(option.Values{"csd-wrapper": path}, name, Nobody{})
		if got := ask(t, p, program(prompt.Program{})); got["stdout"] != want {
			t.Errorf("as %s: %q", name, got["stdout"])
		}
	}
	unknown := NewPrograms(option.Values{"csd-wrapper": path}, "no such user", Nobody{})
	_, err := unknown.Ask(t.Context(), program(prompt.Program{}))
	if d := diag.Of(err); d == nil || d.Option != "csd-wrapper" || !strings.Contains(d.Detail, `"no such user" is not known`) {
		t.Errorf("no such user: %v", err)
	}
	secret := script(t, "echo ran")
	must(t, os.Chmod(secret, 0o700)) // root's alone
	p := NewPrograms(option.Values{"csd-wrapper": secret}, "nobody", Nobody{})
	if a, err := p.Ask(t.Context(), program(prompt.Program{})); err == nil {
		t.Errorf("a program of root's was run: %v", a)
	}
}

func TestProgramsAreBounded(t *testing.T) {
	t.Setenv("SUDO_UID", "1")
	loud := NewPrograms(option.Values{"csd-wrapper": script(t, "head -c 200000 /dev/zero | tr '\\0' x")}, "", Nobody{})
	if got := ask(t, loud, program(prompt.Program{})); len(got["stdout"]) != maxOutput {
		t.Errorf("%d bytes", len(got["stdout"]))
	}
	slow := NewPrograms(option.Values{"csd-wrapper": script(t, "exec sleep 1000")}, "", Nobody{})
	_, err := slow.Ask(t.Context(), program(prompt.Program{Timeout: time.Millisecond}))
	if d := diag.Of(err); d == nil || d.Option != "csd-wrapper" || !strings.Contains(d.Detail, "was killed") {
		t.Errorf("slow: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := slow.Ask(ctx, program(prompt.Program{})); err == nil {
		t.Error("it runs on without its context")
	}
}

func TestProgramsThatAreNotRun(t *testing.T) {
	none := NewPrograms(option.Values{}, "", Nobody{})
	if a, err := none.Ask(t.Context(), program(prompt.Program{})); err != nil || !a.Cancelled {
		t.Errorf("no program: %+v %v", a, err)
	}
	missing := NewPrograms(option.Values{"csd-wrapper": "/nonexistent"}, "", Nobody{})
	if _, err := missing.Ask(t.Context(), program(prompt.Program{})); diag.Of(err) == nil || diag.Of(err).Code != diag.Config {
		t.Errorf("missing program: %v", err)
	}
	path := script(t, "exit 0")
	for _, name := range []string{"", "LD_PRELOAD", "PATH", "BASH_ENV", "lower_case", "A=B_C", "1_A"} {
		p := NewPrograms(option.Values{"csd-wrapper": path}, "", Nobody{})
		if _, err := p.Ask(t.Context(), program(prompt.Program{Env: [][2]string{{name, "x"}}})); err == nil {
			t.Errorf("the variable %q is taken", name)
		}
	}
	p := NewPrograms(option.Values{"csd-wrapper": path}, "", Nobody{})
	for _, bad := range []prompt.Program{{Args: []string{"a\x00b"}}, {Args: make([]string, 65)}, {Env: [][2]string{{"A_B", "\x00"}}}} {
		if _, err := p.Ask(t.Context(), program(bad)); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}
