package testlab

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

//go:embed testdata/guest
var guestFiles embed.FS

// The addresses of a guest's cable.
const (
	GuestV4   = "10.78.0.2"
	guestHost = "10.78.0.1"
	guestTap  = "tap0"
)

// Guest is a Linux in user mode on the gateway, for what this machine's kernel has not:
// PPP. Its files are the gateway's.
//
//	gateway tap0 10.78.0.1 --- vec0 10.78.0.2 guest
type Guest struct{ *Process }

// StartGuest starts a guest that runs a shell script, and waits until that says "ready".
func (l *Lab) StartGuest(script string) (*Guest, error) {
	m := l.Gateway
	dir := filepath.Join(m.Dir, "guest")
	init, err := guestFiles.ReadFile("testdata/guest/init.sh")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	for name, text := range map[string]string{"init.sh": string(init), "script.sh": script} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			return nil, err
		}
	}
	if _, err := m.Run("ip", "tuntap", "add", guestTap, "mode", "tap"); err != nil {
		return nil, err
	}
	if err := errors.Join(m.address(guestTap, guestHost+"/24"), m.setUp(guestTap)); err != nil {
		return nil, err
	}
	p, err := m.Start(Command{Args: []string{
		"/usr/bin/linux.uml", "mem=256M", "rootfstype=hostfs", "rootflags=/", "rw", "init=" + filepath.Join(dir, "init.sh"),
		"uml_dir=" + dir, "umid=guest", "vec0:transport=tap,ifname=" + guestTap + ",depth=64", "con=null", "con0=null,fd:1", "quiet",
		"GUEST=" + dir, "GUEST_ADDRESS=" + GuestV4 + "/24", "GUEST_ROUTE=" + guestHost, "GUEST_NAME=" + GatewayName,
	}})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	if err := p.Expect(ctx, regexp.MustCompile(`(?m)^ready`)); err != nil {
		return nil, fmt.Errorf("a guest: %w: %s", err, p.Tail(20))
	}
	return &Guest{p}, nil
}
