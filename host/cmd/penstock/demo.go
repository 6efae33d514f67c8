package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/demo"
)

// demoCommand shows this very program at work.
func (a *app) demoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Show a connection to a gateway in a network namespace (root, needs ocserv)",
		Args:  wantArgs(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			program, err := os.Executable()
			if err != nil {
				return err
			}
			return demo.Run(c.Context(), testlab.Installed(program), a.out.out, a.outColor())
		},
	}
}
