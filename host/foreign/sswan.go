package foreign

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
)

const asRoutes = "set routes in NetworkManager: ipv4.routes and ipv4.never-default"

// What is said of the rest of a strongSwan profile.
var sswanReasons = []reason{
	{"split-tunneling.", asRoutes},
	{"apps", "a setting of Android"}, {"excluded-apps", "a setting of Android"},
	{"dns-servers", "set it in NetworkManager: ipv4.dns"},
	{"remote.revocation.", "certificates are not looked up in lists of revoked ones"},
	{"local.rsa-pss", "signatures are chosen with the gateway"},
}

// readSSwan reads a profile of strongSwan's Android app.
func readSSwan(text string) (Result, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var tree map[string]any
	if err := shallowJSON(text); err != nil {
		return Result{}, err
	}
	if err := d.Decode(&tree); err != nil {
		return Result{}, fmt.Errorf("this is not valid JSON: %w", err)
	}
	f := fields{}
	flatten(f, "", texts(tree))
	if f["type"] == "" || f["remote.addr"] == "" {
		return Result{}, errors.New("this JSON is no strongSwan profile: it has no type or no remote.addr")
	}
	c, err := sswanConnection(f)
	return Result{Connections: []Connection{c}}, err
}

// shallowJSON bounds the nesting.
func shallowJSON(text string) error {
	depth := 0
	for _, r := range text {
		switch r {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if depth > maxDepth {
			return errors.New("the JSON has too many things within each other")
		}
	}
	return nil
}

// texts makes texts of a decoded value's numbers and switches.
func texts(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for k := range v {
			v[k] = texts(v[k])
		}
	case []any:
		for i := range v {
			v[i] = texts(v[i])
		}
	case nil:
		return ""
	case bool, json.Number:
		return fmt.Sprint(v)
	}
	return value
}

func sswanConnection(f fields) (Connection, error) {
	d := newDraft(f.take("name"), "ikev2", f)
	f.drop("uuid")
	address := f.take("remote.addr")
	if port := f.take("remote.port"); port != "" {
		address = net.JoinHostPort(strings.Trim(address, "[]"), port)
	}
	d.set("gateway", address)
	for from, key := range map[string]string{"remote.id": "remote-id", "local.id": "local-id", "local.eap_id": "username",
		"ike-proposal": "ike", "esp-proposal": "esp", "mtu": "mtu"} {
		d.move(from, key)
	}
	for _, key := range []string{"split-tunneling.block-ipv4", "split-tunneling.block-ipv6", "local.rsa-pss", "remote.revocation.strict"} {
		if f[key] == "false" {
			f.drop(key)
		}
	}
	for _, key := range []string{"remote.certreq", "remote.revocation.crl", "remote.revocation.ocsp"} {
		if f[key] == "true" {
			f.drop(key)
		}
	}
	d.sswanLogin(f.take("type"))
	if text := f.take("remote.cert"); text != "" {
		data, err := unbase64(text)
		if err != nil {
			return Connection{}, fmt.Errorf("remote.cert: %w", err)
		}
		d.trust("remote.cert", data)
	}
	if text := f.take("local.p12"); text != "" {
		data, err := unbase64(text)
		if err != nil {
			return Connection{}, fmt.Errorf("local.p12: %w", err)
		}
		d.hold("usercert", ".p12", data)
	}
	return d.done(sswanReasons...), nil
}

// sswanLogin reads the profile's type.
func (d *draft) sswanLogin(kind string) {
	switch kind {
	case "ikev2-eap":
		d.set("auth", "eap")
	case "ikev2-cert":
		d.set("auth", "cert")
	case "ikev2-eap-tls":
		d.set("auth", "eap")
		d.set("eap-methods", "tls")
	case "ikev2-byod-eap":
		d.set("auth", "eap")
		d.note("type: this computer's state (EAP-TNC) is not reported to the gateway")
	case "ikev2-cert-eap":
		d.set("auth", "eap")
		d.note("type: a login by certificate and then by password (RFC 4739) is not known; only the password is used")
	default:
		d.note("type: %s is unknown, choose the option auth", kind)
	}
}

// unbase64 takes what may be broken into lines.
func unbase64(text string) (string, error) {
	data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return "", errors.New("it is not valid base64")
	}
	return string(data), nil
}
