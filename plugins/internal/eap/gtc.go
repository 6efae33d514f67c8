package eap

import (
	"strings"
	"unicode"
)

// GTC is EAP-GTC (RFC 3748 section 5.6): a text of the gateway, and an answer in the
// clear. The first is answered with the password, later ones by a Question: they
// are challenges. Within a tunnel that proved the gateway this is as good as the tunnel.
func GTC(password string) Method { return &gtc{password: password} }

type gtc struct {
	password string
	answered bool
}

// Type implements Method.
func (*gtc) Type() Type { return TypeGTC }

// Key implements Method.
func (*gtc) Key() []byte { return nil }

// Done implements Method.
func (g *gtc) Done() bool { return g.answered }

// Handle implements Method.
func (g *gtc) Handle(_ uint8, request []byte) ([]byte, error) {
	if g.answered || g.password == "" {
		g.answered = true
		return nil, &Question{Text: printable(request)}
	}
	g.answered = true
	return []byte(g.password), nil
}

// maxText is what a person can be asked to read.
const maxText = 1000

// printable is a gateway's text without what could move a terminal's cursor.
func printable(b []byte) string {
	text := strings.ToValidUTF8(string(b[:min(len(b), maxText)]), "?")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || r == '\n' {
			return r
		}
		return -1
	}, text))
}
