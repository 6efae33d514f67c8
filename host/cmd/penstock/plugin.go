package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/internal/registry"
	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
)

func (a *app) pluginCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "plugin",
		Short: "List, describe and verify the plugins",
		Args:  cobra.ArbitraryArgs,
		RunE:  unknownCommand,
	}
	c.AddCommand(a.pluginListCommand(), a.pluginInfoCommand(), a.pluginVerifyCommand())
	return c
}

// pluginObject is one plugin in JSON.
type pluginObject struct {
	Name      string           `json:"name"`
	Version   string           `json:"version"`
	Protocols []protocolObject `json:"protocols"`
	Manifest  string           `json:"manifest"`
	Exec      string           `json:"exec"`
	SHA256    string           `json:"sha256"`
	Needs     []string         `json:"needs"`
	Verified  *bool            `json:"verified,omitempty"` // verify only
	Error     string           `json:"error,omitempty"`
	Options   []optionObject   `json:"options,omitempty"` // info only
}

type protocolObject struct {
	Name  string `json:"name"`
	Label string `json:"label"`
}

type optionObject struct {
	Key      string      `json:"key"`
	Type     option.Type `json:"type"`
	Label    string      `json:"label"`
	Help     string      `json:"help"`
	Default  string      `json:"default"`
	Required bool        `json:"required"`
	Secret   bool        `json:"secret"`
	Choices  []string    `json:"choices,omitempty"`
}

func object(m registry.Manifest) pluginObject {
	o := pluginObject{Name: m.Name, Version: m.Version, Manifest: m.Path, Exec: m.Exec, SHA256: m.SHA256, Needs: m.Needs, Protocols: []protocolObject{}}
	if o.Needs == nil {
		o.Needs = []string{}
	}
	for _, p := range m.Protocols {
		o.Protocols = append(o.Protocols, protocolObject{p.Name, p.Label})
	}
	return o
}

func (a *app) pluginListCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list [--json]",
		Short: "List the installed plugins",
		Args:  wantArgs(0, 0),
		RunE: func(*cobra.Command, []string) error {
			plugins, notes := a.plugins()
			a.notes(notes)
			if asJSON {
				var all []pluginObject
				for _, m := range plugins.All() {
					all = append(all, object(m))
				}
				return printJSON(a.out.out, all)
			}
			a.printPlugins(plugins.All())
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a list of objects, for programs")
	return c
}

// notes prints what is wrong with manifests; the other plugins can be used.
func (a *app) notes(found []diag.Diagnostic) {
	for _, d := range found {
		d.Warning = true
		a.out.diagnostic(d)
	}
}

func (a *app) printPlugins(all []registry.Manifest) {
	if len(all) == 0 {
		a.out.say("No plugin is installed.")
		return
	}
	rows := [][]string{{"PLUGIN", "VERSION", "PROTOCOLS", "MANIFEST"}}
	for _, m := range all {
		rows = append(rows, []string{m.Name, m.Version, protocolNames(m), m.Path})
	}
	printTable(a.out.out, rows, unstyled)
}

func protocolNames(m registry.Manifest) string {
	var names []string
	for _, p := range m.Protocols {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

func (a *app) pluginInfoCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "info PLUGIN|PROTOCOL [--json]",
		Short: "Describe a plugin and its options",
		Args:  wantArgs(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			plugins, _ := a.plugins()
			m, err := find(plugins, args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(a.out.out, []pluginObject{described(m)})
			}
			a.printPlugin(m)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a list of one object, for programs")
	return c
}

// find takes a plugin's name or a protocol's.
func find(plugins registry.Registry, word string) (registry.Manifest, error) {
	for _, m := range plugins.All() {
		if m.Name == word {
			return m, nil
		}
	}
	return plugins.Lookup(word)
}

func described(m registry.Manifest) pluginObject {
	o := object(m)
	for _, opt := range append(host.CommonOptions(), m.Options...) {
		o.Options = append(o.Options, optionObject{opt.Key, opt.Type, opt.Label, opt.Help, opt.Default, opt.Required, opt.Secret, opt.Choices})
	}
	return o
}

func (a *app) printPlugin(m registry.Manifest) {
	a.out.say("%s %s", m.Name, m.Version)
	for _, p := range m.Protocols {
		a.out.say("  protocol  %s  %s", p.Name, ui.Line(p.Label))
	}
	a.out.say("  manifest  %s\n  program   %s\n  sha256    %s\n  needs     %s", m.Path, m.Exec, m.SHA256, strings.Join(m.Needs, ", "))
	a.out.say("\nIts options (keys of penstock.toml, and flags of `penstock connect`):")
	a.printOptions(m.Options)
	a.out.say("\nOptions of every connection:")
	a.printOptions(host.CommonOptions())
}

func (a *app) printOptions(schema option.Schema) {
	var rows [][]string
	for _, o := range schema {
		rows = append(rows, []string{"", o.Key, o.Type.String(), ui.Line(helpOf(o))})
	}
	printTable(a.out.out, rows, unstyled)
}

func (a *app) pluginVerifyCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "verify [PLUGIN|PROTOCOL ...] [--json]",
		Short: "Check that plugins are what was installed",
		Args:  wantArgs(0, 64),
		RunE: func(_ *cobra.Command, args []string) error {
			plugins, notes := a.plugins()
			chosen, err := choose(plugins, args)
			if err != nil {
				return err
			}
			if len(args) > 0 {
				notes = nil // about manifests that were not asked for
			}
			return a.verify(chosen, notes, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a list of objects, for programs")
	return c
}

func choose(plugins registry.Registry, words []string) ([]registry.Manifest, error) {
	if len(words) == 0 {
		return plugins.All(), nil
	}
	var chosen []registry.Manifest
	for _, word := range words {
		m, err := find(plugins, word)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, m)
	}
	return chosen, nil
}

func (a *app) verify(chosen []registry.Manifest, notes []diag.Diagnostic, asJSON bool) error {
	refused, warnings := split(notes)
	a.notes(warnings)
	var all []pluginObject
	for _, m := range chosen {
		o, good := object(m), true
		if err := m.Verify(); err != nil {
			good, o.Error = false, err.Error()
			refused = append(refused, *diag.Of(err))
		} else if !asJSON {
			a.out.say("%s %s: %s is what was installed", m.Name, m.Version, m.Exec)
		}
		o.Verified = &good
		all = append(all, o)
	}
	if asJSON {
		if err := printJSON(a.out.out, all); err != nil {
			return err
		}
	}
	if len(refused) > 0 {
		return slices.Clip(refused)
	}
	if len(chosen) == 0 && !asJSON {
		return diag.New(diag.Plugin, "no plugin is installed", fmt.Sprintf("install one, or name its folder with --plugin-dir or %s", registry.EnvPath))
	}
	return nil
}
