package testlab

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Penstock is what `make build` left in a folder.
type Penstock struct {
	Bin    string // the folder: penstock, plugins/
	system bool   // plugins are the system's
}

// FindPenstock looks for bin/ in the module's root, or in the folder that
// PENSTOCK_BIN names.
func FindPenstock() (Penstock, error) {
	p := Penstock{Bin: os.Getenv("PENSTOCK_BIN")}
	if p.Bin == "" {
		out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
		if err != nil {
			return Penstock{}, fmt.Errorf("go list -m: %w", err)
		}
		p.Bin = filepath.Join(strings.TrimSpace(string(out)), "bin")
	}
	for _, need := range []string{p.Program(), filepath.Join(p.Plugins(), "anyconnect.toml")} {
		if _, err := os.Stat(need); err != nil {
			return p, fmt.Errorf("run `make build` first: %w", err)
		}
	}
	return p, nil
}

// Installed is the program at path with the plugins beside it, or else the system's.
func Installed(path string) Penstock {
	p := Penstock{Bin: filepath.Dir(path)}
	if _, err := os.Stat(p.Plugins()); err != nil {
		p.system = true
	}
	return p
}

// Program is the path of the program.
func (p Penstock) Program() string { return filepath.Join(p.Bin, "penstock") }

// Plugins is the folder of the plugins and their manifests.
func (p Penstock) Plugins() string { return filepath.Join(p.Bin, "plugins") }

// Name implements Client.
func (Penstock) Name() string { return "penstock" }

// Args implements Client.
func (p Penstock) Args(l *Lab, s Spec) []string {
	args := []string{p.Program(), "connect", "--protocol", s.Protocol, "--cafile", l.PKI.Cert(s.CA)}
	if !p.system {
		args = append(args, "--plugin-dir", p.Plugins())
	}
	add := func(flag, value string) {
		if value != "" {
			args = append(args, flag, value)
		}
	}
	add("--username", s.Username)
	add("--authgroup", s.Group)
	add("--interface", s.Interface)
	add("--script", s.Script)
	switch {
	case s.Bundle:
		args = append(args, "--usercert", l.PKI.P12(s.Cert), "--key-password-file", l.PKI.P12PasswordFile())
	case s.Cert != "":
		args = append(args, "--usercert", l.PKI.Cert(s.Cert), "--userkey", l.PKI.Key(s.Cert))
	}
	if s.Answers != nil {
		args = append(args, "--password-stdin")
	}
	if s.NoDTLS {
		args = append(args, "--no-dtls")
	}
	return append(append(args, s.Extra...), s.URL)
}

// Status is one object of `penstock status --json`, as its documentation has it.
type Status struct {
	Name        string         `json:"name"`
	Protocol    string         `json:"protocol"`
	State       string         `json:"state"`
	Interface   string         `json:"interface"`
	Gateway     string         `json:"gateway"`
	Addresses   []netip.Prefix `json:"addresses"`
	MTU         int            `json:"mtu"`
	Transport   string         `json:"transport"`
	Cipher      string         `json:"cipher"`
	RxBytes     int64          `json:"rx_bytes"`
	TxBytes     int64          `json:"tx_bytes"`
	RxPackets   int64          `json:"rx_packets"`
	TxPackets   int64          `json:"tx_packets"`
	ConnectedAt time.Time      `json:"connected_at"`
	PluginPID   int            `json:"plugin_pid"`
}

// Status asks for the client's connections.
func (p Penstock) Status(l *Lab) ([]Status, error) {
	out, err := l.Client.Run(p.Program(), "status", "--json")
	if err != nil {
		return nil, err
	}
	var all []Status
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		return nil, fmt.Errorf("status --json: %w: %s", err, out)
	}
	return all, nil
}

// AwaitStatus waits until there is one connection and it is as ready says.
func (p Penstock) AwaitStatus(ctx context.Context, l *Lab, what string, ready func(Status) bool) (Status, error) {
	var last []Status
	var failed error
	err := Await(ctx, "status: "+what, func() bool {
		last, failed = p.Status(l)
		return failed == nil && len(last) == 1 && ready(last[0])
	})
	if err != nil {
		return Status{}, fmt.Errorf("%w; it was %+v, %v", err, last, failed)
	}
	return last[0], nil
}
