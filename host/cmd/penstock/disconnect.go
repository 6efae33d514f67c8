package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/penstock-vpn/penstock/host/internal/control"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
)

func (a *app) disconnectCommand() *cobra.Command {
	var keep bool
	c := &cobra.Command{
		Use:               "disconnect NAME",
		Short:             "Log out and end a connection; wait until it has ended",
		Args:              wantArgs(1, 1),
		ValidArgsFunction: a.completeRunning,
		RunE: func(c *cobra.Command, args []string) error {
			if keep {
				return a.act(c.Context(), args[0], control.Hangup)
			}
			return a.act(c.Context(), args[0], control.Disconnect)
		},
	}
	c.Flags().BoolVar(&keep, "keep-session", false, "do not log out: the session stays alive at the gateway")
	return c
}

func (a *app) reconnectCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "reconnect NAME",
		Short:             "Check a connection's path now, and reconnect if it is dead",
		Args:              wantArgs(1, 1),
		ValidArgsFunction: a.completeRunning,
		RunE: func(c *cobra.Command, args []string) error {
			return a.act(c.Context(), args[0], control.Reconnect)
		},
	}
}

// act asks the connection of that name, wherever it runs.
func (a *app) act(ctx context.Context, name string, what control.Action) error {
	if !control.ValidName(name) {
		return usage(fmt.Sprintf("%s is no name of a connection", option.Quote(name)), "see `penstock status`")
	}
	for _, dir := range a.controlDirs() {
		err := control.Do(ctx, dir, name, what)
		if !errors.Is(err, control.ErrNotRunning) {
			return err
		}
	}
	return diag.New(diag.Config, fmt.Sprintf("no connection called %s is running", name),
		suggest(name, a.running(ctx), "see `penstock status`"))
}

func (a *app) running(ctx context.Context) []string {
	all, _ := control.List(ctx, a.controlDirs())
	var names []string
	for _, s := range all {
		names = append(names, s.Name)
	}
	return names
}

func (a *app) completeRunning(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.running(c.Context()), cobra.ShellCompDirectiveNoFileComp
}

// warning makes an error one.
func warning(err error) diag.Diagnostic {
	d := *diag.Of(err)
	if summary := err.Error(); d.Detail != "" && summary != d.Error() {
		d.Summary, d.Detail = summary, "" // what wraps it says where
	}
	d.Warning = true
	return d
}
