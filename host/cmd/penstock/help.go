package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/internal/registry"
	"github.com/penstock-vpn/penstock/sdk/option"
)

const connectIntro = `Connect to a gateway and stay until the connection ends.

  penstock connect NAME       a connection of penstock.toml
  penstock connect GATEWAY    HOST, HOST:PORT or https://HOST[:PORT]/[group]

Signals: SIGINT and SIGTERM log out and disconnect, SIGHUP disconnects without
logging out, SIGUSR1 prints statistics, SIGUSR2 reconnects at once.
`

// connectHelp prints the flags; with a protocol, its options too.
func (a *app) connectHelp(_ *cobra.Command, plugins registry.Registry, protocol string) error {
	none, _ := a.newConnectFlags(nil)
	a.out.say("%s\nFlags:\n%s", connectIntro, none.FlagUsages())
	a.out.say("Options of every connection:\n%s", a.optionUsages(host.CommonOptions()))
	for _, m := range plugins.All() {
		for _, p := range m.Protocols {
			if p.Name == protocol {
				a.out.say("Options of %s:\n%s", p.Name, a.optionUsages(m.Options))
			}
		}
	}
	if protocol == "" {
		a.out.say("With --protocol P, this help has the options of that protocol too.")
	}
	a.out.say("%s", strings.TrimPrefix(exitHelp, "\n"))
	return nil
}

// optionUsages are the flags that schema adds.
func (a *app) optionUsages(schema option.Schema) string {
	f, _ := a.newConnectFlags(nil)
	with, _ := a.newConnectFlags(schema)
	without := map[string]bool{}
	for line := range strings.Lines(f.FlagUsages()) {
		without[firstFlag(line)] = true
	}
	var lines []string
	for line := range strings.Lines(with.FlagUsages()) {
		if !without[firstFlag(line)] {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

func firstFlag(line string) string {
	_, rest, _ := strings.Cut(line, "--")
	name, _, _ := strings.Cut(rest, " ")
	return name
}

// completeConnect offers the names of connections, and after "-" the flags.
func (a *app) completeConnect(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	plugins, _ := a.scan(args)
	if strings.HasPrefix(word, "-") {
		flags, _ := a.newConnectFlags(everyOption(plugins, ""))
		var names []string
		flags.VisitAll(func(f *pflag.Flag) {
			if name := "--" + f.Name; !f.Hidden && strings.HasPrefix(name, word) {
				names = append(names, name+"\t"+f.Usage)
			}
		})
		return names, cobra.ShellCompDirectiveNoFileComp
	}
	files, err := a.loadConfig()
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return files.Names(), cobra.ShellCompDirectiveDefault // values of flags may be files
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  wantArgs(0, 0),
		Run:   func(*cobra.Command, []string) { a.out.say("penstock %s", version) },
	}
}

// size is a number of bytes for people: "1.5 MB".
func size(n uint64) string {
	const units = "kMGTPE"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	value, i := float64(n)/1000, 0
	for value >= 999.95 && i < len(units)-1 {
		value, i = value/1000, i+1
	}
	return fmt.Sprintf("%.1f %cB", value, units[i])
}
