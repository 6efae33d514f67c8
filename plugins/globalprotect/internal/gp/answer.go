package gp

import (
	"fmt"
	"html"
	"strconv"
	"strings"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/xmldoc"
	"github.com/penstock-vpn/penstock/plugins/internal/httpc"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Answer is what a gateway says to a request that it does not refuse: a document, or
// a challenge in its place.
type Answer struct {
	Root      *xmldoc.Element // nil: a challenge
	Challenge *Challenge
}

// Challenge is one more question of a login.
type Challenge struct {
	Message string
	Input   string // comes back with the answer, as inputStr
}

// Read sorts an answer out. An answer that refuses is an *Error.
func Read(r *httpc.Response) (Answer, error) {
	a, err := ReadBody(r.Body)
	switch {
	case r.Status == 200:
		return a, err
	case err != nil && KindOf(err) != Malformed:
		return Answer{}, err // what the gateway says is worth more than its status
	}
	return Answer{}, statusError(r.Status, r.Reason)
}

// ReadBody reads the body of an answer, whatever it is in.
func ReadBody(body []byte) (Answer, error) {
	text := strings.TrimSpace(string(body))
	root, err := xmldoc.Parse(body)
	if err != nil || root.Name == "html" {
		return readScript(text, err)
	}
	switch root.Name {
	case "response":
		if status := root.Attrs["status"]; strings.EqualFold(status, "error") || root.Find("error") != nil {
			return Answer{}, refusal(root.Value("error"))
		}
	case "prelogin-response":
		if status := root.Value("status"); status != "" && !strings.EqualFold(status, "success") {
			return Answer{}, refusal(root.Value("msg"))
		}
	case "challenge":
		return Answer{Challenge: &Challenge{Message: root.Value("respmsg"), Input: root.Value("inputstr")}}, nil
	}
	return Answer{Root: root}, nil
}

// readScript reads an answer in JavaScript, in HTML or bare. notXML is why it is no XML.
func readScript(text string, notXML error) (Answer, error) {
	if known(text) != nil {
		return Answer{}, refusal(text)
	}
	if strings.HasPrefix(text, "<") {
		text = html.UnescapeString(text)
	}
	message, _ := assigned(text, "respMsg")
	status, found := assigned(text, "respStatus")
	switch {
	case found && strings.EqualFold(status, "challenge"):
		input, _ := assigned(text, "inputStr.value")
		return Answer{Challenge: &Challenge{Message: message, Input: input}}, nil
	case found && strings.EqualFold(status, "error"):
		return Answer{}, &Error{Kind: Refused, Diagnostic: diag.New(diag.AuthRefused, "the gateway refused the login: "+said(message), "Check user name and password.")}
	}
	detail := "It begins with " + strconv.QuoteToASCII(clip(text, 40)) + ". Check that the address is that of a GlobalProtect portal or gateway."
	if text == "" {
		detail = "It is empty. Check that the address is that of a GlobalProtect portal or gateway."
	}
	summary := "the gateway's answer is not understood"
	if notXML != nil && strings.HasPrefix(text, "<?xml") {
		summary += fmt.Sprintf(" (its XML: %v)", notXML)
	}
	return Answer{}, &Error{Kind: Malformed, Diagnostic: diag.New(diag.Protocol, summary, detail)}
}

// assigned returns the string literal that the script in text assigns to name.
func assigned(text, name string) (string, bool) {
	for {
		_, rest, found := strings.Cut(text, name)
		if !found {
			return "", false
		}
		text = rest
		if value, ok := strings.CutPrefix(strings.TrimSpace(rest), "="); ok {
			return literal(strings.TrimSpace(value))
		}
	}
}

// literal reads the string that text begins with, in either quotes.
func literal(text string) (string, bool) {
	if text == "" || text[0] != '"' && text[0] != '\'' {
		return "", false
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; c {
		case text[0]:
			return strings.ToValidUTF8(b.String(), "?"), true
		case '\\':
			i += escaped(&b, text[i+1:])
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

// escaped writes what the escape after a backslash means and returns its length.
func escaped(b *strings.Builder, text string) int {
	if text == "" {
		return 0
	}
	digits := map[byte]int{'u': 4, 'x': 2}[text[0]]
	if digits > 0 && len(text) > digits {
		if n, err := strconv.ParseUint(text[1:1+digits], 16, 16); err == nil {
			b.WriteRune(rune(n))
			return 1 + digits
		}
	}
	if c, known := map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', 'b': ' ', 'f': ' '}[text[0]]; known {
		b.WriteByte(c)
	} else {
		b.WriteByte(text[0])
	}
	return 1
}

func clip(text string, n int) string {
	if len(text) > n {
		return text[:n] + "..."
	}
	return text
}
