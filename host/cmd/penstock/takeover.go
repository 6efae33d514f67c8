package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/penstock-vpn/penstock/host/foreign"
	"github.com/penstock-vpn/penstock/nm/takeover"
)

const takeoverIntro = `Have NetworkManager start penstock for the connections of its other VPN plugins:
they come up as they are, and can be edited as before. With disable the plugin itself
serves them again. Connections that are up stay as they are.

What has no counterpart is named in the journal when a connection comes up; see
` + "`penstock import FILE`" + ` for a look at one beforehand.`

// everything stands for all services.
const everything = "all"

func (a *app) takeoverCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "takeover",
		Short: "Serve connections of NetworkManager's other VPN plugins",
		Long:  takeoverIntro,
		Args:  cobra.ArbitraryArgs,
		RunE:  unknownCommand,
	}
	c.AddCommand(a.takeoverListCommand(),
		a.takeoverChange("enable", "Serve them from now on", takeover.System.Enable),
		a.takeoverChange("disable", "Give them back to their own plugins", takeover.System.Disable))
	return c
}

// takeoverChange is the command that does something to services.
func (a *app) takeoverChange(verb, short string, change func(name string) error) *cobra.Command {
	return &cobra.Command{
		Use:       verb + " SERVICE...|" + everything,
		Short:     short,
		Args:      wantArgs(1, len(foreign.Services())),
		ValidArgs: append(foreign.Services(), everything),
		RunE: func(_ *cobra.Command, names []string) error {
			if slices.Equal(names, []string{everything}) {
				names = foreign.Services()
			}
			for _, name := range names {
				if err := change(name); err != nil {
					return err
				}
			}
			return a.printServices(names)
		},
	}
}

// serviceObject is a service in JSON.
type serviceObject struct {
	Name     string   `json:"name"`
	Penstock bool     `json:"penstock"`
	File     string   `json:"file"` // that NetworkManager goes by
	Others   []string `json:"others"`
}

func (a *app) takeoverListCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list [--json]",
		Short: "List the services, and who serves them",
		Args:  wantArgs(0, 0),
		RunE: func(*cobra.Command, []string) error {
			if !asJSON {
				return a.printServices(foreign.Services())
			}
			list, err := takeover.System.List()
			if err != nil {
				return err
			}
			var all []serviceObject
			for _, s := range list {
				all = append(all, serviceObject{s.Name, s.Ours(), s.By, append([]string{}, s.Others...)})
			}
			return printJSON(a.out.out, all)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a list of objects, for programs")
	return c
}

func (a *app) printServices(names []string) error {
	list, err := takeover.System.List()
	if err != nil {
		return err
	}
	rows := [][]string{{"SERVICE", "SERVED BY", "OTHER PLUGINS THAT ARE THERE"}}
	for _, s := range list {
		if !slices.Contains(names, s.Name) {
			continue
		}
		by := "nobody"
		switch {
		case s.Ours():
			by = "penstock"
		case s.By != "":
			by = s.By
		}
		others := slices.DeleteFunc(slices.Clone(s.Others), func(path string) bool { return path == s.By })
		rows = append(rows, []string{s.Name, by, cmp.Or(strings.Join(others, ", "), "-")})
	}
	printTable(a.out.out, rows, unstyled)
	return nil
}
