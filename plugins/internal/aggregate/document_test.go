package aggregate

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

const (
	userForm = `<?xml version="1.0" encoding="UTF-8"?><config-auth client="vpn" type="auth-request"><opaque is-for="sg"><tunnel-group>Default</tunnel-group><x a='1'/></opaque>` +
		`<auth id="main"><title>Login</title><message>Please enter your username and password.</message><banner>Authorised only</banner>` +
		`<form><input type="text" name="username" label="Username:"/><input type="password" name="password" label="Password:"/><input type="submit" name="Login"/></form></auth></config-auth>`
	groupForm = `<config-auth><auth id="main"><form><input type="text" name="username"/><select name="group_list" label="GROUP:"><option value="staff" selected="true">Staff network</option>` +
		`<option value="guests" second-auth="1" secondary_username="bob">Guests</option></select><input type="text" second-auth="1" name="secondary_username"/></form></auth></config-auth>`
	scanWanted = `<config-auth><auth id="main"/><host-scan><host-scan-ticket>T1CKET</host-scan-ticket><host-scan-token>T0KEN</host-scan-token>` +
		`<host-scan-base-uri>/CACHE</host-scan-base-uri><host-scan-wait-uri>/wait.html</host-scan-wait-uri></host-scan></config-auth>`
	complete = `<config-auth client="vpn" type="complete"><session-token>C00K1E</session-token><auth id="success"><banner>Welcome</banner></auth><config/></config-auth>`
)

// A gateway's every word is found where it belongs.
func TestParse(t *testing.T) {
	d, err := Parse([]byte(userForm), "linux-64")
	if err != nil || d.Type != "auth-request" || string(d.Opaque) != `<opaque is-for="sg"><tunnel-group>Default</tunnel-group><x a='1'/></opaque>` || d.Empty() {
		t.Fatalf("got %+v, %v", d, err)
	}
	if f := d.Form; f.ID != "main" || f.Title != "Login" || f.Banner != "Authorised only" || len(f.Inputs) != 2 || f.Inputs[1].Kind != PasswordInput {
		t.Errorf("form %+v", f)
	}
	d, err = Parse([]byte(scanWanted), "linux-64")
	if want := (HostScan{"T1CKET", "T0KEN", "/CACHE", "/wait.html"}); err != nil || d.Scan != want || !d.Scan.Wanted() {
		t.Errorf("scan %+v, %v", d.Scan, err)
	}
	d, err = Parse([]byte(complete), "linux-64")
	if err != nil || !d.Authenticated || d.Token != "C00K1E" || d.Form.Banner != "Welcome" || d.Config == nil {
		t.Errorf("got %+v, %v", d, err)
	}
	if d, err = Parse([]byte(`<config-auth type="hello"/>`), ""); err != nil || d.Type != "hello" || !d.Empty() {
		t.Errorf("got %+v, %v", d, err)
	}
}

func TestHostScanTheOldWay(t *testing.T) {
	old := `<?xml version="1.0"?><auth id="main"><csd token="T0KEN" ticket="T1CKET"/><csdMac starturl="/mac" waiturl="/mac"/><csdLinux stuburl="/stub" starturl="/start" waiturl="/wait"/></auth>`
	d, err := Parse([]byte(old), "linux-64")
	if err != nil || d.Scan != (HostScan{"T1CKET", "T0KEN", "/start", "/wait"}) {
		t.Errorf("got %+v, %v", d.Scan, err)
	}
	d, err = Parse([]byte(strings.ReplaceAll(old, "csdLinux", "csd")), "win")
	if err != nil || d.Scan != (HostScan{"T1CKET", "T0KEN", "/start", "/wait"}) {
		t.Errorf("on Windows: got %+v, %v", d.Scan, err)
	}
}

func TestFingerprintIsMD5InHex(t *testing.T) {
	got, _ := fingerprints([]*x509.Certificate{{Raw: []byte("x")}})
	if raw, err := hex.DecodeString(got); err != nil || len(raw) != 16 || got != strings.ToUpper(got) {
		t.Errorf("got %q", got)
	}
}

// What the client says, word for word.
func TestCompose(t *testing.T) {
	const head = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
	c := Composer{Version: "v1", OS: "linux-64"}
	full := Composer{Version: "v1", OS: "linux-64", Device: [][2]string{{"computer-name", `a"b`}}, MACs: []string{"00-01", "00-02"}, Methods: []string{"m"}, Session: true}
	f := &Form{Inputs: []Input{{Name: "group_list", Value: "staff"}, {Name: "username", Value: "a&b"}, {Name: "answer", Value: "1"}, {Name: "verify_pin", Value: "2"}}}
	for want, got := range map[string][]byte{
		`<config-auth client="vpn" type="init" aggregate-auth-version="2"><version who="vpn">v1</version><device-id>linux-64</device-id>` +
			`<group-access>https://a/</group-access></config-auth>`: c.Init("https://a/", "", nil, false),
		`<config-auth client="vpn" type="init" aggregate-auth-version="2"><version who="vpn">v1</version><device-id computer-name="a&#34;b">linux-64</device-id>` +
			`<mac-address-list><mac-address public-interface="true">00-01</mac-address><mac-address>00-02</mac-address></mac-address-list>` +
			`<capabilities><auth-method>m</auth-method></capabilities>` +
			`<opaque/><group-access>a</group-access><client-cert-fail></client-cert-fail><group-select>g</group-select></config-auth>`: full.Init("a", "g", []byte("<opaque/>"), true),
		`<config-auth client="vpn" type="auth-reply" aggregate-auth-version="2"><version who="vpn">v1</version><device-id>linux-64</device-id>` +
			`<auth><username>a&amp;b</username><password>1</password></auth><group-select>staff</group-select></config-auth>`: c.Reply(f, nil, ""),
		`<config-auth client="vpn" type="auth-reply" aggregate-auth-version="2"><version who="vpn">v1</version><device-id>linux-64</device-id>` +
			`<session-id></session-id><session-token></session-token><opaque/><auth></auth><host-scan-token>T</host-scan-token></config-auth>`: Composer{Version: "v1", OS: "linux-64", Session: true}.Reply(nil, []byte("<opaque/>"), "T"),
		`<config-auth client="vpn" type="ack" aggregate-auth-version="2"><version who="vpn">v1</version><device-id>linux-64</device-id></config-auth>`: c.Ack(),
	} {
		if string(got) != head+want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// A document that was read holds what it said: the opaque element, echoed in a reply,
// is found there again byte for byte.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{userForm, groupForm, scanWanted, complete, `<auth id="success"/>`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := Parse(body, "linux-64")
		if err != nil {
			if diag.Of(err).Code != diag.Protocol {
				t.Fatalf("an error without a code: %v", err)
			}
			return
		}
		if d.Form == nil {
			return
		}
		reply := Composer{Version: "v1", OS: "linux-64"}.Reply(d.Form, d.Opaque, "")
		root, err := ParseXML(reply)
		if err != nil {
			if len(reply) > maxXML || strings.Count(string(body), "<") > maxElements/2 {
				return
			}
			t.Fatalf("the reply cannot be read: %v\n%s", err, reply)
		}
		if echo := root.Child("opaque"); d.Opaque != nil && (echo == nil || !bytes.Equal(echo.raw, d.Opaque)) {
			t.Fatalf("the echo is not verbatim: %q of %q", echo.raw, d.Opaque)
		}
	})
}
