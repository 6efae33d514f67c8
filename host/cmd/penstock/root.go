package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/cmd/penstock/internal/daemon"
	"github.com/penstock-vpn/penstock/host/internal/config"
	"github.com/penstock-vpn/penstock/host/internal/registry"
	"github.com/penstock-vpn/penstock/host/netcfg"
	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
)

// app is one run of the program.
type app struct {
	stdin *os.File
	out   *output
	ready *daemon.Readiness // of a background child; nil otherwise
	hold  hold              // host.Run

	configFile string
	pluginDirs []string
	verbose    int
	runDirs    []string // of control sockets; nil: the system's
}

// hold brings a connection up and holds it until it ends.
type hold func(context.Context, host.Profile, ui.Prompter, netcfg.Applier, host.Settings) error

const exitHelp = `
Exit status: 0 ended on request, 1 other failure, 2 usage or configuration,
3 authentication refused, 4 gateway unreachable, 5 certificate refused,
6 plugin missing or refused.`

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "penstock",
		Short:         "Connect to VPN gateways of many kinds",
		Long:          "Penstock connects to VPN gateways of many kinds; each protocol is a plugin.\n" + exitHelp,
		SilenceErrors: true, SilenceUsage: true,
		Args: cobra.ArbitraryArgs,
		RunE: unknownCommand,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetOut(a.out.out)
	root.SetErr(a.out.err)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return flagError(c.Flags(), nil, err) })
	a.globalFlags(root.PersistentFlags())
	root.PersistentPreRun = func(*cobra.Command, []string) { a.setLevel() }
	root.AddCommand(a.manCommand())
	root.AddCommand(a.connectCommand(), a.disconnectCommand(), a.reconnectCommand(), a.statusCommand(),
		a.pluginCommand(), a.callbackCommand(), a.doctorCommand(), a.demoCommand(), a.nmServiceCommand(), a.versionCommand(),
		a.importCommand(), a.exportCommand(), a.takeoverCommand(), a.schemaCommand(), a.openconnectCommand())
	return root
}

// globalFlags are understood by every command.
func (a *app) globalFlags(f *pflag.FlagSet) {
	f.StringVar(&a.configFile, "config", "", "read this `FILE` instead of the system's and the user's penstock.toml")
	f.StringArrayVar(&a.pluginDirs, "plugin-dir", nil, "look for plugins in this `FOLDER` first; may be repeated")
	f.CountVarP(&a.verbose, "verbose", "v", "show details")
}

func (a *app) setLevel() {
	if a.verbose > 0 {
		a.out.level.Set(slog.LevelDebug)
	}
}

func unknownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		_ = c.Help()
		return exitWith(exitConfig)
	}
	var names []string
	for _, sub := range c.Commands() {
		names = append(names, sub.Name())
	}
	return usage(fmt.Sprintf("there is no command %s", option.Quote(args[0])), suggest(args[0], names, "see `penstock --help`"))
}

// wantArgs checks the number of arguments of a command.
func wantArgs(least, most int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return usage(fmt.Sprintf("`%s` does not go with %d arguments", c.CommandPath(), len(args)), "usage: "+c.UseLine())
		}
		return nil
	}
}

func suggest(word string, candidates []string, otherwise string) string {
	if near := option.Nearest(word, candidates); near != "" {
		return "did you mean " + near + "?"
	}
	return otherwise
}

// flagError turns pflag's words into ours, with the nearest right flag.
func flagError(f *pflag.FlagSet, schema option.Schema, err error) error {
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return usage("the flag --"+invalid.GetFlag().Name+" has a wrong value", invalid.Unwrap().Error())
	}
	name, unknown := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !unknown {
		return usage("the command line is not understood: "+err.Error(), "see `penstock connect --help`")
	}
	if o, ok := schema.Find(name); ok && o.Secret {
		return usage("--"+name+" does not exist: a command line can be read by everybody",
			fmt.Sprintf("use --%s-file FILE, or let it be asked for", name))
	}
	var names []string
	f.VisitAll(func(flag *pflag.Flag) {
		names = append(names, flag.Name)
	})
	detail := "see `penstock connect --help`, and `penstock plugin info PROTOCOL` for a protocol's options"
	if near := option.Nearest(name, names); near != "" {
		detail = "did you mean --" + near + "?"
	}
	return usage(fmt.Sprintf("there is no flag %s", option.Quote("--"+name)), detail)
}

// loadConfig reads the files of connections.
func (a *app) loadConfig() (*config.Config, error) {
	if a.configFile != "" {
		return config.LoadFile(a.configFile)
	}
	return config.Load()
}

// plugins reads the manifests; what is wrong with one is printed as a warning.
func (a *app) plugins() (registry.Registry, []diag.Diagnostic) {
	return registry.Load(registry.Dirs(os.Getenv(registry.EnvPath), a.pluginDirs...))
}
