package foreign

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"
)

// The keys that NetworkManager-pptp, -l2tp and -sstp have in common.
var pppData = map[string]rule{
	"gateway":    to("gateway"),
	"user":       nothing, // see pppLogin
	"domain":     nothing,
	"refuse-eap": nothing, "refuse-pap": nothing, "refuse-chap": nothing, "refuse-mschap": nothing, "refuse-mschapv2": nothing,
	"lcp-echo-interval": seconds("force-dpd"),
	"lcp-echo-failure":  nothing,
	"nobsdcomp":         nothing, "nodeflate": nothing, "no-vj-comp": nothing, "nopcomp": nothing, "noaccomp": nothing, // nothing is compressed
	"unit":      nothing, // of a device that there is not
	"no-secret": nothing,
}

// with adds a plugin's own rules.
func with(common, more map[string]rule) map[string]rule {
	all := maps.Clone(common)
	maps.Copy(all, more)
	return all
}

const insideIPsec = "packets are encrypted outside already"

var pptpService = service{
	protocol: "pptp",
	data: with(pppData, map[string]rule{
		"require-mppe":     pppEncrypts,
		"require-mppe-128": pppEncrypts,
		"require-mppe-40":  when("allow-mppe-40", "true"),
		"mppe-stateful":    when("mppe-stateful", "true"),
	}),
	keeps:  map[string]string{"password": "password"},
	before: func(d *draft, _ fields) { d.pppLogin("mschapv2", "eap") },
}

// pppEncrypts takes a no for the word that allows packets in the clear.
func pppEncrypts(d *draft, value string) {
	switch {
	case isYes(value):
		d.set("require-mppe", "true")
	case d.Options["require-mppe"] == "": // the other key may say yes
		d.set("require-mppe", "false")
	}
}

var sstpService = service{
	protocol: "sstp",
	data: with(pppData, map[string]rule{
		"ca-cert":              to("cacert"),
		"mtu":                  to("mtu"),
		"connection-type":      nothing, // see sstpBefore
		"tls-user-cert":        nothing,
		"tls-user-key":         nothing,
		"tls-ca-cert":          nothing,
		"tls-identity":         to("eap-identity"),
		"tls-remotename":       to("eap-server"),
		"tls-subject-name":     nothing, // of the certificate, which has it
		"tls-ext":              nothing, // the gateway's name is always sent
		"tls-verify-method":    unless("tls-verify-method", "the name in the server's certificate is that of eap-server, or the gateway's", "name"),
		"tls-verify-key-usage": nothing, // always
		"tls-max-version":      nothing, // as the gateway can
		"crl-file":             unless("crl-file", "certificates are not looked up in lists of revoked ones"),
		"ignore-cert-warn":     unless("ignore-cert-warn", "a certificate that no authority vouches for is asked about; to accept just that one, add servercert=pin-sha256:..., which the question shows", "no"),
		"proxy-server":         nothing, // see sstpProxy
		"proxy-port":           nothing, "proxy-user": nothing,
		"require-mppe":     unless("require-mppe", insideIPsec, "no"),
		"require-mppe-40":  unless("require-mppe-40", insideIPsec, "no"),
		"require-mppe-128": unless("require-mppe-128", insideIPsec, "no"),
		"mppe-stateful":    nothing, "uuid": nothing,
	}),
	keeps:   map[string]string{"password": "password", "tls-user-key-secret": "key-password", "proxy-password": "proxy-password"},
	secrets: map[string]rule{"no-secret": nothing},
	before:  sstpBefore,
}

func sstpBefore(d *draft, _ fields) {
	d.pppLogin("mschapv2", "eap", "chap-md5", "pap")
	if d.fields["connection-type"] == "tls" {
		d.pppCertificate("tls-user-cert", "tls-user-key", "tls-ca-cert")
	}
	server, port, user := d.fields["proxy-server"], d.fields["proxy-port"], d.fields["proxy-user"]
	if server == "" || port == "" {
		return
	}
	if user != "" {
		user += "@"
	}
	d.set("proxy", "http://"+user+server+":"+port)
}

