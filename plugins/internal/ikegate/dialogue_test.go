package ikegate

import (
	"crypto/x509"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/aggregate"
	"github.com/penstock-vpn/penstock/plugins/internal/eap/anyconnect"
)

// says is a client's document.
func says(kind, content string) *anyconnect.Message {
	text := `<config-auth client="vpn" type="` + kind + `" aggregate-auth-version="2"><version who="vpn">1</version><device-id>win</device-id>` + content + `</config-auth>`
	return &anyconnect.Message{VendorType: anyconnect.VendorType, Parts: []anyconnect.TLV{{Kind: anyconnect.XML, Value: []byte(text)}}}
}

// paths lists the elements of a document with their attributes of interest.
func paths(e *aggregate.Element, above string) (all []string) {
	here := above + "/" + e.Name
	for _, name := range []string{"type", "is-for", "id", "name", "who"} {
		if value := e.Attrs[name]; value != "" {
			here += "[" + name + "=" + value + "]"
		}
	}
	all = append(all, here)
	for _, c := range e.Children {
		all = append(all, paths(c, here)...)
	}
	return all
}

// Each document has the elements that are known of Cisco's gateways, in order.
func TestDocumentsOfTheGateway(t *testing.T) {
	const init = `<group-access>https://vpn.test/</group-access>`
	opaque := `<opaque is-for="sg"><tunnel-group></tunnel-group><config-hash>1623400123456</config-hash></opaque>`
	const session = `<session-id></session-id><session-token></session-token>`
	top := func(kind string, below ...string) []string {
		root := "/config-auth[type=" + kind + "]"
		all := []string{root}
		for _, b := range below {
			all = append(all, root+"/"+b)
		}
		return all
	}
	request := func(below ...string) []string {
		return top("auth-request", append([]string{"opaque[is-for=sg]", "opaque[is-for=sg]/tunnel-group", "opaque[is-for=sg]/config-hash", "csport"}, below...)...)
	}
	const form = "auth[id=main]/form"
	fields := []string{"auth[id=main]", "auth[id=main]/title", "auth[id=main]/message", "auth[id=main]/banner", form,
		form + "/input[type=text][name=username]", form + "/input[type=password][name=password]"}
	scan := []string{"host-scan", "host-scan/host-scan-ticket", "host-scan/host-scan-token", "host-scan/host-scan-base-uri", "host-scan/host-scan-wait-uri"}
	complete := top("complete", "session-id", "session-token", "auth[id=success]", "auth[id=success]/message[id=0]", "capabilities", "capabilities/crypto-supported",
		"config[type=private]", "config[type=private]/vpn-base-config", "config[type=private]/vpn-base-config/base-package-uri")
	for name, test := range map[string]struct {
		policy Policy
		said   []*anyconnect.Message
		want   []string
	}{
		"form":           {Policy{User: "alice"}, []*anyconnect.Message{says("init", init)}, request(fields...)},
		"host scan":      {Policy{User: "alice", Scan: true}, []*anyconnect.Message{says("init", init)}, request(append(append([]string(nil), fields...), scan...)...)},
		"certificate":    {Policy{Clients: x509.NewCertPool()}, []*anyconnect.Message{says("init", init)}, top("auth-request", "client-cert-request")},
		"without a form": {Policy{Scan: true}, []*anyconnect.Message{says("init", init)}, request(append([]string{"auth[id=main]", "auth[id=main]/authentication-complete"}, scan...)...)},
		"refused": {Policy{User: "alice"}, []*anyconnect.Message{says("init", init), says("auth-reply", session+opaque+"<auth><username>eve</username></auth>")},
			request(append(append([]string(nil), fields...), "error[id=13]")...)},
		"challenge": {Policy{User: "alice", Code: "1"}, []*anyconnect.Message{says("init", init), says("auth-reply", session+opaque+"<auth><username>alice</username><password></password></auth>")},
			top("auth-request", "opaque[is-for=sg]", "opaque[is-for=sg]/tunnel-group", "opaque[is-for=sg]/config-hash", "auth[id=challenge]", "auth[id=challenge]/title",
				"auth[id=challenge]/message", "auth[id=challenge]/form", "auth[id=challenge]/form/input[type=password][name=answer]")},
		"complete": {Policy{User: "alice"}, []*anyconnect.Message{says("init", init), says("auth-reply", session+opaque+"<auth><username>alice</username><password></password></auth>")}, complete},
	} {
		d := newDialogue(New(test.policy))
		text := d.hello()
		for _, m := range test.said {
			var err error
			if text, err = d.next(m); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		root, err := aggregate.ParseXML([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, want := strings.Join(paths(root, ""), "\n"), strings.Join(test.want, "\n"); got != want {
			t.Errorf("%s:\ngot\n%s\nwant\n%s", name, got, want)
		}
		if root.Attrs["client"] != "vpn" || root.Attrs["aggregate-auth-version"] != "2" {
			t.Errorf("%s: %v", name, root.Attrs)
		}
	}
}

// What a client must not leave out, or say at another time.
func TestTheGatewayIsStrict(t *testing.T) {
	const init = `<group-access>x</group-access>`
	d := newDialogue(New(Policy{User: "alice", Scan: true}))
	opaque, session := d.opaque(), `<session-id></session-id><session-token></session-token>`
	auth := `<auth><username>alice</username><password></password></auth>`
	for name, m := range map[string]*anyconnect.Message{
		"init without group-access": says("init", ""), "ack at once": says("ack", ""), "an odd type": says("hello", ""),
		"no opaque": says("auth-reply", session+auth), "no session": says("auth-reply", opaque+auth),
		"no token": says("auth-reply", session+opaque+auth), "no XML": {VendorType: anyconnect.VendorType},
		"another method": {VendorType: 1, Parts: says("init", init).Parts},
	} {
		if text, err := newDialogue(d.g).next(m); err == nil {
			t.Errorf("%s: %s", name, text)
		}
	}
}

// A request is code 1, an id, a length, type 254, vendor 9, the method, and one TLV of XML.
func TestRequestOnTheWire(t *testing.T) {
	b, err := New(Policy{}).request(5, "<a/>")
	if want := "01" + "05" + "0014" + "fe" + "000009" + "44425250" + "0000" + "0004" + "3c612f3e"; err != nil || hex.EncodeToString(b) != want {
		t.Errorf("got %x, %v, want %s", []byte(b), err, want)
	}
}
