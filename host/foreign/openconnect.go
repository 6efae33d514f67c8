package foreign

import (
	"maps"
	"slices"
	"strings"
)

const oneCertificate = "a second certificate for the login is not offered"

// openConnectService are the keys of NetworkManager-openconnect; most are ours too.
var openConnectService = service{
	protocol: "anyconnect",
	data: map[string]rule{
		"protocol":                 openConnectProtocol,
		"gateway":                  to("gateway"),
		"cacert":                   to("cacert"),
		"usercert":                 to("usercert"),
		"userkey":                  to("userkey"),
		"proxy":                    to("proxy"),
		"mtu":                      to("mtu"),
		"useragent":                to("useragent"),
		"version_string":           to("version-string"),
		"reported_os":              to("os"),
		"disable_udp":              when("no-dtls", "true"),
		"csd_wrapper":              openConnectWrapper,
		"enable_csd_trojan":        nothing, // see openConnectForms
		"authtype":                 nothing, // what its editor shows
		"pem_passphrase_fsid":      unless("pem_passphrase_fsid", "the key's passphrase is asked for, it is not made of the file system's number", "no"),
		"prevent_invalid_cert":     unless("prevent_invalid_cert", "a certificate that no authority vouches for is asked about: say no", "no"),
		"stoken_source":            unless("stoken_source", "codes are asked for: type what the token shows", "disabled"),
		"mcacert":                  unless("mcacert", oneCertificate),
		"mcakey":                   unless("mcakey", oneCertificate),
		"entra_conditional_access": unless("entra_conditional_access", "a login by the broker of Entra ID is not offered", "no"),
		"resolve":                  nothing, // of the last session
		"lasthost":                 nothing,
	},
	keeps: map[string]string{"key_pass": "key-password"},
	secrets: map[string]rule{ // the first four come from whoever has logged in
		"cookie":        func(d *draft, value string) { d.hide("cookie", value) },
		"gateway":       to("gateway"),
		"gwcert":        to("servercert"),
		"resolve":       to("resolve"),
		"stoken_string": unless("stoken_string", "the token's seed is left out"),
		"mca_key_pass":  unless("mca_key_pass", oneCertificate),
		"lasthost":      nothing, "autoconnect": nothing, "save_passwords": nothing,
		"save_plaintext_cookies": nothing, "xmlconfig": nothing, "certsigs": nothing,
	},
	before: openConnectForms,
	asks:   map[string]string{"username": "form:main:username", "authgroup": "form:main:group_list"},
	spare:  openConnectSession,
}

// openConnectSession are the secrets of one session alone.
var openConnectSession = []string{"cookie", "gwcert", "gateway", "resolve"}

// openConnectProtocol knows OpenConnect's names for protocols that we call otherwise.
func openConnectProtocol(d *draft, value string) {
	names := map[string]string{"gp": "globalprotect", "juniper": "nc"}
	if ours, ok := names[value]; ok {
		value = ours
	}
	d.set("protocol", value)
}

// openConnectWrapper sees whether the program may run at all.
func openConnectWrapper(d *draft, value string) {
	if d.fields.yes("enable_csd_trojan") {
		d.set("csd-wrapper", value)
	} else if value != "" {
		d.note("csd_wrapper: it is switched off in the connection")
	}
}

// openConnectForms reads what was typed into forms at the last login, and what is
// about the switch of the host scan alone.
func openConnectForms(d *draft, secrets fields) {
	if d.fields["csd_wrapper"] == "" && d.fields.yes("enable_csd_trojan") {
		d.note("enable_csd_trojan: the gateway's own program is never run; name one by the option csd-wrapper")
	}
	for _, key := range slices.Sorted(maps.Keys(secrets)) {
		if strings.HasPrefix(key, "certificate:") { // what was trusted at the last login
			secrets.drop(key)
		}
		rest, isForm := strings.CutPrefix(key, "form:")
		form, name, ok := strings.Cut(rest, ":")
		if !isForm || !ok {
			continue
		}
		value := secrets[key]
		secrets.drop(key)
		switch name {
		case "username", "user":
			d.set("username", value)
		case "password", "passwd":
			d.hide("password", value)
		case "secondary_username":
			d.set("secondary-username", value)
		case "secondary_password":
			d.hide("secondary-password", value)
		case "group_list":
			d.set("authgroup", value)
		default:
			d.note("%s: an answer to the form %s, perhaps a secret; it is asked for", key, form)
		}
	}
}
