package aggregate

import (
	"strings"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Form is what an auth element asks for.
type Form struct {
	ID       string
	Title    string
	Banner   string
	Message  string
	Action   string // "": the address that sent it
	Inputs   []Input
	SSO      SSO
	JustPost bool // authentication-complete: nothing to ask, an answer is expected
}

// InputKind is the kind of an Input.
type InputKind int

// The kinds of fields.
const (
	TextInput InputKind = iota
	PasswordInput
	HiddenInput
	SSOInput
	SelectInput
)

// Input is one field of a form.
type Input struct {
	Kind       InputKind
	Name       string
	Label      string
	Value      string // of a hidden one; the answer of the others
	Choices    []Choice
	secondAuth bool // only for groups with a second login
	ignored    bool // sent as it is, not asked for
}

// Choice is one entry of a select.
type Choice struct {
	Value, Label      string
	Selected          bool
	noAAA             bool // no user name and password in this group
	secondAuth        bool
	secondaryUser     string
	secondaryEditable bool
}

// groupList is the name of the select that holds the groups.
const groupList = "group_list"

// SSO is what an auth element says about single sign-on.
type SSO struct {
	Login, Final string
	Cookie       string
	ErrorCookie  string
	External     bool // the user's own browser
}

func (s *SSO) take(e *Element) {
	text := strings.TrimSpace(e.Text)
	switch e.Name {
	case "sso-v2-login":
		s.Login = text
	case "sso-v2-login-final":
		s.Final = text
	case "sso-v2-token-cookie-name":
		s.Cookie = text
	case "sso-v2-error-cookie-name":
		s.ErrorCookie = text
	case "sso-v2-browser-mode":
		s.External = strings.EqualFold(text, "external")
	}
}

// parseForm reads an auth element.
func parseForm(auth *Element) (*Form, error) {
	f := &Form{ID: auth.Attrs["id"]}
	if f.ID == "" {
		f.ID = "main"
	}
	for _, e := range auth.Children {
		switch e.Name {
		case "title":
			f.Title = e.Message()
		case "banner":
			f.Banner = e.Message()
		case "message":
			f.Message = e.Message()
		case "authentication-complete":
			f.JustPost = true
		case "form":
			if err := f.takeForm(e); err != nil {
				return nil, err
			}
		default:
			f.SSO.take(e)
		}
	}
	return f, nil
}

func (f *Form) takeForm(e *Element) error {
	if method, given := e.Attrs["method"]; given && !strings.EqualFold(method, "post") {
		return diag.Newf(diag.Protocol, "the gateway's login form wants the method %q, which is none of a login", method)
	}
	f.Action = e.Attrs["action"]
	for _, c := range e.Children {
		switch c.Name {
		case "input":
			f.takeInput(c)
		case "select":
			f.takeSelect(c)
		}
	}
	if len(f.Inputs) > maxInputs {
		return diag.Newf(diag.Protocol, "the gateway's login form has %d fields, at most %d are accepted", len(f.Inputs), maxInputs)
	}
	for _, in := range f.Inputs {
		if !isXMLName(in.Name) {
			return diag.Newf(diag.Protocol, "a field of the gateway's login form is named %q, which is no name", in.Name)
		}
	}
	return nil
}

const maxInputs = 64

var inputKinds = map[string]InputKind{"text": TextInput, "password": PasswordInput, "hidden": HiddenInput, "sso": SSOInput}

// takeInput passes over what is no field (buttons, types of a later day) and over a
// second field of one name, which nobody could tell from the first.
func (f *Form) takeInput(e *Element) {
	kind, known := inputKinds[strings.ToLower(e.Attrs["type"])]
	if !known || e.Attrs["name"] == "" || kind != HiddenInput && f.Input(e.Attrs["name"]) != nil {
		return
	}
	in := Input{Kind: kind, Name: e.Attrs["name"], Label: e.Attrs["label"], secondAuth: e.Is("second-auth", "1")}
	if kind == HiddenInput {
		in.Value = e.Attrs["value"]
	}
	f.Inputs = append(f.Inputs, in)
}

// takeSelect puts a select before the other fields: what is chosen changes them.
func (f *Form) takeSelect(e *Element) {
	in := Input{Kind: SelectInput, Name: e.Attrs["name"], Label: e.Attrs["label"]}
	for _, o := range e.Children {
		if o.Name != "option" {
			continue
		}
		label := strings.TrimSpace(o.Text)
		value, given := o.Attrs["value"]
		if !given {
			value = label
		}
		in.Choices = append(in.Choices, Choice{
			Value: value, Label: label,
			Selected:          o.Is("selected", "true"),
			noAAA:             o.Is("noaaa", "1"),
			secondAuth:        o.Is("second-auth", "1"),
			secondaryUser:     o.Attrs["secondary_username"],
			secondaryEditable: o.Is("secondary_username_editable", "true"),
		})
	}
	if in.Name != "" && len(in.Choices) > 0 && f.Input(in.Name) == nil {
		f.Inputs = append([]Input{in}, f.Inputs...)
	}
}

// isXMLName says whether s can be an element's name: field names become ones.
func isXMLName(s string) bool {
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_'
		if !letter && (i == 0 || !(r >= '0' && r <= '9' || r == '-' || r == '.')) {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

// Input returns the field of that name, or nil.
func (f *Form) Input(name string) *Input {
	for i := range f.Inputs {
		if f.Inputs[i].Name == name {
			return &f.Inputs[i]
		}
	}
	return nil
}

// SSOInput returns the field that takes a browser's token, or nil.
func (f *Form) SSOInput() *Input {
	for i := range f.Inputs {
		if f.Inputs[i].Kind == SSOInput {
			return &f.Inputs[i]
		}
	}
	return nil
}

// names are the fields that a person answers.
func (f *Form) names() string {
	var names []string
	for _, in := range f.Inputs {
		if !in.ignored && (in.Kind == TextInput || in.Kind == PasswordInput) {
			names = append(names, in.Name)
		}
	}
	return strings.Join(names, " ")
}
