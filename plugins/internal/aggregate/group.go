package aggregate

import (
	"fmt"
	"strings"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// Chosen is the group as the gateway knows it; "": none was chosen.
func (a *Answers) Chosen() string { return a.chosen }

// ChooseGroup settles the group, if the form has a list of them, or returns what to ask
// for that, the answer to which TakeGroup takes. again: with another group than the form
// was made for the login begins again, as the gateway may want something else there.
func (a *Answers) ChooseGroup(f *Form) (again bool, ask *prompt.Prompt, err error) {
	list := f.Input(groupList)
	if list == nil || list.Kind != SelectInput {
		return a.hiddenGroup(), nil, nil
	}
	wanted := a.chosen
	if !a.settled {
		wanted = a.Group
		if scripted, ok := a.entry(f.ID, groupList); ok {
			wanted = scripted
		}
	}
	if wanted == "" && len(list.Choices) > 1 {
		p := a.Ask(f)
		p.Form = &prompt.Form{ID: f.ID, Fields: []prompt.Field{list.groups()}}
		return false, &p, nil
	}
	again, err = a.settle(f, list, wanted)
	return again, nil, err
}

// TakeGroup settles the group by what a person chose.
func (a *Answers) TakeGroup(f *Form, p *prompt.Prompt, answer prompt.Answer) (again bool, err error) {
	values, err := a.Values(p, answer)
	if err != nil {
		return false, err
	}
	return a.settle(f, f.Input(groupList), values[groupList])
}

// hiddenGroup asks for the user's group where the gateway lists none.
func (a *Answers) hiddenGroup() (again bool) {
	again = !a.FixedGroup && !a.settled && a.Group != ""
	if !a.settled {
		a.chosen, a.settled = a.Group, true
	}
	return again
}

// settle takes the wanted group; "": the one that the form was made for.
func (a *Answers) settle(f *Form, list *Input, wanted string) (again bool, err error) {
	offered := list.offered()
	chosen := offered
	if wanted != "" {
		if chosen, err = findGroup(list.Choices, wanted); err != nil {
			return false, err
		}
	}
	list.Value = chosen.Value
	f.applyGroup(chosen)
	again = !a.FixedGroup && chosen.Value != offered.Value && chosen.Value != a.chosen
	a.chosen, a.settled = chosen.Value, true
	return again, nil
}

// offered is the group that the form was made for.
func (in *Input) offered() Choice {
	offered := in.Choices[0]
	for _, c := range in.Choices {
		if c.Selected {
			offered = c
		}
	}
	return offered
}

// groups has a person choose.
func (in *Input) groups() prompt.Field {
	field := prompt.Field{Name: groupList, Label: "Group", Kind: prompt.ChoiceOf, Default: in.offered().Value, Option: "authgroup", MayStore: true}
	for _, g := range in.Choices {
		field.Choices = append(field.Choices, prompt.Choice{Value: g.Value, Label: g.Label})
	}
	return field
}

// findGroup takes a value or label, or the beginning of exactly one label.
func findGroup(groups []Choice, wanted string) (Choice, error) {
	var names []string
	var near []Choice
	for _, g := range groups {
		if g.Value == wanted || strings.EqualFold(g.Label, wanted) {
			return g, nil
		}
		if len(g.Label) >= len(wanted) && strings.EqualFold(g.Label[:len(wanted)], wanted) {
			near = append(near, g)
		}
		names = append(names, g.Value)
	}
	if len(near) == 1 {
		return near[0], nil
	}
	return Choice{}, diag.New(diag.Config, fmt.Sprintf("the gateway has no group %q", wanted),
		"It offers: "+strings.Join(names, ", ")+".").With("authgroup")
}

// applyGroup hides the fields that the group does without.
func (f *Form) applyGroup(g Choice) {
	for i := range f.Inputs {
		in := &f.Inputs[i]
		if in.Kind != TextInput && in.Kind != PasswordInput {
			continue
		}
		in.ignored = g.noAAA || in.secondAuth && !g.secondAuth
		if !in.ignored && in.secondAuth && in.Name == "secondary_username" {
			in.Value, in.ignored = g.secondaryUser, !g.secondaryEditable && g.secondaryUser != ""
		}
	}
}
