package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// A penstock that can be profiled is built aside, with one file more: what is
// shipped has no such door.

//go:embed testdata/profile.go.txt
var door []byte

const (
	program = "./host/cmd/penstock"
	socket  = "profile.sock"
)

// profiled is penstock with the door.
type profiled struct {
	testlab.Penstock
	program string
}

// Args implements testlab.Client.
func (p profiled) Args(l *testlab.Lab, s testlab.Spec) []string {
	args := p.Penstock.Args(l, s)
	args[0] = p.program
	return args
}

// profile writes a CPU profile of penstock's host to dir for each gateway, transport
// and load, and prints the head of each.
func profile(dir string, against []gateway, load time.Duration) error {
	client, err := buildProfiled(dir)
	if err != nil {
		return err
	}
	for _, g := range against {
		if g.who == aside {
			continue
		}
		if err := profileAgainst(dir, client, g, load); err != nil {
			return err
		}
	}
	return nil
}

// buildProfiled builds the program into dir, and takes the plugins that are there.
func buildProfiled(dir string) (p profiled, err error) {
	if p.Penstock, err = testlab.FindPenstock(); err != nil {
		return p, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return p, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return p, err
	}
	root, err := exec.Command("go", "list", "-f", "{{.Dir}}", program).Output()
	if err != nil {
		return p, fmt.Errorf("go list %s: %w", program, err)
	}
	added := filepath.Join(dir, "profile.go.txt")
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(string(root[:len(root)-1]), "profile.go"): added}})
	if err != nil {
		return p, err
	}
	list := filepath.Join(dir, "overlay.json")
	if err := errors.Join(os.WriteFile(added, door, 0o644), os.WriteFile(list, overlay, 0o644)); err != nil {
		return p, err
	}
	p.program = filepath.Join(dir, "penstock")
	if out, err := exec.Command("go", "build", "-overlay", list, "-o", p.program, program).CombinedOutput(); err != nil {
		return p, fmt.Errorf("go build: %w: %s", err, out)
	}
	return p, nil
}

func profileAgainst(dir string, client profiled, g gateway, load time.Duration) error {
	f, err := newField(g)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, transport := range g.transports {
		if err := f.profile(dir, client, transport, load); err != nil {
			io.WriteString(os.Stderr, f.Logs())
			return fmt.Errorf("%s: %w", g.section(transport), err)
		}
	}
	return nil
}

// profile brings one tunnel up and profiles it under each load.
func (f field) profile(dir string, client profiled, transport string, load time.Duration) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience+20*load)
	defer cancel()
	door := filepath.Join(f.Client.Dir, transport+"-"+socket)
	spec := f.spec(transport)
	spec.Env = []string{"PENSTOCK_CPUPROFILE=" + door}
	conn, _, err := up(ctx, f, client, spec)
	if err != nil {
		return err
	}
	defer func() {
		_, stopped := conn.Stop(syscall.SIGINT, patience)
		err = errors.Join(err, stopped)
	}()
	longer := load + time.Second // than the profile
	for _, s := range streams {
		if !s.costs {
			continue
		}
		err := record(ctx, door, f.file(dir, transport, s.name), load, func() error { return s.load(f.Lab, longer, map[string]float64{}) })
		if err != nil {
			return err
		}
	}
	for _, d := range packets {
		err := record(ctx, door, f.file(dir, transport, d.name()), load, func() error { return d.load(ctx, f.Lab, conn, longer, map[string]float64{}) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (f field) file(dir, transport, load string) string {
	return filepath.Join(dir, fmt.Sprintf("%s-%s-%s.pprof", f.name, transport, load))
}

// record profiles while the load lasts.
func record(ctx context.Context, door, name string, how time.Duration, load func() error) error {
	loaded := make(chan error, 1)
	go func() { loaded <- load() }()
	if err := errors.Join(fetch(ctx, door, how, name), <-loaded); err != nil {
		return err
	}
	return head(name)
}

// fetch writes a profile of the next while to a file.
func fetch(ctx context.Context, door string, how time.Duration, name string) error {
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", door)
	}}}
	address := fmt.Sprintf("http://penstock/debug/pprof/profile?seconds=%d", max(1, int(how.Seconds())))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	reply, err := client.Do(request)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	data, err := io.ReadAll(reply.Body)
	if err == nil && reply.StatusCode != http.StatusOK {
		err = fmt.Errorf("profile: %s: %s", reply.Status, data)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(name, data, 0o644)
}

// head prints where most of the time goes.
func head(name string) error {
	out, err := exec.Command("go", "tool", "pprof", "-top", "-nodecount=20", name).CombinedOutput()
	fmt.Printf("\n%s\n%s", name, out)
	return err
}
