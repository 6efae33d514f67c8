package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/cmd/penstock/internal/manpage"
	"github.com/penstock-vpn/penstock/host/internal/config"
	"github.com/penstock-vpn/penstock/host/internal/registry"
	"github.com/penstock-vpn/penstock/sdk/option"
)

// What is in each page; man.go says which pages there are.

func rootPage(p *manpage.Page, root *cobra.Command, also []string) {
	p.Section("Synopsis")
	p.Synopsis("penstock COMMAND [ARGUMENT ...]")
	p.Section("Description")
	intro, _, _ := strings.Cut(root.Long, exitHelp)
	p.Text(intro)
	p.Section("Commands")
	for _, c := range root.Commands() {
		if documented(c) {
			p.Item("penstock "+c.Use, c.Short+".")
		}
	}
	p.Section("Options of every command")
	flagItems(p, root.PersistentFlags())
	p.Section("Files")
	for _, path := range []string{config.SystemFile, "~/.config/penstock/penstock.toml"} {
		p.Item(path, "Connections, see penstock.toml(5).")
	}
	for _, dir := range registry.Dirs("") {
		p.Item(dir.Path, "Manifests of plugins.")
	}
	exitSection(p)
	p.SeeAlso(also...)
}

func exitSection(p *manpage.Page) {
	p.Section("Exit status")
	p.Text(strings.TrimPrefix(strings.TrimSpace(exitHelp), "Exit status: "))
}

// commandPage is of one command and the commands below it.
func (a *app) commandPage(p *manpage.Page, c *cobra.Command) {
	p.Section("Synopsis")
	below := c.Commands()
	if len(below) == 0 {
		p.Synopsis("penstock " + c.Use)
	}
	for _, sub := range below {
		p.Synopsis("penstock " + c.Name() + " " + sub.Use)
	}
	p.Section("Description")
	if c.Name() == "connect" {
		a.connectPage(p)
		return
	}
	p.Text(c.Short + ".")
	p.Text(c.Long)
	if c.LocalNonPersistentFlags().HasAvailableFlags() {
		p.Section("Options")
		flagItems(p, c.LocalNonPersistentFlags())
	}
	for _, sub := range below {
		p.Sub(sub.Name())
		p.Text(sub.Short + ".")
		flagItems(p, sub.LocalNonPersistentFlags())
	}
	exitSection(p)
	p.SeeAlso("penstock(1)")
}

func (a *app) connectPage(p *manpage.Page) {
	intro, signals, _ := strings.Cut(connectIntro, "Signals: ")
	p.Text(intro)
	p.Section("Options")
	flags, _ := a.newConnectFlags(nil)
	flagItems(p, flags)
	p.Section("Options of every connection")
	a.connectItems(p, host.CommonOptions())
	p.Section("Signals")
	p.Text(signals)
	exitSection(p)
}

// connectItems are the flags that schema adds.
func (a *app) connectItems(p *manpage.Page, schema option.Schema) {
	ours, _ := a.newConnectFlags(nil)
	all, _ := a.newConnectFlags(schema)
	all.VisitAll(func(f *pflag.Flag) {
		if ours.Lookup(f.Name) == nil {
			flagItem(p, f)
		}
	})
}

func flagItems(p *manpage.Page, flags *pflag.FlagSet) {
	flags.VisitAll(func(f *pflag.Flag) { flagItem(p, f) })
}

func flagItem(p *manpage.Page, f *pflag.Flag) {
	if f.Hidden {
		return
	}
	value, help := pflag.UnquoteUsage(f)
	term := "--" + f.Name
	if f.Shorthand != "" {
		term = "-" + f.Shorthand + ", " + term
	}
	if value != "" && f.NoOptDefVal == "" {
		term += " " + value
	}
	p.Item(term, sentence(help))
}

// sentence makes one of a line of help.
func sentence(help string) string {
	if help == "" {
		return ""
	}
	return strings.ToUpper(help[:1]) + strings.TrimSuffix(help[1:], ".") + "."
}

// protocolPage lists what a plugin adds.
func protocolPage(p *manpage.Page, m registry.Manifest, proto registry.Protocol) {
	p.Section("Synopsis")
	p.Synopsis("penstock connect --protocol " + proto.Name + " NAME|GATEWAY [--OPTION ...]")
	p.Section("Description")
	p.Text(fmt.Sprintf("These options of %s stand beside those of every connection. Each is a key of penstock.toml(5), a flag --KEY of penstock-connect(1), "+
		"and a key of a NetworkManager connection's vpn.data. The plugin is %s %s.", proto.Label, m.Name, m.Version))
	optionSections(p, m.Options)
	p.SeeAlso("penstock(1)", "penstock-connect(1)", "penstock.toml(5)")
}

// filePage describes penstock.toml.
func filePage(p *manpage.Page, schema option.Schema, also []string) {
	p.Section("Synopsis")
	p.Text("  " + config.SystemFile + "\n  ~/.config/penstock/penstock.toml")
	p.Section("Description")
	p.Text("Each table is a connection, and its keys are options: those below, and those of its protocol. " +
		"A connection of the user's file stands in place of the system's of the same name.\n\n" +
		"  [connection.corp]\n  protocol = \"anyconnect\"\n  gateway  = \"vpn.example.com\"\n  username = \"alice\"\n\n" +
		"A secret KEY is written as KEY, or as KEY-file with the path of a file that holds it in its first line, " +
		"or it is the systemd credential penstock.NAME.KEY. Nobody but its owner may read a file with a secret in it.")
	optionSections(p, schema)
	p.SeeAlso(also...)
}

// optionSections lists a schema by its groups, in the order in which they appear.
func optionSections(p *manpage.Page, schema option.Schema) {
	var groups []string
	by := map[string]option.Schema{}
	for _, o := range schema {
		if _, known := by[o.Group]; !known {
			groups = append(groups, o.Group)
		}
		by[o.Group] = append(by[o.Group], o)
	}
	for _, group := range groups {
		p.Section(strings.TrimSpace("Options: " + group))
		for _, o := range by[group] {
			optionItem(p, o)
		}
	}
}

func optionItem(p *manpage.Page, o option.Option) {
	about := []string{sentence(o.Help)}
	switch {
	case o.Secret:
		about = append(about, "A secret.")
	case o.Type != option.String:
		about = append(about, "Takes "+o.Allowed()+".")
	}
	if o.Default != "" {
		about = append(about, "The default is "+o.Default+".")
	}
	if o.Required {
		about = append(about, "Required.")
	}
	p.Item(o.Key, about...)
}
