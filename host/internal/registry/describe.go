package registry

import (
	"fmt"
	"slices"

	"github.com/penstock-vpn/penstock/sdk/option"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// FromDescribe is what a plugin says of itself, as far as a manifest goes.
func FromDescribe(d *pluginpb.DescribeResponse) Manifest {
	m := Manifest{Name: d.GetName(), Version: d.GetVersion(), Needs: d.GetNeeds()}
	for _, p := range d.GetProtocols() {
		m.Protocols = append(m.Protocols, Protocol{Name: p.GetName(), Label: p.GetLabel(), TLSPort: int(p.GetTlsPort())})
	}
	for _, o := range d.GetOptions() {
		m.Options = append(m.Options, option.Option{
			Key: o.GetKey(), Type: option.Type(o.GetType()) - 1, Label: o.GetLabel(), Help: o.GetHelp(),
			Default: o.GetDefault(), Required: o.GetRequired(), Choices: o.GetChoices(), Group: o.GetGroup(),
			Advanced: o.GetAdvanced(), Secret: o.GetSecret(), Min: o.GetMin(), Max: o.GetMax(),
			VisibleIf: option.Condition{Key: o.GetVisibleIf().GetKey(), Value: o.GetVisibleIf().GetValue()},
		})
	}
	return m
}

// Same says what of the running plugin d is not as the manifest has it, or nil.
func (m Manifest) Same(d Manifest) error {
	switch {
	case m.Name != d.Name || m.Version != d.Version:
		return fmt.Errorf("the manifest is of %s %s, the plugin is %.32q %.64q", m.Name, m.Version, d.Name, d.Version)
	case !slices.Equal(m.Protocols, d.Protocols):
		return fmt.Errorf("manifest and plugin have different protocols")
	case !slices.Equal(m.Needs, d.Needs):
		return fmt.Errorf("manifest and plugin have different needs")
	case len(m.Options) != len(d.Options):
		return fmt.Errorf("the manifest has %d options, the plugin has %d", len(m.Options), len(d.Options))
	}
	for i, o := range m.Options {
		if !sameOption(o, d.Options[i]) {
			return fmt.Errorf("the option %q is not the same in manifest and plugin", o.Key)
		}
	}
	return nil
}

func sameOption(a, b option.Option) bool {
	if !slices.Equal(a.Choices, b.Choices) {
		return false
	}
	a.Choices, b.Choices = nil, nil
	return fmt.Sprintf("%#v", a) == fmt.Sprintf("%#v", b)
}
