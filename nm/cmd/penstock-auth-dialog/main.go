// Command penstock-auth-dialog asks people what a VPN connection needs to know. The
// agents of NetworkManager run it: nmcli --ask, nm-applet and gnome-shell.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/nm/internal/dialog"
)

// patience is how long all of it may take. NetworkManager gives an agent 120 s.
const patience = 115 * time.Second

func main() {
	if err := run(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "penstock-auth-dialog:", err)
		os.Exit(1)
	}
}

func run() error {
	keepMemory()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("nobody answered within %s", patience))
	defer cancel()
	return dialog.New(dialog.ParseArgs(os.Args[1:]), dialog.Parent(), os.Stdin, os.Stdout).Run(ctx)
}

// keepMemory keeps our memory from being written to a core file or read by others.
func keepMemory() {
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
}
