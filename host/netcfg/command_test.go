package netcfg

import (
	"context"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

func shell(script string, env ...string) Command {
	return Command{Args: []string{"/bin/sh", "-c", script}, Env: append(env, "PATH=/usr/sbin:/usr/bin:/sbin:/bin")}
}

func run(t *testing.T, ctx context.Context, c Command) ([]string, error) {
	t.Helper()
	var got []string
	err := c.Run(ctx, func(s string) { got = append(got, s) })
	return got, err
}

func TestCommandPrintsLines(t *testing.T) {
	got, err := run(t, t.Context(), shell(`echo one; echo two >&2; printf 'x\r\n\nlast of '; printf "$GREETING"; pwd >&2; read -r a || echo no input`, "GREETING=hello"))
	want := []string{"one", "two", "x", "last of hello/", "no input"}
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("got %q, %v; want %q", got, err, want)
	}
}

func TestCommandFails(t *testing.T) {
	_, err := run(t, t.Context(), shell("exit 3"))
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 3 {
		t.Fatalf("got %v, want exit status 3", err)
	}
	if err := (Command{}).Run(t.Context(), nil); err == nil {
		t.Fatal("an empty command ran")
	}
}

// The whole group dies, not only the shell.
func TestCommandEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	var first string
	err := shell("(echo started; sleep 600) & sleep 600; echo after").Run(ctx, func(s string) {
		first = s
		cancel(why)
	})
	if !errors.Is(err, why) || first != "started" {
		t.Fatalf("got %v after %q, want %v", err, first, why)
	}
}

// A script may leave a daemon that keeps the output open.
func TestCommandDoesNotWaitForDaemons(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got, err := run(t, ctx, shell("setsid sleep 30 & echo $!"))
	if err != nil || len(got) != 1 {
		t.Fatalf("got %q, %v", got, err)
	}
	if _, err := run(t, t.Context(), shell("kill "+got[0])); err != nil {
		t.Fatalf("the daemon is gone: %v", err)
	}
}

func TestCommandBoundsOutput(t *testing.T) {
	got, err := run(t, t.Context(), shell(`head -c 300000 /dev/zero | tr '\0' a; echo; i=0; while [ $i -lt 3000 ]; do echo b; i=$((i+1)); done`))
	if err != nil || len(got) != maxLines || got[0] != strings.Repeat("a", maxLine) || got[1] != "b" {
		t.Fatalf("%d lines, %v", len(got), err)
	}
}
