// Package prompt says what a plugin may ask a person and what comes back. The
// host draws a Prompt in a terminal, through NetworkManager's agents or in a
// browser, or answers it from what is stored.
package prompt

import "time"

// Prompt is one question. Exactly one of Form, Sso, Confirm, Wait and Program is set.
type Prompt struct {
	Title string
	Text  string // what the gateway says: plain text, may have lines
	Error string // why the last answer was refused, "" at first

	Form    *Form
	Sso     *Sso
	Confirm *Confirm
	Wait    *Wait
	Program *Program
}

// Form asks for values.
type Form struct {
	ID     string // stable name, for scripted answers: "main"
	Fields []Field
}

// Kind is the kind of a Field.
type Kind int

const (
	Text Kind = iota
	Password
	OTP
	ChoiceOf
	File
)

// Field is one value asked for.
type Field struct {
	Name     string // key of the answer's value
	Label    string
	Kind     Kind
	Default  string
	Choices  []Choice // ChoiceOf only
	Option   string   // key of the option that answers this field, "" when none does
	MayStore bool
}

// Choice is one of a field's possible values.
type Choice struct {
	Value, Label string
}

// Sso sends the user to a web page. Exactly one of Loopback, Cookies and Scheme is set.
type Sso struct {
	URL      string
	HTML     string // the page itself in place of URL, with a Scheme
	Loopback *Loopback
	Cookies  *Cookies
	Scheme   string // ends at an address of this scheme; the answer's value "address" is the whole of it
}

// Loopback ends when the browser calls http://localhost:Port with a path that
// begins with PathPrefix; the answer's value "request_uri" is what it asked for.
type Loopback struct {
	Port          int
	PathPrefix    string
	RedirectParam string // query parameter with the page to show then, if https on the gateway's host
}

// Cookies ends at FinalURL with Cookie set; the answer's value is named as the cookie.
type Cookies struct {
	FinalURL, Cookie, ErrorCookie string
}

// Confirm asks yes or no; no is Cancelled.
type Confirm struct {
	AcceptLabel string
}

// Wait shows that something takes time; its answer comes when the user cancels.
type Wait struct{}

// Program has the host run the program that the option names, as the user and
// outside the plugin's sandbox: a host check that the gateway demands. The answer is
// Cancelled when the option is empty; its values are "exit_status" in decimal and
// "stdout", at most 64 KiB of it.
type Program struct {
	Option  string        // key of the option that names the program
	Args    []string      // without the program's own name
	Env     [][2]string   // added to the user's environment
	Timeout time.Duration // 0: the host's default
}

// Answer is what the user gave.
type Answer struct {
	Cancelled bool
	Values    map[string]string
}
