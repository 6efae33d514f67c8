package gpgate

import (
	"crypto/rand"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
	"text/template"
)

// What the gateway says is written as such gateways write it, byte by byte: neither
// encoding/xml nor html/template would.

// page is a template of XML or HTML; render fills it.
func page(text string) *template.Template { return template.Must(template.New("").Parse(text)) }

// values are what a page shows: string and []string, which are escaped, raw and bool.
type values map[string]any

// raw is XML already.
type raw string

func render(t *template.Template, v values) string {
	escaped := values{}
	for name, value := range v {
		switch value := value.(type) {
		case string:
			escaped[name] = escape(value)
		case []string:
			var all []string
			for _, s := range value {
				all = append(all, escape(s))
			}
			escaped[name] = all
		case raw, bool:
			escaped[name] = value
		default:
			panic(fmt.Sprintf("a page with a %T", value))
		}
	}
	var b strings.Builder
	if err := t.Execute(&b, escaped); err != nil {
		panic(err) // our templates, our values
	}
	return b.String()
}

func escape(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		panic(err) // a strings.Builder
	}
	return b.String()
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // it does not fail
	return b
}

func itoa(n int) string { return strconv.Itoa(n) }
