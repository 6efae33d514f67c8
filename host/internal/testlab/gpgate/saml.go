package gpgate

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
)

// The site that knows the users, on the gateway's own address. Its form is for
// browsers, and its last page is what clients wait for.
const (
	samlLogin = "/idp/login"
	samlDone  = "/SAML20/SP/ACS"
)

// samlRequest is what the client is to open: an address, or a page that goes there
// by itself.
func (g *gate) samlRequest(r *request, s SAML, portal bool) string {
	token := hex.EncodeToString(random(8))
	g.mu.Lock()
	g.saml[token] = portal
	g.mu.Unlock()
	to := "https://" + r.Host + samlLogin
	if s.Method == "REDIRECT" {
		return to + "?" + url.Values{"SAMLRequest": {token}}.Encode()
	}
	return render(samlPost, values{"to": to, "token": token})
}

var samlPost = page(`<html>
<body>
<form id="myform" method="POST" action="{{.to}}">
<input type="hidden" name="SAMLRequest" value="{{.token}}" />
</form>
<script>document.getElementById('myform').submit();</script>
</body>
</html>
`)

func html() []string { return []string{"Content-Type: text/html"} }

// samlForm asks for name and password.
func (g *gate) samlForm(r *request) reply {
	return reply{headers: html(), body: render(samlAsk, values{"to": "https://" + r.Host + samlDone, "token": r.fields.Get("SAMLRequest")})}
}

var samlAsk = page(`<html><head><title>Sign in</title></head><body>
<form method="post" action="{{.to}}">
<input type="hidden" name="RelayState" value="{{.token}}"/>
<input type="text" name="username"/><input type="password" name="password"/>
<input type="submit" value="Sign in"/>
</form></body></html>
`)

// samlEnd is the last page.
func (g *gate) samlEnd(r *request) reply {
	token, user := r.fields.Get("RelayState"), strings.ToLower(r.fields.Get("username"))
	g.mu.Lock()
	portal, asked := g.saml[token]
	g.mu.Unlock()
	role := r.c.Gateway
	if portal {
		role = r.c.Portal
	}
	if !asked || role.Users[user] == "" || role.Users[user] != r.fields.Get("password") {
		return reply{status: 403, headers: append(html(), "saml-auth-status: -1"), body: "<html><body>Login Failed<!-- <saml-auth-status>-1</saml-auth-status> --></body></html>\n"}
	}
	g.mu.Lock()
	delete(g.saml, token)
	g.mu.Unlock()
	return g.samlOutcome(role.SAML, standIn{user: user, portal: portal, once: role.SAML.Cookie == "prelogin-cookie"})
}

// samlOutcome tells the client who has signed in, in one of the ways there are.
func (g *gate) samlOutcome(s SAML, who standIn) reply {
	if s.Ends == "cas" {
		token := g.mint("token", standIn{user: who.user, portal: who.portal, once: true})
		return callback("cas-as=1&un=" + url.QueryEscape(who.user) + "&token=" + url.QueryEscape(token))
	}
	value := g.mint(s.Cookie, who)
	comments := "<!-- <saml-auth-status>1</saml-auth-status><" + s.Cookie + ">" + value + "</" + s.Cookie + "><saml-username>" + who.user + "</saml-username> -->"
	whole := "<html><head><title>Login Successful!</title></head><body>Login Successful!" + comments + "</body></html>\n"
	switch s.Ends {
	case "comments":
		return reply{headers: html(), body: whole}
	case "callback":
		return callback(base64.StdEncoding.EncodeToString([]byte(whole)))
	}
	return reply{headers: append(html(), "saml-auth-status: 1", "saml-username: "+who.user, s.Cookie+": "+value), body: whole}
}

// callback is a page that opens the client's own address.
func callback(what string) reply {
	return reply{headers: html(), body: render(callbackPage, values{"to": "globalprotectcallback:" + what})}
}

var callbackPage = page(`<html><head><title>Login Successful!</title></head><body>
<a href="{{.to}}">Open GlobalProtect</a>
<script>document.location = document.links[0].href;</script>
</body></html>
`)
