package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/gpgate"
	"github.com/penstock-vpn/penstock/host/internal/testlab/loadgate"
	"github.com/penstock-vpn/penstock/host/internal/testlab/soak/door"
)

//go:embed testdata/door.go.txt
var doorSource []byte

const (
	source   = "./host/cmd/penstock"
	patience = 30 * time.Second
	portion  = 1 << 30 // bytes of a transfer
)

// way is a gateway and what packets go through.
type way struct {
	transport string
	start     func(l *testlab.Lab) error
	spec      testlab.Spec
}

var user = testlab.Spec{Username: testlab.User, Answers: []string{testlab.Password}}

// anyConnect leads to the load gateway.
func anyConnect(transport string) leg {
	w := way{transport, func(l *testlab.Lab) error {
		_, err := loadgate.Start(l, loadgate.Config{})
		return err
	}, user}
	w.spec.NoDTLS = transport == "tls"
	return w.watched
}

// globalProtect leads to the GlobalProtect gateway, over ESP.
func globalProtect() leg {
	w := way{"esp", func(l *testlab.Lab) error {
		_, err := gpgate.Start(l, gpgate.Config{ESP: gpgate.ESP{Encryption: "aes-128-gcm"}})
		return err
	}, user}
	w.spec.Protocol = "globalprotect"
	return w.watched
}

// watched has penstock watched between a lab's client and its gateway.
func (w way) watched(ctx context.Context, watch func(context.Context, subject) error) error {
	l, err := testlab.New()
	if err != nil {
		return err
	}
	defer l.Close()
	client, err := build(l.Dir)
	if err != nil {
		return err
	}
	if err := w.start(l); err != nil {
		return err
	}
	c, err := w.up(ctx, l, client)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, l.Logs())
	}
	t, err := pour(ctx, l)
	if err != nil {
		return err
	}
	err = watch(ctx, subject{pid: c.Pid(), door: client.door, moved: t.moved.Load, ended: t.ended})
	t.stop()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, c.Tail(20))
	}
	if code, err := c.Stop(syscall.SIGINT, patience); code != 0 || err != nil {
		return fmt.Errorf("exit status %d, %v: %s", code, err, c.Tail(20))
	}
	return nil
}

// up connects and waits for the transport.
func (w way) up(ctx context.Context, l *testlab.Lab, client doored) (*testlab.Connection, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	w.spec.Env = []string{door.Socket + "=" + client.door}
	c, err := l.Connect(ctx, client, w.spec)
	if err != nil {
		return nil, err
	}
	_, err = client.AwaitStatus(ctx, l, w.transport, func(s testlab.Status) bool { return s.Transport == w.transport })
	return c, err
}

// doored is penstock with a door.
type doored struct {
	testlab.Penstock
	program, door string
}

// Args implements testlab.Client.
func (d doored) Args(l *testlab.Lab, s testlab.Spec) []string {
	args := d.Penstock.Args(l, s)
	args[0] = d.program
	return args
}

// build builds the program with a door into dir, and takes the plugins that are there.
func build(dir string) (d doored, err error) {
	if d.Penstock, err = testlab.FindPenstock(); err != nil {
		return d, err
	}
	root, err := exec.Command("go", "list", "-f", "{{.Dir}}", source).Output()
	if err != nil {
		return d, fmt.Errorf("go list %s (run it in the project's folder): %w", source, err)
	}
	added, list := filepath.Join(dir, "door.go"), filepath.Join(dir, "overlay.json")
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(strings.TrimSpace(string(root)), "door.go"): added}})
	if err != nil {
		return d, err
	}
	if err := errors.Join(os.WriteFile(added, doorSource, 0o644), os.WriteFile(list, overlay, 0o644)); err != nil {
		return d, err
	}
	d.program, d.door = filepath.Join(dir, "penstock"), filepath.Join(dir, "door.sock")
	if out, err := exec.Command("go", "build", "-overlay", list, "-o", d.program, source).CombinedOutput(); err != nil {
		return d, fmt.Errorf("go build: %w: %s", err, out)
	}
	return d, nil
}

// stream is a transfer each way, again and again.
type stream struct {
	moved atomic.Uint64
	ended chan error
	stop  context.CancelFunc
}

func pour(ctx context.Context, l *testlab.Lab) (*stream, error) {
	s := &stream{ended: make(chan error, 2)}
	ctx, s.stop = context.WithCancel(ctx)
	for _, way := range []func(*testlab.Store, context.Context, int64) (testlab.Transfer, error){(*testlab.Store).Download, (*testlab.Store).Upload} {
		store, err := l.OpenStore(testlab.InsideV4)
		if err != nil {
			s.stop()
			return nil, err
		}
		go func() {
			for ctx.Err() == nil {
				before := uint64(0)
				store.Progress = func(bytes int64) { s.moved.Add(uint64(bytes) - before); before = uint64(bytes) }
				if _, err := way(store, ctx, portion); err != nil && ctx.Err() == nil {
					s.ended <- err
					break
				}
			}
			store.Close()
		}()
	}
	return s, nil
}
