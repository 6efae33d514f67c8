package ikegate

import (
	"crypto/x509"
	"errors"
	"fmt"
	"html"
	"strings"

	"github.com/penstock-vpn/penstock/plugins/internal/aggregate"
	"github.com/penstock-vpn/penstock/plugins/internal/eap/anyconnect"
)

// dialogue is one login:
//
//	hello ─> init ─┬─> client-cert-request ─> init with a certificate ─┐
//	               └─────────────────────────────────────> form ◁─────┘
//	form ─> auth-reply ─┬─> form (refused)
//	                    ├─> challenge ─> auth-reply ─> complete
//	                    └─> complete ─> ack
type dialogue struct {
	g        *Gate
	id       uint8 // of the EAP request that waits for its answer
	group    string
	proved   bool // by a certificate
	named    bool // by user name and password
	refused  int
	complete bool
}

const (
	scanTicket = "26B7A1F2C3D4E5F60718293A"
	scanToken  = "3C4D5E6F708192A3B4C5D6E7"
)

func newDialogue(g *Gate) *dialogue {
	d := &dialogue{g: g, id: 1}
	if len(g.Groups) > 0 {
		d.group = g.Groups[len(g.Groups)-1]
	}
	return d
}

// document is one of the gateway's.
func document(kind string, content ...string) string {
	return `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<config-auth client="vpn" type="` + kind + `" aggregate-auth-version="2">` + strings.Join(content, "") + `</config-auth>`
}

func (d *dialogue) hello() string { return document("hello") }

// opaque is to come back as it is.
func (d *dialogue) opaque() string {
	return `<opaque is-for="sg"><tunnel-group>` + html.EscapeString(d.group) + `</tunnel-group><config-hash>1623400123456</config-hash></opaque>`
}

// next answers the client's message; "": the login is over, and good.
func (d *dialogue) next(m *anyconnect.Message) (string, error) {
	if m.VendorType != anyconnect.VendorType {
		return "", fmt.Errorf("the vendor type %#x", m.VendorType)
	}
	root, err := aggregate.ParseXML(m.Part(anyconnect.XML))
	if err != nil {
		return "", err
	}
	if root.Name != "config-auth" || root.Attrs["client"] != "vpn" || root.Attrs["aggregate-auth-version"] != "2" || root.Child("version") == nil || root.Child("device-id") == nil {
		return "", fmt.Errorf("the document %s of a client", m.Part(anyconnect.XML))
	}
	switch kind := root.Attrs["type"]; {
	case kind == "init" && !d.complete:
		return d.begin(m, root)
	case kind == "auth-reply" && !d.complete:
		return d.reply(string(m.Part(anyconnect.XML)), root)
	case kind == "ack" && d.complete:
		return "", nil
	default:
		return "", fmt.Errorf("the document %q is not awaited", kind)
	}
}

// begin answers init.
func (d *dialogue) begin(m *anyconnect.Message, root *aggregate.Element) (string, error) {
	if root.Child("group-access") == nil {
		return "", errors.New("init without group-access")
	}
	if group := root.Child("group-select"); group != nil {
		d.group = group.Text
	}
	if d.g.Clients != nil && !d.proved {
		chain := m.Part(anyconnect.Certificates)
		if chain == nil {
			return document("auth-request", `<client-cert-request></client-cert-request>`), nil
		}
		if err := d.prove(chain, m.Part(anyconnect.Signature)); err != nil {
			d.g.fault(err)
			return document("auth-request", `<auth id="main"></auth><error id="98">Certificate Validation Failure</error>`), nil
		}
		d.proved = true
	}
	return d.ask(""), nil
}

// prove checks the client's certificate and signature.
func (d *dialogue) prove(der, signature []byte) error {
	chain, err := anyconnect.ParseChain(der)
	if err != nil {
		return err
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	if _, err := chain[0].Verify(x509.VerifyOptions{Roots: d.g.Clients, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		return err
	}
	return d.g.verify(chain[0].PublicKey, signature)
}

// ask asks for user name and password, as far as that is wanted.
func (d *dialogue) ask(refusal string) string {
	var fields strings.Builder
	if len(d.g.Groups) > 0 {
		fields.WriteString(`<select name="group_list" label="GROUP:">`)
		for _, name := range d.g.Groups {
			selected := ""
			if name == d.group {
				selected = ` selected="true"`
			}
			fields.WriteString(`<option` + selected + ` value="` + name + `">` + name + `</option>`)
		}
		fields.WriteString(`</select>`)
	}
	auth := `<auth id="main"><authentication-complete></authentication-complete></auth>`
	if d.g.User != "" {
		fields.WriteString(`<input type="text" name="username" label="Username:"></input><input type="password" name="password" label="Password:"></input>`)
		auth = `<auth id="main"><title>Login</title><message>Please enter your username and password.</message><banner></banner><form>` + fields.String() + `</form></auth>`
	}
	if refusal != "" {
		refusal = `<error id="13" param1="" param2="">` + refusal + `</error>`
	}
	return document("auth-request", d.opaque(), `<csport>443</csport>`, auth, d.scan(), refusal)
}

// scan asks for the check of the host.
func (d *dialogue) scan() string {
	if !d.g.Scan {
		return ""
	}
	return `<host-scan><host-scan-ticket>` + scanTicket + `</host-scan-ticket><host-scan-token>` + scanToken + `</host-scan-token>` +
		`<host-scan-base-uri>/CACHE</host-scan-base-uri><host-scan-wait-uri>/+CSCOE+/sdesktop/wait.html</host-scan-wait-uri></host-scan>`
}

const maxRefused = 3

// reply answers auth-reply.
func (d *dialogue) reply(text string, root *aggregate.Element) (string, error) {
	answers := map[string]string{}
	if auth := root.Child("auth"); auth != nil {
		for _, e := range auth.Children {
			answers[e.Name] = e.Text
		}
	}
	token := ""
	if e := root.Child("host-scan-token"); e != nil {
		token = e.Text
	}
	switch {
	case !strings.Contains(text, d.opaque()):
		return "", errors.New("auth-reply does not repeat what is opaque")
	case root.Child("session-id") == nil || root.Child("session-token") == nil:
		return "", errors.New("auth-reply without a session")
	case !d.named && d.g.Scan && token != scanToken:
		return "", fmt.Errorf("auth-reply with the token %q", token)
	case !d.named && (answers["username"] != d.g.User || answers["password"] != d.g.Password):
		if d.refused++; d.refused == maxRefused {
			return "", errors.New("the client guesses")
		}
		return d.ask("Login failed."), nil
	case !d.named && d.g.Code != "":
		d.named = true
		return document("auth-request", d.opaque(), `<auth id="challenge"><title>Code</title><message>What does your token show?</message>`+
			`<form><input type="password" name="answer" label="Code:"></input></form></auth>`), nil
	case d.g.Code != "" && answers["password"] != d.g.Code:
		return "", errors.New("the code is wrong")
	case d.g.Refusal != "":
		return document("complete", `<auth id="failure"><message id="0" param1="" param2="">`+d.g.Refusal+`</message></auth>`), nil
	}
	d.complete = true
	return document("complete", `<session-id>4711</session-id><session-token>A1B2C3@4711@D4E5@F60718293A4B5C6D</session-token>`,
		`<auth id="success"><message id="0" param1="" param2=""></message></auth>`,
		`<capabilities><crypto-supported>ssl-dhe</crypto-supported></capabilities>`,
		`<config client="vpn" type="private"><vpn-base-config><base-package-uri>/CACHE/stc/2</base-package-uri></vpn-base-config></config>`), nil
}
