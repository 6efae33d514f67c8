package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// An accepted run is written down beside the code: what was measured, where, with
// which versions.

const preface = `# How fast Penstock is

The results of the last accepted run of ` + "`make bench ACCEPT=host/BENCHMARKS.md`" + `, which writes this page.
Client, gateway, sender and receiver share one machine, each in a network namespace of
its own, so that ratios say more than rates. The clients take turns, A B A B; each number
is the median of its turns, and what differs by less than 3 % is called the same.

- *ocserv* is what people run; it fills a core long before a client does. *load* and *gp* are
  gateways of the lab that hold no client back: AnyConnect, and GlobalProtect with ESP by
  AES-128-CBC and SHA1; *gcm* is the latter with AES-128-GCM, which openconnect has not.
- *wireguard-go*, in the same namespaces and with the same loads, shows what user space can do.
- CPU seconds are those of the client alone, kernel and plugin processes included.
- Packets a second: as many datagrams under way as a TUN device's queue holds; sent one by
  one, which costs the sender more than a tunnel, and in groups of 32 (UDP_SEGMENT), as
  QUIC sends.
- *proxy*: penstock as a proxy, which needs no root, beside penstock with a TUN device; the
  streams are of one program, which counts after the first half second.
- Pings run beside one TCP stream. Memory is the proportional set size of all processes.
`

// accept writes the page.
func accept(path string, results []result, base, other string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	fmt.Fprint(w, preface, "\n")
	for _, d := range surroundings() {
		fmt.Fprintf(w, "| %s | %s |\n", d[0], d[1])
	}
	writePage(w, results, base, other)
	writePage(w, results, byDevice, byProxy)
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// writePage writes a table a section.
func writePage(w io.Writer, results []result, base, other string) {
	for _, s := range sections {
		var rows []string
		for _, m := range s.measures {
			if row := pageRow(results, s, m, base, other); row != "" {
				rows = append(rows, row)
			}
		}
		if len(rows) == 0 {
			continue
		}
		fmt.Fprintf(w, "\n## %s\n\n| | %s | %s | ratio | | %s | ratio |\n|---|---|---|---|---|---|---|\n", s.name, base, other, yardstick.Name())
		for _, row := range rows {
			fmt.Fprintln(w, row)
		}
	}
}

func pageRow(results []result, s section, m measure, base, other string) string {
	b, ok := median(results, other, s.name, m.unit)
	if !ok {
		return ""
	}
	compared := "| |"
	first := ""
	if a, ok := median(results, base, s.name, m.unit); ok {
		first, compared = number(a), ratio(a, b)+" | "+verdict(m, a, b)+" |"
	}
	return fmt.Sprintf("| %s | %s | %s | %s %s |", m.label, first, number(b), compared, strings.ReplaceAll(beside(results, s, m, b), "\t", " | "))
}

// surroundings are the rows that say where it was measured.
func surroundings() [][2]string {
	var u unix.Utsname
	_ = unix.Uname(&u)
	return [][2]string{
		{"", ""}, {"---", "---"},
		{"date", time.Now().UTC().Format(time.DateOnly)},
		{"processor", fmt.Sprintf("%s, %d cores", processor(), runtime.NumCPU())},
		{"kernel", "Linux " + unix.ByteSliceToString(u.Release[:])},
		{"Go", runtime.Version()},
		{"penstock", saysFirst("git", "describe", "--always", "--dirty")},
		{"openconnect", saysFirst("openconnect", "--version")},
		{"ocserv", saysFirst("ocserv", "--version")},
		{"wireguard-go", moduleVersion("golang.zx2c4.com/wireguard")},
	}
}

func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// saysFirst is the first line of what a program prints.
func saysFirst(program string, args ...string) string {
	out, _ := exec.Command(program, args...).CombinedOutput()
	line, _, _ := strings.Cut(string(out), "\n")
	return cmp.Or(strings.TrimSpace(line), "unknown")
}

func moduleVersion(path string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if d.Path == path {
				return d.Version
			}
		}
	}
	return "unknown"
}
