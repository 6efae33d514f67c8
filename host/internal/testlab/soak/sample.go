package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/internal/testlab/soak/door"
)

// subject is a process that is watched.
type subject struct {
	pid   int
	door  string        // its socket
	moved func() uint64 // bytes so far, both ways; nil: the process says
	ended <-chan error  // why the traffic ended before its time
}

// sample is one moment.
type sample struct {
	at         time.Duration
	rss, heap  float64 // MB
	fds        float64
	goroutines float64
	rate       float64 // Mb/s since the sample before
	cost       float64 // seconds of CPU a GB, since then
}

const heading = "      time      rss     heap   fds   goroutines        rate     CPU a GB\n"

func (p sample) String() string {
	return fmt.Sprintf("%10s %5.1f MB %5.1f MB %5.0f %12.0f %6.0f Mb/s %10.2f s\n", p.at.Round(time.Second), p.rss, p.heap, p.fds, p.goroutines, p.rate, p.cost)
}

// samples looks every so often for as long as lasting, and tells each sample.
func (s subject) samples(ctx context.Context, lasting, every time.Duration, tell func(sample)) ([]sample, error) {
	var all []sample
	start := time.Now()
	var last sample
	var before total
	tick := time.NewTicker(every)
	defer tick.Stop()
	for time.Since(start) < lasting {
		select {
		case <-ctx.Done():
			return nil, errors.New("interrupted")
		case err := <-s.ended:
			return nil, fmt.Errorf("the traffic ended after %s: %w", time.Since(start).Round(time.Second), err)
		case <-tick.C:
		}
		p, sum, err := s.look()
		if err != nil {
			return nil, err
		}
		p.at = time.Since(start)
		bytes := float64(sum.moved - before.moved)
		p.rate = bytes * 8 / 1e6 / (p.at - last.at).Seconds()
		if bytes > 0 {
			p.cost = (sum.cpu - before.cpu).Seconds() / (bytes / 1e9)
		}
		last, before = p, sum
		all = append(all, p)
		tell(p)
	}
	return all, nil
}

// total is what a process has moved and used so far.
type total struct {
	moved uint64 // bytes, both ways
	cpu   time.Duration
}

func (s subject) look() (p sample, sum total, err error) {
	state, err := door.Look(s.door)
	if err != nil {
		return p, sum, fmt.Errorf("the process does not answer: %w", err)
	}
	p.heap, p.goroutines, sum.moved = float64(state.Heap)/1e6, float64(state.Goroutines), state.Moved
	if s.moved != nil {
		sum.moved = s.moved()
	}
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.pid))
	if err != nil {
		return p, sum, err
	}
	p.fds = float64(len(fds))
	if sum.cpu, err = cpuTime(s.pid); err != nil {
		return p, sum, err
	}
	p.rss, err = resident(s.pid)
	return p, sum, err
}

// resident is a process's memory, in MB.
func resident(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmRSS:" {
			kb, err := strconv.ParseFloat(f[1], 64)
			return kb * 1024 / 1e6, err
		}
	}
	return 0, fmt.Errorf("the status of process %d has no VmRSS", pid)
}

// cpuTime is what a process has used, by the clock that clock_getcpuclockid(3) names.
func cpuTime(pid int) (time.Duration, error) {
	const sched = 2 // CPUCLOCK_SCHED
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|sched), &t); err != nil {
		return 0, fmt.Errorf("the CPU time of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}
