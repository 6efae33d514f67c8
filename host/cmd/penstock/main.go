// Command penstock connects to VPN gateways and looks after the connections.
//
//	connect    main.go -> connect.go: flags, target, profile -> run.go: host.Run
//	           background.go puts a launcher before it
//	the rest   status.go, disconnect.go, plugin.go, doctor.go ask and print
package main

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/cmd/penstock/internal/asroot"
	"github.com/penstock-vpn/penstock/host/cmd/penstock/internal/daemon"
	"github.com/penstock-vpn/penstock/host/internal/plugin"
	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// version is set by the build.
var version = "unknown"

func main() {
	plugin.MaybeStage()
	asroot.MaybeServe()
	testlab.Init()
	ready := daemon.Take()
	signal.Ignore(unix.SIGPIPE) // a reader that goes away must not end the tunnel
	a := &app{stdin: os.Stdin, out: newOutput(os.Stdout, os.Stderr), ready: ready, hold: host.Run}
	os.Exit(a.main(context.Background(), arguments(os.Args)))
}

// arguments are what follows the program's name; the names under which
// NetworkManager starts the service, and scripts OpenConnect, stand for commands.
func arguments(argv []string) []string {
	switch filepath.Base(argv[0]) {
	case nmServiceName:
		return append([]string{"nm-service"}, argv[1:]...)
	case openconnectName:
		return append([]string{openconnectName}, argv[1:]...)
	}
	return argv[1:]
}

// main runs one command and returns the exit status.
func (a *app) main(ctx context.Context, args []string) int {
	root := a.rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	a.out.problem(err)
	return exitStatus(err)
}
