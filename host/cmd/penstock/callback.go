package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/penstock-vpn/penstock/host/ui/callback"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// callbackCommand is what desktops run for the schemes of packaging/*.desktop.
func (a *app) callbackCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "callback ADDRESS",
		Short: "Hand the address that a browser's login ends at to the login that waits for it",
		Args:  wantArgs(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			err := callback.Send(c.Context(), args[0], os.Getuid())
			switch {
			case errors.Is(err, callback.ErrNoAddress):
				return usage(err.Error(), "usage: "+c.UseLine())
			case errors.Is(err, callback.ErrNobody):
				return diag.New(diag.Unspecified, err.Error(), "start the connection again, and log in while it waits")
			}
			return err
		},
	}
}
