package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/cmd/penstock/internal/openconnect"
	"github.com/penstock-vpn/penstock/sdk/option"
)

// openconnectName is the command, and the name under which the program is that alone.
const openconnectName = "openconnect"

func (a *app) openconnectCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "openconnect [options] SERVER",
		Short:              "Connect by OpenConnect's command line",
		DisableFlagParsing: true,
		RunE: func(c *cobra.Command, args []string) error {
			name, again := "penstock "+openconnectName, []string{os.Args[0], openconnectName}
			if filepath.Base(os.Args[0]) == openconnectName {
				name, again = os.Args[0], os.Args[:1]
			}
			return a.openconnect(c.Context(), name, again, args)
		},
	}
}

// openconnect does what OpenConnect does with args. again is how this program is started
// once more.
func (a *app) openconnect(ctx context.Context, name string, again, args []string) error {
	p := openconnect.Program{
		Name: name, Again: again, Version: version, Stdin: a.stdin, Out: a.out.out, Err: a.out.err, Ready: a.ready, Host: a.hold,
		Schema: func(protocol string) (option.Schema, error) { return host.Schema(protocol, a.pluginDirs) },
	}
	if status := p.Main(ctx, args); status != 0 {
		return exitWith(status)
	}
	return nil
}
