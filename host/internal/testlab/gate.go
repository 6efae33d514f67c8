package testlab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// startGate builds a gateway that is a program of the plugins' own, has start run it on
// the gateway machine, and waits until it says "ready" and its TUN device has the
// address inside.
func (l *Lab) startGate(start func(Command) (*Process, error), name, source string, args []string, inside string) (*Process, error) {
	program := filepath.Join(l.Gateway.Dir, name)
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return nil, fmt.Errorf("go list -m: %w", err)
	}
	build := exec.Command("go", "build", "-o", program, source)
	build.Dir, build.Env = strings.TrimSpace(string(root)), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", name, err, out)
	}
	p, err := start(Command{Args: append([]string{program}, args...)})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := p.Expect(ctx, regexp.MustCompile(`ready`)); err != nil {
		return nil, err
	}
	const device = "vpns0"
	return p, errors.Join(l.Gateway.address(device, inside+"/24"), l.Gateway.setUp(device))
}
