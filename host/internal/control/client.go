package control

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// ErrNotRunning says that no process serves the connection.
var ErrNotRunning = errors.New("the connection is not running")

// List asks every connection in dirs for its status, in order of their names. What
// could not be asked is in the errors; sockets of dead processes are passed over.
func List(ctx context.Context, dirs []string) ([]Status, []error) {
	var all []Status
	var failed []error
	for _, dir := range dirs {
		names, err := names(dir)
		if err != nil {
			failed = append(failed, err)
		}
		for _, name := range names {
			st, err := Query(ctx, dir, name)
			switch {
			case err == nil:
				all = append(all, st)
			case !errors.Is(err, ErrNotRunning):
				failed = append(failed, fmt.Errorf("%s: %w", name, err))
			}
		}
	}
	slices.SortFunc(all, func(a, b Status) int { return strings.Compare(a.Name, b.Name) })
	return all, failed
}

func names(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var found []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".sock"); ok && ValidName(name) {
			found = append(found, name)
		}
	}
	return found, err
}

// Query asks the connection called name for its status.
func Query(ctx context.Context, dir, name string) (Status, error) {
	var st Status
	err := ask(ctx, dir, name, askStatus, func(r response, _ io.Reader, _ *net.UnixConn) error {
		if r.Status == nil {
			return errors.New("the answer has no status")
		}
		st = *r.Status
		return nil
	})
	return st, err
}

// Do asks for an action. Disconnect and Hangup return when the connection and its
// process have ended.
func Do(ctx context.Context, dir, name string, a Action) error {
	return ask(ctx, dir, name, a, func(_ response, rest io.Reader, c *net.UnixConn) error {
		if a == Reconnect {
			return nil
		}
		host := processOf(c)
		defer host.close()
		if _, err := io.Copy(io.Discard, rest); err != nil {
			return err
		}
		return host.wait(ctx)
	})
}

// ask sends one command and hands the answer, and the stream after it, to then.
func ask(ctx context.Context, dir, name string, a Action, then func(response, io.Reader, *net.UnixConn) error) error {
	if !ValidName(name) {
		return fmt.Errorf("%.80q is no name of a connection", name)
	}
	c, err := dial(ctx, filepath.Join(dir, name+".sock"))
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // only read from
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	err = exchange(c, a, then)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func exchange(c *net.UnixConn, a Action, then func(response, io.Reader, *net.UnixConn) error) error {
	if err := writeLine(c, request{Command: a}); err != nil {
		return err
	}
	lines := bufio.NewReader(c)
	line, err := readLine(lines, maxResponse)
	if errors.Is(err, io.EOF) {
		return ErrNotRunning // it ended meanwhile
	}
	if err != nil {
		return err
	}
	r, err := parseResponse(line)
	if err != nil {
		return err
	}
	if r.Error != "" {
		return errors.New(r.Error)
	}
	return then(r, lines, c)
}

func dial(ctx context.Context, path string) (*net.UnixConn, error) {
	var d net.Dialer
	c, err := d.DialUnix(ctx, "unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	switch {
	case err == nil:
		return c, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ECONNREFUSED):
		return nil, ErrNotRunning
	case errors.Is(err, fs.ErrPermission):
		return nil, diag.New(diag.Config, "the connection belongs to another user", "run the command as that user or as root")
	}
	return nil, err
}
