package auth

import (
	"context"
	"fmt"
	"strings"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// chooseGroup settles the group, if the form has a list of them. With another group
// than the form was made for the login begins again: the gateway may want something
// else there.
func (l *login) chooseGroup(ctx context.Context, f *form) (again bool, err error) {
	list := f.input(groupList)
	if list == nil || list.kind != selectInput {
		return l.hiddenGroup(), nil
	}
	offered := list.choices[0]
	for _, c := range list.choices {
		if c.selected {
			offered = c
		}
	}
	chosen, err := l.chosenGroup(ctx, f, list.choices, offered)
	if err != nil {
		return false, err
	}
	list.value = chosen.value
	f.applyGroup(chosen)
	again = !l.plain && chosen.value != offered.value && chosen.value != l.group
	l.group, l.groupKnown = chosen.value, true
	return again, nil
}

// hiddenGroup asks for the user's group where the gateway lists none.
func (l *login) hiddenGroup() (again bool) {
	again = !l.plain && !l.groupKnown && l.cfg.Group != ""
	if !l.groupKnown {
		l.group, l.groupKnown = l.cfg.Group, true
	}
	return again
}

func (l *login) chosenGroup(ctx context.Context, f *form, groups []choice, offered choice) (choice, error) {
	wanted := l.group
	if !l.groupKnown {
		wanted = l.cfg.Group
		if scripted, ok := l.entry(f.id, groupList); ok {
			wanted = scripted
		}
	}
	switch {
	case wanted != "":
		return findGroup(groups, wanted)
	case len(groups) == 1:
		return offered, nil
	}
	field := prompt.Field{Name: groupList, Label: "Group", Kind: prompt.ChoiceOf, Default: offered.value, Option: "authgroup", MayStore: true}
	for _, g := range groups {
		field.Choices = append(field.Choices, prompt.Choice{Value: g.value, Label: g.label})
	}
	values, err := l.ask(ctx, prompt.Prompt{Title: f.title, Text: f.message, Form: &prompt.Form{ID: f.id, Fields: []prompt.Field{field}}})
	if err != nil {
		return choice{}, err
	}
	if values[groupList] == "" {
		return offered, nil
	}
	return findGroup(groups, values[groupList])
}

// findGroup takes a value or label, or the beginning of exactly one label.
func findGroup(groups []choice, wanted string) (choice, error) {
	var names []string
	var near []choice
	for _, g := range groups {
		if g.value == wanted || strings.EqualFold(g.label, wanted) {
			return g, nil
		}
		if len(g.label) >= len(wanted) && strings.EqualFold(g.label[:len(wanted)], wanted) {
			near = append(near, g)
		}
		names = append(names, g.value)
	}
	if len(near) == 1 {
		return near[0], nil
	}
	return choice{}, diag.New(diag.Config, fmt.Sprintf("the gateway has no group %q", wanted),
		"It offers: "+strings.Join(names, ", ")+".").With("authgroup")
}

// applyGroup hides the fields that the group does without.
func (f *form) applyGroup(g choice) {
	for i := range f.inputs {
		in := &f.inputs[i]
		if in.kind != textInput && in.kind != passwordInput {
			continue
		}
		in.ignored = g.noAAA || in.secondAuth && !g.secondAuth
		if !in.ignored && in.secondAuth && in.name == "secondary_username" {
			in.value, in.ignored = g.secondaryUser, !g.secondaryEditable && g.secondaryUser != ""
		}
	}
}
