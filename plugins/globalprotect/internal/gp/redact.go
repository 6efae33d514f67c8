package gp

import (
	"regexp"
	"strings"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/form"
	"github.com/penstock-vpn/penstock/sdk/secret"
)

// shown are the fields of requests that a trace may show.
var shown = map[string]bool{
	"tmp": true, "clientVer": true, "clientos": true, "os-version": true, "prot": true, "server": true, "jnlpReady": true,
	"user": true, "computer": true, "ok": true, "direct": true, "preferred-ip": true, "preferred-ipv6": true, "clientgpversion": true,
	"ipv6-support": true, "internal": true, "cas-support": true, "default-browser": true, "portal": true, "domain": true,
	"client-type": true, "app-version": true, "protocol-version": true, "enc-algo": true, "hmac-algo": true,
	"client-role": true, "client-ip": true, "client-ipv6": true, "md5": true,
}

// hidden are the elements of answers that hold secrets, and what in any other place
// looks like a key or a cookie.
var hidden = []*regexp.Regexp{
	regexp.MustCompile(`(?i)(<(?:val|[a-z-]*cookie|inputstr|saml-request|token)>)[^<]*`),
	regexp.MustCompile(`(?i)(value\s*=\s*["'])[^"']*`),
	regexp.MustCompile(`()[0-9A-Fa-f]{24,}`),
}

// Redact returns a body of the conversation without its secrets, for a trace.
func Redact(body []byte) string {
	text := strings.ToValidUTF8(string(body), "?")
	if !strings.HasPrefix(strings.TrimSpace(text), "<") {
		if _, script := assigned(text, "respStatus"); !script {
			fields, err := form.Parse(text)
			if err != nil {
				return secret.Redacted
			}
			return redactFields(fields)
		}
	}
	if strings.Contains(text, "<argument") {
		return redactArguments(text)
	}
	for _, pattern := range hidden {
		text = pattern.ReplaceAllString(text, "${1}"+secret.Redacted)
	}
	return text
}

func redactFields(fields form.Fields) string {
	parts := make([]string, len(fields))
	for i, f := range fields {
		value := secret.Redacted
		if shown[f.Name] || f.Value == "" || f.Value == "empty" {
			value = f.Value
		}
		parts[i] = f.Name + "=" + value
	}
	return strings.Join(parts, "&")
}

// arguments of a login that are secrets, by position.
var secretArguments = map[int]bool{1: true, 2: true, 16: true, 17: true}

var argument = regexp.MustCompile(`<argument>[^<]*`)

func redactArguments(text string) string {
	n := -1
	return argument.ReplaceAllStringFunc(text, func(found string) string {
		if n++; secretArguments[n] {
			return "<argument>" + secret.Redacted
		}
		return found
	})
}
