package journal

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// process tells one process from all others: a process id alone is used again.
type process struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks since boot, field 22 of /proc/PID/stat
	Boot  string `json:"boot"`  // /proc/sys/kernel/random/boot_id
}

func self() process {
	p := process{PID: os.Getpid(), Boot: bootID()}
	p.Start, _, _ = stat(p.PID)
	return p
}

// alive says whether p still runs. A process that waits to be reaped does not.
func (p process) alive() bool {
	start, state, err := stat(p.PID)
	return err == nil && state != 'Z' && state != 'X' && start == p.Start && p.Boot == bootID()
}

func bootID() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id))
}

// stat reads a process's start time and state (proc_pid_stat(5)).
func stat(pid int) (start uint64, state byte, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	return parseStat(text)
}

// parseStat begins after the command's name, which may hold anything, in the last
// parenthesis: there stand the fields from the third on.
func parseStat(text []byte) (start uint64, state byte, err error) {
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 || len(fields[0]) != 1 {
		return 0, 0, fmt.Errorf("%d fields in a process's stat", len(fields))
	}
	start, err = strconv.ParseUint(string(fields[19]), 10, 64)
	return start, fields[0][0], err
}
