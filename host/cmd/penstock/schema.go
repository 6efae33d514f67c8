package main

import (
	"github.com/spf13/cobra"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/sdk/option"
)

// schemaObject is what the editor of NetworkManager draws connections by.
type schemaObject struct {
	Protocols []schemaProtocol `json:"protocols"`
	// New are keys of vpn.data that a new connection begins with: what is asked for in
	// mid-login is good for once.
	New map[string]string `json:"new"`
}

type schemaProtocol struct {
	Name    string         `json:"name"`
	Label   string         `json:"label"`
	Options []schemaOption `json:"options"`
}

// schemaOption is an option with all that a form needs, in words too.
type schemaOption struct {
	Key       string           `json:"key"`
	Type      option.Type      `json:"type"`
	Label     string           `json:"label"`
	Help      string           `json:"help"`
	Default   string           `json:"default"`
	Required  bool             `json:"required"`
	Secret    bool             `json:"secret"`
	Choices   []string         `json:"choices"`
	Group     string           `json:"group"`
	Advanced  bool             `json:"advanced"`
	VisibleIf *schemaCondition `json:"visible-if,omitempty"`
	Min       int64            `json:"min"`
	Max       int64            `json:"max"`
	Allowed   string           `json:"allowed"` // "a whole number from 1 to 5"
}

type schemaCondition struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// schemaCommand prints the options of all protocols, for the editor: it is not for
// people, who have `penstock plugin info`.
func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "schema",
		Short:  "Print the options of all protocols in JSON",
		Hidden: true,
		Args:   wantArgs(0, 0),
		RunE: func(*cobra.Command, []string) error {
			plugins, notes := a.plugins()
			a.notes(notes)
			all := schemaObject{Protocols: []schemaProtocol{}, New: map[string]string{}}
			for _, key := range []string{"otp", "confirm", "sso"} {
				all.New[key+"-flags"] = "2" // asked for each time
			}
			for _, m := range plugins.All() {
				schema := append(host.CommonOptions(), m.Options...)
				for _, p := range m.Protocols {
					all.Protocols = append(all.Protocols, schemaProtocol{p.Name, p.Label, formOptions(schema)})
				}
			}
			return printJSON(a.out.out, []schemaObject{all})
		},
	}
}

// formOptions leaves out what a NetworkManager connection does not have, and the
// protocol, which is chosen before.
func formOptions(schema option.Schema) []schemaOption {
	all := []schemaOption{}
	for _, o := range schema {
		if o.Key == "protocol" || o.Key == "script" {
			continue
		}
		s := schemaOption{
			Key: o.Key, Type: o.Type, Label: o.Label, Help: o.Help, Default: o.Default, Required: o.Required, Secret: o.Secret,
			Choices: append([]string{}, o.Choices...), Group: o.Group, Advanced: o.Advanced, Min: o.Min, Max: o.Max, Allowed: o.Allowed(),
		}
		if o.VisibleIf != (option.Condition{}) {
			s.VisibleIf = &schemaCondition{o.VisibleIf.Key, o.VisibleIf.Value}
		}
		all = append(all, s)
	}
	return all
}
