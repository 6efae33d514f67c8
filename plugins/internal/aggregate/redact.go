package aggregate

import (
	"encoding/xml"
	"io"
	"strings"

	"github.com/penstock-vpn/penstock/sdk/secret"
)

// public are the elements whose text a trace may show; any other text of a login
// may be a secret.
var public = map[string]bool{
	"version": true, "device-id": true, "auth-method": true, "group-access": true, "group-select": true,
	"title": true, "banner": true, "message": true, "error": true, "option": true, "username": true,
	"sso-v2-browser-mode": true, "sso-v2-token-cookie-name": true, "sso-v2-error-cookie-name": true,
	"uri": true, "hash": true, "HostName": true, "HostAddress": true, "UserGroup": true,
}

// Redact returns a body of the login conversation without its secrets, for a
// trace. What is neither XML nor empty is left out whole: old forms hold the
// password in plain sight.
func Redact(body []byte) string {
	if !strings.HasPrefix(strings.TrimSpace(string(body)), "<") {
		return secret.Redacted
	}
	d := xml.NewDecoder(strings.NewReader(string(body)))
	d.Strict = false
	d.CharsetReader = sameBytes
	var b strings.Builder
	inside := ""
	for {
		token, err := d.RawToken()
		if err == io.EOF {
			return b.String()
		}
		if err != nil {
			return b.String() + secret.Redacted
		}
		switch t := token.(type) {
		case xml.StartElement:
			inside = t.Name.Local
			writeStart(&b, t)
		case xml.EndElement:
			inside = ""
			b.WriteString("</" + t.Name.Local + ">")
		case xml.CharData:
			text := string(t)
			if strings.TrimSpace(text) != "" && !public[inside] {
				text = secret.Redacted
			}
			b.WriteString(text)
		}
	}
}

// writeStart hides the value of every hidden field and every ticket.
func writeStart(b *strings.Builder, t xml.StartElement) {
	hidden := false
	for _, a := range t.Attr {
		hidden = hidden || a.Name.Local == "type" && strings.EqualFold(a.Value, "hidden")
	}
	b.WriteString("<" + t.Name.Local)
	for _, a := range t.Attr {
		value := a.Value
		if a.Name.Local == "token" || a.Name.Local == "ticket" || hidden && a.Name.Local == "value" {
			value = secret.Redacted
		}
		b.WriteString(" " + a.Name.Local + `="` + escape(value) + `"`)
	}
	b.WriteString(">")
}
