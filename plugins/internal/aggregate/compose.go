package aggregate

import (
	"encoding/xml"
	"strings"
)

// Composer writes the documents that the client sends.
type Composer struct {
	Version string      // of the client
	OS      string      // "linux-64"
	Device  [][2]string // attributes of device-id
	MACs    []string    // the first is of the card that reaches the gateway; none: nothing is said
	Methods []string    // of single sign-on, by their names on the wire
	// Session has answers say that there is no session yet, as in EAP.
	Session bool
}

// begin opens a config-auth document of that type.
func (c Composer) begin(b *strings.Builder, kind string) {
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	b.WriteString(`<config-auth client="vpn" type="` + kind + `" aggregate-auth-version="2">`)
	b.WriteString(`<version who="vpn">` + escape(c.Version) + `</version>`)
	b.WriteString(`<device-id`)
	for _, a := range c.Device {
		b.WriteString(` ` + a[0] + `="` + escape(a[1]) + `"`)
	}
	b.WriteString(`>` + escape(c.OS) + `</device-id>`)
	c.cards(b)
	if len(c.Methods) == 0 {
		return
	}
	b.WriteString(`<capabilities>`)
	for _, m := range c.Methods {
		b.WriteString(TextElement("auth-method", m))
	}
	b.WriteString(`</capabilities>`)
}

func (c Composer) cards(b *strings.Builder) {
	if len(c.MACs) == 0 {
		return
	}
	b.WriteString(`<mac-address-list>`)
	for i, m := range c.MACs {
		public := ""
		if i == 0 {
			public = ` public-interface="true"`
		}
		b.WriteString(`<mac-address` + public + `>` + escape(m) + `</mac-address>`)
	}
	b.WriteString(`</mac-address-list>`)
}

// Init asks for the first form. access is where the login is made, group the group
// that was chosen, opaque what the gateway wants repeated; each may be empty.
func (c Composer) Init(access, group string, opaque []byte, certFailed bool) []byte {
	var b strings.Builder
	c.begin(&b, "init")
	b.Write(opaque)
	b.WriteString(TextElement("group-access", access))
	if certFailed {
		b.WriteString("<client-cert-fail></client-cert-fail>")
	}
	if group != "" {
		b.WriteString(TextElement("group-select", group))
	}
	b.WriteString("</config-auth>")
	return []byte(b.String())
}

// Reply answers a form; nil: one without fields. Some fields go by another name than
// the form's.
func (c Composer) Reply(f *Form, opaque []byte, scanToken string) []byte {
	var b strings.Builder
	c.begin(&b, "auth-reply")
	if c.Session {
		b.WriteString("<session-id></session-id><session-token></session-token>")
	}
	b.Write(opaque)
	b.WriteString("<auth>")
	group := ""
	if f == nil {
		f = &Form{}
	}
	for _, in := range f.Inputs {
		switch in.Name {
		case groupList:
			group = TextElement("group-select", in.Value)
		case "answer", "whichpin", "new_password":
			b.WriteString(TextElement("password", in.Value))
		case "verify_pin", "verify_password":
		default:
			b.WriteString(TextElement(in.Name, in.Value))
		}
	}
	b.WriteString("</auth>" + group)
	if scanToken != "" {
		b.WriteString(TextElement("host-scan-token", scanToken))
	}
	b.WriteString("</config-auth>")
	return []byte(b.String())
}

// Ack says that a login's end was understood.
func (c Composer) Ack() []byte {
	var b strings.Builder
	c.begin(&b, "ack")
	b.WriteString("</config-auth>")
	return []byte(b.String())
}

// TextElement is an element with text in it.
func TextElement(name, text string) string {
	return "<" + name + ">" + escape(text) + "</" + name + ">"
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder does not fail
	return b.String()
}