var l2tpService = service{
	protocol: "l2tp",
	data: with(pppData, map[string]rule{
		"mtu":            to("mtu"),
		"mru":            nothing, // as mtu
		"mrru":           unless("mrru", noSetting),
		"user-auth-type": nothing, // see l2tpBefore, as for those below
		"user-ca":        nothing, "user-cert": nothing, "user-key": nothing,
		"machine-auth-type": nothing, "machine-ca": nothing, "machine-cert": nothing, "machine-key": nothing,
		"ipsec-enabled":      nothing,
		"ipsec-psk":          nothing,
		"ipsec-group-name":   to("local-id"),
		"ipsec-gateway-id":   to("remote-id"),
		"ipsec-remote-id":    to("remote-id"),
		"ipsec-ike":          ipsecProposals("ike"),
		"ipsec-esp":          ipsecProposals("esp"),
		"ipsec-ikelifetime":  seconds("ike-lifetime"),
		"ipsec-salifetime":   seconds("esp-lifetime"),
		"ipsec-forceencaps":  nothing, // where there is a NAT
		"ipsec-ipcomp":       unless("ipsec-ipcomp", "packets are not compressed", "no"),
		"ipsec-ikev2":        never("ipsec-ikev2", "L2TP goes with IKE version 1 here; take it out if the gateway can"),
		"ipsec-pfs":          nothing, // as the gateway has it
		"ephemeral-port":     nothing, // always
		"xl2tpd-max-retries": nothing,
		"ipcp-peer-ip":       unless("ipcp-peer-ip", noSetting),
		"require-mppe":       unless("require-mppe", insideIPsec, "no"),
		"require-mppe-40":    unless("require-mppe-40", insideIPsec, "no"),
		"require-mppe-128":   unless("require-mppe-128", insideIPsec, "no"),
		"mppe-stateful":      nothing,
	}),
	keeps:   map[string]string{"password": "password", "ipsec-psk": "psk", "user-certpass": "key-password"},
	secrets: map[string]rule{"no-secret": nothing},
	before:  l2tpBefore,
}

func l2tpBefore(d *draft, secrets fields) {
	d.pppLogin("mschapv2", "eap", "chap-md5")
	if !isYes(d.fields["ipsec-enabled"]) {
		d.refuse("ipsec-enabled", "L2TP without IPsec sends everything in the clear, which penstock does not do; if the gateway has IPsec, say ipsec-enabled=yes and ipsec-psk")
	}
	byUser, byMachine := d.fields["user-auth-type"] == "tls", d.fields["machine-auth-type"] == "tls"
	switch {
	case byUser && byMachine:
		d.refuse("user-auth-type", "only one of user and computer can have a certificate")
	case byUser:
		d.pppCertificate("user-cert", "user-key", "user-ca")
	case byMachine:
		d.set("auth", "cert")
		d.certificate("machine-cert", "machine-key")
		d.set("cacert", d.fields["machine-ca"])
		d.keeps = map[string]string{"password": "password", "machine-certpass": "key-password"}
	}
	if psk := d.fields.take("ipsec-psk"); psk != "" && secrets["ipsec-psk"] == "" { // where old versions had it
		secrets["ipsec-psk"] = psk
	}
	if key, encoded := strings.CutPrefix(secrets["ipsec-psk"], "0s"); encoded {
		if plain, err := base64.StdEncoding.DecodeString(key); err == nil && len(plain) > 0 {
			secrets["ipsec-psk"] = string(plain)
		}
	}
}

// ipsecProposals is the rule of a list as strongSwan and Libreswan have it.
func ipsecProposals(key string) rule {
	clean := strings.NewReplacer("!", "", ";", "-", "sha2_", "sha", " ", "")
	return func(d *draft, value string) { d.set(key, clean.Replace(strings.ToLower(value))) }
}

// pppMethods are the ways to log in, and the keys that refuse them.
var pppMethods = []struct{ name, refusal string }{
	{"mschapv2", "refuse-mschapv2"}, {"eap", "refuse-eap"}, {"chap-md5", "refuse-chap"}, {"pap", "refuse-pap"},
}

// pppLogin reads the name and how to log in. A way that is not ours by default needs a
// refusal of "no": what is weak is used when it is named.
func (d *draft) pppLogin(defaults ...string) {
	if user := d.fields["user"]; user != "" {
		if domain := d.fields["domain"]; domain != "" {
			user = domain + `\` + user
		}
		d.set("username", user)
	}
	var methods []string
	for _, m := range pppMethods {
		switch refused := d.fields[m.refusal]; {
		case isYes(refused):
		case refused == "no", slices.Contains(defaults, m.name):
			methods = append(methods, m.name)
		}
	}
	switch {
	case len(methods) == 0:
		d.refuse("refuse-mschapv2", "no way to log in is left that penstock knows: mschapv2, eap, chap or pap; MS-CHAP version 1 is not among them")
	case !slices.Equal(methods, defaults):
		d.set("auth-methods", strings.Join(methods, ","))
	}
}

// pppCertificate logs in by EAP-TLS.
func (d *draft) pppCertificate(certificate, key, authorities string) {
	d.set("auth-methods", "eap")
	d.set("eap-methods", "tls")
	d.certificate(certificate, key)
	if d.fields["ca-cert"] == "" { // of the gateway, which has the same place
		d.set("cacert", d.fields[authorities])
	} else if d.fields["ca-cert"] != d.fields[authorities] {
		d.note("%s: one file has to hold all authorities: ca-cert", authorities)
	}
}

// certificate takes the two files, which are one with PKCS#12.
func (d *draft) certificate(certificate, key string) {
	file := d.fields[certificate]
	if file == "" {
		file = d.fields[key]
	} else if file != d.fields[key] {
		d.set("userkey", d.fields[key])
	}
	d.set("usercert", file)
}
