package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/cmd/penstock/internal/manpage"
	"github.com/penstock-vpn/penstock/host/internal/registry"
)

// manCommand writes the manual pages, for packages: all that they say comes from
// the commands and the schemas.
func (a *app) manCommand() *cobra.Command {
	var date string
	c := &cobra.Command{
		Use:    "man FOLDER [--date DAY]",
		Short:  "Write the manual pages of the commands and of the plugins of --plugin-dir into a folder",
		Hidden: true,
		Args:   wantArgs(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			day, err := time.Parse(time.DateOnly, date)
			if err != nil {
				return usage("the day is not understood", "write it as 2026-01-31")
			}
			var dirs []registry.Dir // what is installed here is of no concern
			for _, path := range a.pluginDirs {
				dirs = append(dirs, registry.Dirs("", path)[2:]...)
			}
			plugins, refused := registry.Load(dirs)
			if err := a.report(refused); err != nil {
				return err
			}
			return writePages(args[0], a.manual(c.Root(), plugins, day))
		},
	}
	c.Flags().StringVar(&date, "date", time.Now().UTC().Format(time.DateOnly), "the pages are of this `DAY`")
	return c
}

// writePages writes each page to its file.
func writePages(folder string, pages map[string]*manpage.Page) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for name, page := range pages {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(page.String()), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// manual makes all pages, by the names of their files.
func (a *app) manual(root *cobra.Command, plugins registry.Registry, day time.Time) map[string]*manpage.Page {
	pages := map[string]*manpage.Page{}
	begin := func(name, section, summary string) *manpage.Page {
		p := manpage.New(manpage.Head{Name: name, Section: section, Summary: summary, Date: day, Version: version})
		pages[name+"."+section] = p
		return p
	}
	protocols := []string{}
	for _, m := range plugins.All() {
		for _, proto := range m.Protocols {
			protocols = append(protocols, "penstock-"+proto.Name+"(7)")
			protocolPage(begin("penstock-"+proto.Name, "7", "options of "+proto.Label+" in penstock"), m, proto)
		}
	}
	var commands []string
	for _, c := range root.Commands() {
		if !documented(c) {
			continue
		}
		name := "penstock-" + c.Name()
		commands = append(commands, name+"(1)")
		a.commandPage(begin(name, "1", lower(c.Short)), c)
	}
	also := append([]string{"penstock.toml(5)"}, protocols...)
	rootPage(begin("penstock", "1", lower(root.Short)), root, append(commands, also...))
	filePage(begin("penstock.toml", "5", "connections of penstock"), host.CommonOptions(), append([]string{"penstock-connect(1)"}, protocols...))
	pages["penstock-connect.1"].SeeAlso(append([]string{"penstock(1)"}, also...)...)
	return pages
}

func documented(c *cobra.Command) bool {
	return c.IsAvailableCommand() && c.Name() != "help" && c.Name() != "completion"
}

// lower begins a sentence in small letters, as whatis(1) wants it.
func lower(sentence string) string {
	if sentence == "" {
		return ""
	}
	return fmt.Sprintf("%c%s", sentence[0]|0x20, sentence[1:])
}
