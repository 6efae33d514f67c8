package testlab

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Snapshot is all of a machine that a VPN client could change, as lines: two of
// them tell what was left behind.
type Snapshot []string

// views are the commands whose output counts, each line with the command's name.
var views = [][]string{
	{"ip", "-details", "address"},
	{"ip", "-4", "rule"}, {"ip", "-6", "rule"},
	{"ip", "-4", "route", "show", "table", "all"}, {"ip", "-6", "route", "show", "table", "all"},
	{"ip", "tuntap"},
	{"nft", "list", "tables"},
	{"ss", "-Htuna", "state", "listening"}, {"ss", "-Htuna", "state", "established"}, {"ss", "-Htuna", "state", "syn-sent"},
	{"ss", "-Hxl"},
}

// trees are folders whose files count, with content.
var trees = []string{"/run", "/var/run", "/var/lib/penstock"}

// runtimeFolder is shared by all connections, so that even the last one leaves it;
// what is in it counts.
const runtimeFolder = "/run/penstock"

// Snapshot looks at everything.
func (m *Machine) Snapshot() (Snapshot, error) {
	var s Snapshot
	for _, view := range views {
		out, err := m.Run(view...)
		if err != nil {
			return nil, err
		}
		for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
			s = append(s, strings.Join(view, " ")+": "+strings.Join(strings.Fields(line), " "))
		}
	}
	for _, tree := range append(trees, filepath.Join(m.Dir, "tmp")) {
		s = append(s, m.tree(tree)...)
	}
	s = append(s, m.etc()...)
	s = append(s, m.mounts()...)
	for _, p := range m.Programs() {
		s = append(s, "process: "+p.Command)
	}
	slices.Sort(s)
	return s, nil
}

func (m *Machine) tree(root string) []string {
	var lines []string
	filepath.WalkDir(m.Path(root), func(path string, d fs.DirEntry, err error) error {
		if err == nil && path != m.Path(runtimeFolder) { // an error: not there, or gone meanwhile
			lines = append(lines, "file: "+strings.TrimPrefix(path, m.Path(""))+" "+content(path, d))
		}
		return nil
	})
	return lines
}

// etc lists what differs from our own /etc: the upper layer, without copies that
// are like the lower. What else changes in /etc meanwhile is not the machine's.
func (m *Machine) etc() []string {
	upper := m.Path(filepath.Join(m.Dir, "overlay", "up"))
	var lines []string
	filepath.WalkDir(upper, func(path string, d fs.DirEntry, err error) error {
		below := filepath.Join("/etc", strings.TrimPrefix(path, upper))
		if info, missing := os.Lstat(below); err == nil && (missing != nil || content(below, fs.FileInfoToDirEntry(info)) != content(path, d)) {
			lines = append(lines, "file: "+below+" "+content(path, d))
		}
		return nil
	})
	return lines
}

// content is the type of a file and the sum of what it holds.
func content(path string, d fs.DirEntry) string {
	if !d.Type().IsRegular() {
		return d.Type().String()
	}
	return fmt.Sprintf("%s %x", d.Type(), sha256.Sum256([]byte(readFile(path))))
}

// mounts leaves out the named namespaces of others: they go when those do.
func (m *Machine) mounts() []string {
	var lines []string
	for _, line := range strings.Split(strings.TrimSpace(readFile(fmt.Sprintf("/proc/%d/mounts", m.init.Process.Pid))), "\n") {
		if !strings.HasPrefix(line, "nsfs ") {
			lines = append(lines, "mount: "+line)
		}
	}
	return lines
}

// Program is a process as the machine itself sees it.
type Program struct {
	Pid     int
	Command string
	Uid     string
}

// Programs lists the machine's processes, without the first.
func (m *Machine) Programs() []Program {
	entries, _ := os.ReadDir(m.Path("/proc"))
	var all []Program
	for _, e := range entries {
		var pid int
		if _, err := fmt.Sscanf(e.Name(), "%d", &pid); err != nil || pid == 1 {
			continue
		}
		if p, ok := m.program(pid); ok {
			all = append(all, p)
		}
	}
	return all
}

func (m *Machine) program(pid int) (Program, bool) {
	dir := m.Path(fmt.Sprintf("/proc/%d/", pid))
	p := Program{Pid: pid, Command: strings.TrimSpace(strings.ReplaceAll(readFile(dir+"cmdline"), "\x00", " "))}
	for _, line := range strings.Split(readFile(dir+"status"), "\n") {
		switch f := strings.Fields(line); {
		case len(f) < 2:
		case f[0] == "Name:" && p.Command == "":
			p.Command = "[" + f[1] + "]"
		case f[0] == "Uid:":
			p.Uid = f[1]
		}
	}
	return p, p.Uid != ""
}

// Kill sends a signal, by name or number, to a process by the machine's own number
// for it.
func (m *Machine) Kill(signal string, pid int) error {
	_, err := m.Run("kill", "-"+signal, fmt.Sprint(pid))
	return err
}

// Diff returns what b has and a has not with "+", the reverse with "-".
func (a Snapshot) Diff(b Snapshot) []string {
	var out []string
	for _, line := range b {
		if !slices.Contains(a, line) {
			out = append(out, "+ "+line)
		}
	}
	for _, line := range a {
		if !slices.Contains(b, line) {
			out = append(out, "- "+line)
		}
	}
	return out
}
