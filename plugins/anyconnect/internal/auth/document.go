package auth

import (
	"strings"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// document is one answer of the gateway during a login.
type document struct {
	form          *form  // nil: no auth element
	opaque        []byte // to be echoed; nil: none
	certRequest   bool   // a client certificate is wanted
	certAccepted  bool   // the one of this connection was taken
	certificates  bool   // two certificates are wanted
	scan          hostScan
	token         string // session-token
	errorText     string
	manifest      Manifest
	authenticated bool // auth id="success"
}

// form is what the auth element asks for.
type form struct {
	id       string
	title    string
	banner   string
	message  string
	action   string // "": the address that sent it
	inputs   []input
	sso      sso
	justPost bool // authentication-complete: nothing to ask, an answer is expected
}

type inputKind int

const (
	textInput inputKind = iota
	passwordInput
	hiddenInput
	ssoInput
	selectInput
)

// input is one field of a form.
type input struct {
	kind       inputKind
	name       string
	label      string
	value      string // of a hidden one; the answer of the others
	choices    []choice
	secondAuth bool // only for groups with a second login
	ignored    bool // sent as it is, not asked for
}

// choice is one entry of a select.
type choice struct {
	value, label      string
	selected          bool
	noAAA             bool // no user name and password in this group
	secondAuth        bool
	secondaryUser     string
	secondaryEditable bool
}

// groupList is the name of the select that holds the groups.
const groupList = "group_list"

// parseDocument reads an answer for the platform os ("linux-64").
func parseDocument(body []byte, os string) (*document, error) {
	root, err := parseXML(body)
	if err != nil {
		return nil, err
	}
	d := &document{}
	parts := []*element{root}
	if root.name == "config-auth" {
		parts = root.children
	}
	for _, e := range parts {
		if err := d.take(e, os); err != nil {
			return nil, err
		}
	}
	if d.form == nil && !d.certRequest && !d.certificates && d.errorText == "" {
		return nil, diag.New(diag.Protocol, "the gateway's answer is neither a login form nor a session",
			"Check the gateway's address and path. Some gateways answer only to a client they know: try the option `useragent`.")
	}
	return d, nil
}

func (d *document) take(e *element, os string) (err error) {
	switch e.name {
	case "auth":
		d.authenticated = e.attrs["id"] == "success"
		d.form, err = parseForm(e)
		d.scan.legacy(e, os)
		d.noteError(e.child("error"))
	case "opaque":
		d.opaque, err = e.verbatim()
	case "client-cert-request":
		d.certRequest = true
	case "multiple-client-cert-request":
		d.certificates = true
	case "cert-authenticated":
		d.certAccepted = true
	case "host-scan":
		d.scan.take(e)
	case "session-token":
		d.token = strings.TrimSpace(e.text)
	case "config":
		d.manifest = manifestIn(e)
	case "error":
		d.noteError(e)
	}
	return err
}

func (d *document) noteError(e *element) {
	if e != nil && e.message() != "" {
		d.errorText = e.message()
	}
}

// parseForm reads an auth element.
func parseForm(auth *element) (*form, error) {
	f := &form{id: auth.attrs["id"]}
	if f.id == "" {
		f.id = "main"
	}
	for _, e := range auth.children {
		switch e.name {
		case "title":
			f.title = e.message()
		case "banner":
			f.banner = e.message()
		case "message":
			f.message = e.message()
		case "authentication-complete":
			f.justPost = true
		case "form":
			if err := f.takeForm(e); err != nil {
				return nil, err
			}
		default:
			f.sso.take(e)
		}
	}
	return f, nil
}

func (f *form) takeForm(e *element) error {
	if method, given := e.attrs["method"]; given && !strings.EqualFold(method, "post") {
		return diag.Newf(diag.Protocol, "the gateway's login form wants the method %q, which is none of a login", method)
	}
	f.action = e.attrs["action"]
	for _, c := range e.children {
		switch c.name {
		case "input":
			f.takeInput(c)
		case "select":
			f.takeSelect(c)
		}
	}
	if len(f.inputs) > maxInputs {
		return diag.Newf(diag.Protocol, "the gateway's login form has %d fields, at most %d are accepted", len(f.inputs), maxInputs)
	}
	for _, in := range f.inputs {
		if !isXMLName(in.name) {
			return diag.Newf(diag.Protocol, "a field of the gateway's login form is named %q, which is no name", in.name)
		}
	}
	return nil
}

const maxInputs = 64

var inputKinds = map[string]inputKind{"text": textInput, "password": passwordInput, "hidden": hiddenInput, "sso": ssoInput}

// takeInput passes over what is no field (buttons, types of a later day) and over a
// second field of one name, which nobody could tell from the first.
func (f *form) takeInput(e *element) {
	kind, known := inputKinds[strings.ToLower(e.attrs["type"])]
	if !known || e.attrs["name"] == "" || kind != hiddenInput && f.input(e.attrs["name"]) != nil {
		return
	}
	in := input{kind: kind, name: e.attrs["name"], label: e.attrs["label"], secondAuth: e.is("second-auth", "1")}
	if kind == hiddenInput {
		in.value = e.attrs["value"]
	}
	f.inputs = append(f.inputs, in)
}

// takeSelect puts a select before the other fields: what is chosen changes them.
func (f *form) takeSelect(e *element) {
	in := input{kind: selectInput, name: e.attrs["name"], label: e.attrs["label"]}
	for _, o := range e.children {
		if o.name != "option" {
			continue
		}
		label := strings.TrimSpace(o.text)
		value, given := o.attrs["value"]
		if !given {
			value = label
		}
		in.choices = append(in.choices, choice{
			value: value, label: label,
			selected:          o.is("selected", "true"),
			noAAA:             o.is("noaaa", "1"),
			secondAuth:        o.is("second-auth", "1"),
			secondaryUser:     o.attrs["secondary_username"],
			secondaryEditable: o.is("secondary_username_editable", "true"),
		})
	}
	if in.name != "" && len(in.choices) > 0 && f.input(in.name) == nil {
		f.inputs = append([]input{in}, f.inputs...)
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

// input returns the field of that name, or nil.
func (f *form) input(name string) *input {
	for i := range f.inputs {
		if f.inputs[i].name == name {
			return &f.inputs[i]
		}
	}
	return nil
}
