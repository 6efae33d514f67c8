package httpc

import (
	"fmt"
	"strings"

	"github.com/penstock-vpn/penstock/sdk/secret"
)

// secretFields are header fields whose values let somebody else in.
var secretFields = map[string]bool{
	"authorization":        true,
	"cookie":               true,
	"set-cookie":           true,
	"x-cstp-post-auth-xml": true,
	"x-dtls-master-secret": true,
}

func (c *Client) trace(text func() string) {
	if c.Trace != nil {
		c.Trace(text())
	}
}

func traceRequest(r Request, redact func([]byte) string) func() string {
	return func() string {
		path, _, query := strings.Cut(r.Target, "?")
		if query {
			path += "?" + secret.Redacted
		}
		first := fmt.Sprintf("%s %s HTTP/1.1", r.Method, path)
		return traceText("> ", first, append(Header{{"Host", r.Host}}, r.Header...), r.Body, redact)
	}
}

func traceResponse(r *Response, redact func([]byte) string) func() string {
	return func() string {
		first := fmt.Sprintf("HTTP/1.%d %d %s", r.minor, r.Status, r.Reason)
		return traceText("< ", first, r.Header, r.Body, redact)
	}
}

// traceText prefixes every line; secrets of fields are cut, cookie names stay.
func traceText(prefix, first string, h Header, body []byte, redact func([]byte) string) string {
	lines := []string{first}
	for _, f := range h {
		lines = append(lines, f.Name+": "+redactField(f))
	}
	if len(body) > 0 {
		text := fmt.Sprintf("(%d bytes)", len(body))
		if redact != nil {
			text = strings.TrimRight(redact(body), "\r\n")
		}
		lines = append(lines, "")
		lines = append(lines, strings.Split(text, "\n")...)
	}
	return prefix + strings.Join(lines, "\n"+prefix)
}

func redactField(f Field) string {
	if strings.EqualFold(f.Name, "location") {
		path, _, query := strings.Cut(f.Value, "?")
		if query {
			return path + "?" + secret.Redacted
		}
		return path
	}
	if !secretFields[strings.ToLower(f.Name)] {
		return f.Value
	}
	if name, _, ok := strings.Cut(f.Value, "="); ok && strings.EqualFold(f.Name, "set-cookie") {
		return name + "=" + secret.Redacted
	}
	return secret.Redacted
}
