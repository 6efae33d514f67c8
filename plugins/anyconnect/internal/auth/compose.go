package auth

import (
	"encoding/xml"
	"net/url"
	"strings"
)

// composer writes the documents that the client sends.
type composer struct {
	version, os string
	sso         SSOMode
}

// begin opens a config-auth document of that type.
func (c composer) begin(b *strings.Builder, kind string) {
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	b.WriteString(`<config-auth client="vpn" type="` + kind + `" aggregate-auth-version="2">`)
	b.WriteString(`<version who="vpn">` + escape(c.version) + `</version>`)
	b.WriteString(`<device-id>` + escape(c.os) + `</device-id>`)
	if c.sso == SSONone {
		return
	}
	b.WriteString(`<capabilities><auth-method>single-sign-on-v2</auth-method>`)
	if c.sso == SSOAny {
		b.WriteString(`<auth-method>single-sign-on-external-browser</auth-method>`)
	}
	b.WriteString(`</capabilities>`)
}

// initial asks for the first form.
func (c composer) initial(access *url.URL, group string, certFailed bool) []byte {
	var b strings.Builder
	c.begin(&b, "init")
	b.WriteString(textElement("group-access", access.String()))
	if certFailed {
		b.WriteString("<client-cert-fail></client-cert-fail>")
	}
	if group != "" {
		b.WriteString(textElement("group-select", group))
	}
	b.WriteString("</config-auth>")
	return []byte(b.String())
}

// reply answers a form. Some fields go by another name than the form's.
func (c composer) reply(f *form, opaque []byte, scanToken string) []byte {
	var b strings.Builder
	c.begin(&b, "auth-reply")
	b.Write(opaque)
	b.WriteString("<auth>")
	group := ""
	for _, in := range f.inputs {
		switch in.name {
		case groupList:
			group = textElement("group-select", in.value)
		case "answer", "whichpin", "new_password":
			b.WriteString(textElement("password", in.value))
		case "verify_pin", "verify_password":
		default:
			b.WriteString(textElement(in.name, in.value))
		}
	}
	b.WriteString("</auth>" + group)
	if scanToken != "" {
		b.WriteString(textElement("host-scan-token", scanToken))
	}
	b.WriteString("</config-auth>")
	return []byte(b.String())
}

// urlencoded answers a form the old way.
func (f *form) urlencoded() []byte {
	pairs := make([]string, 0, len(f.inputs))
	for _, in := range f.inputs {
		pairs = append(pairs, url.QueryEscape(in.name)+"="+url.QueryEscape(in.value))
	}
	return []byte(strings.Join(pairs, "&"))
}

func textElement(name, text string) string {
	return "<" + name + ">" + escape(text) + "</" + name + ">"
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder does not fail
	return b.String()
}
