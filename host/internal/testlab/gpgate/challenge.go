package gpgate

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// challenged is a question that waits for its answer.
type challenged struct {
	user string
	at   int // which of the challenges
}

// challenge asks the next question, if there is one: else the user is in.
func (g *gate) challenge(role Role, user string, at int) (string, reply) {
	if at >= len(role.Challenges) {
		return user, reply{}
	}
	input := hex.EncodeToString(random(8))
	g.mu.Lock()
	g.pending[input] = challenged{user, at}
	g.mu.Unlock()
	return "", role.Challenges[at].ask(user, input)
}

// challenged takes an answer. It is good once, and for the user who was asked.
func (g *gate) challenged(r *request, role Role, user string) (string, reply) {
	input := r.fields.Get("inputStr")
	g.mu.Lock()
	c, ok := g.pending[input]
	delete(g.pending, input)
	g.mu.Unlock()
	switch {
	case !ok || c.user != user || c.at >= len(role.Challenges):
		return "", g.refuse(r, "an inputStr that was not given to this user")
	case role.Challenges[c.at].Code != r.fields.Get("passwd"):
		return "", g.refuse(r, "wrong answer to a challenge")
	}
	return g.challenge(role, user, c.at+1)
}

// ask is the question in the challenge's style.
func (c Challenge) ask(user, input string) reply {
	text(&c.Message, "Enter your one-time password")
	switch c.Style {
	case "xml":
		return reply{body: render(challengePage, values{"user": user, "input": input, "message": c.Message})}
	case "html":
		return reply{headers: []string{"Content-Type: text/html"},
			body: "<html>\n<head></head>\n<body>\n" + escape(script("Challenge", c.Message, input)) + "</body>\n</html>\n"}
	}
	return reply{headers: []string{"Content-Type: text/html"}, body: script("Challenge", c.Message, input)}
}

var challengePage = page(`<challenge><user>{{.user}}</user><inputstr>{{.input}}</inputstr><respmsg>{{.message}}</respmsg></challenge>
`)

// script is an answer in JavaScript.
func script(status, message, input string) string {
	quoted, err := json.Marshal(message)
	if err != nil {
		panic(err) // a string
	}
	return fmt.Sprintf("var respStatus = %q;\nvar respMsg = %s;\nthisForm.inputStr.value = %q;\n", status, quoted, input)
}

// KnownErrors are texts that gateways are known to refuse with.
var KnownErrors = []string{
	"Invalid authentication cookie",
	"Portal name not found",
	"Valid client certificate is required",
	"Allow Automatic Restoration of SSL VPN is disabled",
	"GlobalProtect gateway does not exist",
	"GlobalProtect portal does not exist",
	"Your account has been locked",
	"User is not in allow list",
	"Assign private IP address failed",
	"The gateway license is not available",
}

// ErrorJS, ErrorHTML, ErrorXML, PreloginError and ErrorPlain are the ways to refuse.
func ErrorJS(message string) string { return script("Error", message, "") }

// ErrorHTML is described at ErrorJS.
func ErrorHTML(message string) string {
	return "<html>\n<head></head>\n<body>\n" + escape(ErrorJS(message)) + "</body>\n</html>\n"
}

// ErrorXML is described at ErrorJS.
func ErrorXML(message string) string {
	return `<response status="error"><error>` + escape(message) + "</error></response>\n"
}

// PreloginError is described at ErrorJS.
func PreloginError(message string) string {
	return `<?xml version="1.0" encoding="UTF-8" ?>` + "\n<prelogin-response><status>Error</status><ccusername></ccusername><msg>" +
		escape(message) + "</msg></prelogin-response>\n"
}

// ErrorPlain is what getconfig says when it does not know the session at all.
const ErrorPlain = "errors getting SSL/VPN config"
