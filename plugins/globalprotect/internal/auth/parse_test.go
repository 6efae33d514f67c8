package auth

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/gp"
	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/xmldoc"
)

func doc(t testing.TB, text string) *xmldoc.Element {
	t.Helper()
	root, err := xmldoc.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func TestPrelogin(t *testing.T) {
	p, err := parsePrelogin(doc(t, `<prelogin-response><status>Success</status><ccusername>bob</ccusername><authentication-message>Hello</authentication-message>
<username-label>Login:</username-label><password-label></password-label><region>DE</region></prelogin-response>`))
	if err != nil || p.userLabel != "Login" || p.passwordLabel != "Password" || p.user != "bob" || p.region != "DE" || p.message != "Hello" || p.page != nil {
		t.Errorf("got %+v, %v", p, err)
	}
	encoded := base64.StdEncoding.EncodeToString
	for request, want := range map[string]string{
		"<saml-auth-method>REDIRECT</saml-auth-method><saml-request>" + encoded([]byte("https://idp.test/?x=1")) + "</saml-request>": "https://idp.test/?x=1",
		"<saml-auth-method>POST</saml-auth-method><saml-request>" + encoded([]byte("<html>x</html>")) + "</saml-request>":            "<html>x</html>",
	} {
		p, err := parsePrelogin(doc(t, "<prelogin-response>"+request+"</prelogin-response>"))
		if err != nil || p.page == nil || p.page.url+p.page.html != want {
			t.Errorf("got %+v, %v", p.page, err)
		}
	}
	for _, wrong := range []string{
		"<other/>", "<prelogin-response><saml-auth-method>REDIRECT</saml-auth-method><saml-request>%</saml-request></prelogin-response>",
		"<prelogin-response><saml-auth-method>REDIRECT</saml-auth-method><saml-request>" + encoded([]byte("file:///etc")) + "</saml-request></prelogin-response>",
		"<prelogin-response><saml-auth-method>DANCE</saml-auth-method><saml-request>eA==</saml-request></prelogin-response>",
	} {
		if p, err := parsePrelogin(doc(t, wrong)); err == nil {
			t.Errorf("%s: got %+v", wrong, p)
		}
	}
}

const policy = `<policy><portal-name>P</portal-name><version>6.1</version><portal-userauthcookie>AB</portal-userauthcookie><portal-prelogonuserauthcookie>empty</portal-prelogonuserauthcookie>
<gateways><external><list>
<entry name="a.test"><description>A town</description><priority-rule><entry name="US"><priority>1</priority></entry><entry name="Any"><priority>3</priority></entry></priority-rule></entry>
<entry name="b.test:444"><description>B town</description><priority-rule><entry name="Any"><priority>2</priority></entry></priority-rule></entry>
<entry name="c.test"><description>C town</description></entry><entry name="d.test/x"/><entry/></list></external></gateways>
<hip-collection><hip-report-interval>3600</hip-report-interval></hip-collection></policy>`

func TestPortal(t *testing.T) {
	p, err := parsePortal(gp.Answer{Root: doc(t, policy)})
	if err != nil || p.version != "6.1" || p.hipInterval != time.Hour || p.cookies.Encode() != "portal-userauthcookie=AB" || len(p.gateways) != 3 {
		t.Fatalf("got %+v, %v", p, err)
	}
	for region, want := range map[string]string{"US": "a.test", "DE": "b.test:444", "": "b.test:444"} {
		if best := p.best(region); len(best) != 1 || best[0].address != want {
			t.Errorf("in %s: got %+v", region, best)
		}
	}
	for choice, want := range map[string]string{"c.test": "c.test", "B.TEST": "b.test:444", "c t": "c.test", "A town": "a.test"} {
		if g, err := p.named(choice); err != nil || g.address != want {
			t.Errorf("%s: got %+v, %v", choice, g, err)
		}
	}
	if _, err := p.named("x"); err == nil {
		t.Error("a gateway that is none")
	}
	for i := range p.gateways {
		p.gateways[i].priorities = nil
	}
	if len(p.best("DE")) != 3 {
		t.Error("without priorities all are as good")
	}
}

func TestLoginAnswer(t *testing.T) {
	arguments := []string{"(null)", "cafe", "pid", "GW N", "Al%20Ice", "LDAP", "vsys1", "%28empty_domain%29", "(null)", "", "", "", "tunnel", "5", "4100", "10.0.0.2", "uc", "pc", "fd00::2", "4", "unknown", "more"}
	answer := func(n int) string {
		return "<jnlp><application-desc><argument>" + strings.Join(arguments[:n], "</argument><argument>") + "</argument></application-desc></jnlp>"
	}
	for n, want := range map[int]string{
		22: "authcookie=cafe&portal=GW%20N&user=Al%20Ice&domain=%28empty_domain%29&preferred-ip=10.0.0.2&preferred-ipv6=fd00%3A%3A2&computer=laptop",
		16: "authcookie=cafe&portal=GW%20N&user=Al%20Ice&domain=%28empty_domain%29&preferred-ip=10.0.0.2&computer=laptop",
		2:  "authcookie=cafe&user=alice&computer=laptop",
	} {
		a, err := parseLogin(doc(t, answer(n)))
		if err != nil || a.cookie("alice", "laptop").Encode() != want {
			t.Errorf("%d arguments: got %s, %v", n, a.cookie("alice", "laptop").Encode(), err)
		}
		if days := map[int]int{22: 5, 16: 5, 2: -1}[n]; a.passwordDays != days {
			t.Errorf("%d arguments: %d days", n, a.passwordDays)
		}
	}
	if _, err := parseLogin(doc(t, answer(1))); err == nil {
		t.Error("a session without a cookie")
	}
}

func TestCallback(t *testing.T) {
	page := "<html><!-- <saml-auth-status>1</saml-auth-status><saml-username>al@test</saml-username><prelogin-cookie>c+/=</prelogin-cookie> --></html>"
	good := credentials{user: "al@test", field: "prelogin-cookie", secret: "c+/=", once: true}
	for text, want := range map[string]credentials{
		page: good,
		"globalprotectcallback:" + base64.StdEncoding.EncodeToString([]byte(page)):                   good,
		" GlobalProtectCallback://" + base64.URLEncoding.EncodeToString([]byte(page)):                good,
		"HTTP/1.1 200\r\nsaml-username: al@test\r\nprelogin-cookie: c+/=\r\nsaml-auth-status: 1\r\n": good,
		"globalprotectcallback:cas-as=1&un=al%40test&token=t1":                                       {user: "al@test", field: "token", secret: "t1", once: true},
		strings.ReplaceAll(page, "prelogin-cookie", "portal-userauthcookie"):                         {user: "al@test", field: "portal-userauthcookie", secret: "c+/=", once: true},
	} {
		if got, err := parseCallback(text); err != nil || got != want {
			t.Errorf("%q: got %+v, %v", text, got, err)
		}
	}
	for _, wrong := range []string{"", "globalprotectcallback:", "globalprotectcallback:%%", "https://idp.test/", strings.Replace(page, ">1<", ">-1<", 1), "globalprotectcallback:cas-as=1&un=x"} {
		if got, err := parseCallback(wrong); err == nil {
			t.Errorf("%q: got %+v", wrong, got)
		}
	}
}

func FuzzDocuments(f *testing.F) {
	f.Add([]byte(policy), "US", "a")
	f.Add([]byte(`<jnlp><application-desc><argument/><argument>c</argument></application-desc></jnlp>`), "", "")
	f.Add([]byte(`<prelogin-response><saml-auth-method>POST</saml-auth-method><saml-request>eA==</saml-request></prelogin-response>`), "", "")
	f.Fuzz(func(t *testing.T, body []byte, region, choice string) {
		root, err := xmldoc.Parse(body)
		if err != nil {
			return
		}
		if p, err := parsePrelogin(root); err == nil && p.page != nil && (p.page.url == "") == (p.page.html == "") && p.page.html+p.page.url != "" {
			t.Fatalf("%+v", p.page)
		}
		if a, err := parseLogin(root); err == nil && a.cookie("u", "c").Get(gp.AuthCookie) == "" {
			t.Fatalf("%+v", a)
		}
		p, err := parsePortal(gp.Answer{Root: root})
		if err != nil {
			return
		}
		for _, g := range append(p.best(region), p.gateways...) {
			if u, err := g.url(); err != nil || u.Hostname() == "" {
				t.Fatalf("%+v", g)
			}
		}
		if _, err := p.named(choice); err != nil && len(p.gateways) == 0 && len(err.Error()) > 4096 {
			t.Fatal(len(err.Error()))
		}
	})
}

func FuzzCallback(f *testing.F) {
	f.Add("globalprotectcallback:cas-as=1&un=a&token=b")
	f.Add("globalprotectcallback:PHNhbWwtdXNlcm5hbWU+YTwvc2FtbC11c2VybmFtZT48cHJlbG9naW4tY29va2llPmI8L3ByZWxvZ2luLWNvb2tpZT4=")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := parseCallback(text); err == nil && (c.user == "" || c.secret == "" || c.field == "" || !c.once) {
			t.Fatalf("%q: %+v", text, c)
		}
	})
}
