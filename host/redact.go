package host

import (
	"encoding/base64"
	"html"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/penstock-vpn/penstock/sdk/prompt"
	"github.com/penstock-vpn/penstock/sdk/secret"
)

// minSecret is the shortest text worth redacting; shorter ones would hide words.
const minSecret = 4

// redactor takes out of a plugin's texts what users gave as a secret, whatever the
// plugin promised: as it is, and as it stands in a URL, in XML and in base64.
type redactor struct {
	known    map[string]bool
	replacer *strings.Replacer
	also     func(value string) // is told of each; may be nil
}

// learn remembers the secret values of an answer.
func (r *redactor) learn(p prompt.Prompt, a prompt.Answer) {
	switch {
	case p.Form != nil:
		for _, f := range p.Form.Fields {
			if f.Kind == prompt.Password || f.Kind == prompt.OTP {
				r.add(a.Values[f.Name])
			}
		}
	case p.Sso != nil:
		for _, v := range a.Values {
			r.add(v)
		}
	}
}

func (r *redactor) add(value string) {
	if len(value) < minSecret || r.known[value] {
		return
	}
	if r.known == nil {
		r.known = map[string]bool{}
	}
	r.known[value] = true
	if r.also != nil {
		r.also(value)
	}
	longest := slices.SortedFunc(maps.Keys(r.known), func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, v := range longest { // one that begins with another must not leave its tail
		for _, form := range []string{v, url.QueryEscape(v), url.PathEscape(v), html.EscapeString(v), base64.StdEncoding.EncodeToString([]byte(v))} {
			pairs = append(pairs, form, secret.Redacted)
		}
	}
	r.replacer = strings.NewReplacer(pairs...)
}

// clean returns s without any secret.
func (r *redactor) clean(s string) string {
	if r.replacer == nil {
		return s
	}
	return r.replacer.Replace(s)
}
