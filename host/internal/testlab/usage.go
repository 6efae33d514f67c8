package testlab

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Usage is what the machine's programs used, those left out aside.
type Usage struct {
	CPU    time.Duration // user and system, with children that ended
	Memory int64         // resident bytes; shared pages count in proportion
}

// tick is the unit of CPU times in /proc.
const tick = 10 * time.Millisecond

// Usage sums up the programs that count says count.
func (m *Machine) Usage(count func(Program) bool) (Usage, error) {
	var sum Usage
	for _, p := range m.Programs() {
		if !count(p) {
			continue
		}
		cpu, cpuErr := m.cpu(p.Pid)
		memory, memoryErr := m.memory(p.Pid)
		switch err := errors.Join(cpuErr, memoryErr); {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ESRCH):
			continue // ended meanwhile: its time is with its parent
		case err != nil:
			return sum, err
		}
		sum.CPU += cpu
		sum.Memory += memory
	}
	return sum, nil
}

// cpu reads utime, stime, cutime and cstime: the 14th field of stat and the three
// that follow, which are the 12th after the name in parentheses.
func (m *Machine) cpu(pid int) (time.Duration, error) {
	text, err := m.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 15 {
		return 0, fmt.Errorf("stat of %d is %q", pid, text)
	}
	var ticks int64
	for _, f := range fields[11:15] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}

func (m *Machine) memory(pid int) (int64, error) {
	text, err := m.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	for _, line := range strings.Split(text, "\n") {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "Pss:" {
			kb, err := strconv.ParseInt(f[1], 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("smaps_rollup of %d has no Pss", pid)
}
