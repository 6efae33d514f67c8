package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// calm is left between the last load and the counting of wakeups.
const calm = 2 * time.Second

// wait is a turn without a load.
func (c course) wait(f field, client testlab.Client, transport string) (r result, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience+2*c.idle)
	defer cancel()
	r = result{client.Name(), f.section(transport), map[string]float64{}}
	conn, _, err := up(ctx, f, client, f.spec(transport))
	if err != nil {
		return r, err
	}
	defer func() {
		_, stopped := conn.Stop(syscall.SIGINT, patience)
		err = errors.Join(err, stopped)
	}()
	r.values["wakeups/s"], err = wakeups(ctx, f.Lab, c.idle)
	return r, err
}

// wakeups is how often a second the client's threads wake while nothing is sent.
func wakeups(ctx context.Context, l *testlab.Lab, how time.Duration) (float64, error) {
	if err := pass(ctx, calm); err != nil {
		return 0, err
	}
	before, err := switches(l.Client)
	if err != nil {
		return 0, err
	}
	if err := pass(ctx, how); err != nil {
		return 0, err
	}
	after, err := switches(l.Client)
	return float64(after-before) / how.Seconds(), err
}

func pass(ctx context.Context, how time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(how):
		return nil
	}
}

// switches sums up the voluntary context switches of the client's threads. One that
// ends takes its count with it: idle programs end none.
func switches(m *testlab.Machine) (sum int64, err error) {
	for _, p := range m.Programs() {
		if !ofClient(p) {
			continue
		}
		threads, err := filepath.Glob(m.Path(fmt.Sprintf("/proc/%d/task/*/status", p.Pid)))
		if err != nil {
			return 0, err
		}
		for _, name := range threads {
			text, err := os.ReadFile(name)
			if err != nil {
				continue
			}
			n, err := voluntary(string(text))
			if err != nil {
				return 0, fmt.Errorf("%s: %w", name, err)
			}
			sum += n
		}
	}
	return sum, nil
}

// voluntary reads the line of /proc/PID/status.
func voluntary(status string) (int64, error) {
	for line := range strings.Lines(status) {
		if value, ok := strings.CutPrefix(line, "voluntary_ctxt_switches:"); ok {
			return strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		}
	}
	return 0, fmt.Errorf("no voluntary_ctxt_switches")
}
