package foreign

import (
	"net"
	"strings"
)

const onlyWhatIsInside = "what goes through the tunnel is what the gateway allows; set ipv4.routes, ipv6.routes and never-default"

// strongSwanService are the keys of NetworkManager-strongswan.
var strongSwanService = service{
	protocol: "ikev2",
	data: map[string]rule{
		"address":         nothing, // see strongSwanBefore
		"server-port":     nothing,
		"method":          nothing,
		"cert-source":     nothing,
		"user":            nothing,
		"certificate":     to("cacert"),
		"remote-identity": to("remote-id"),
		"local-identity":  to("local-id"),
		"usercert":        to("usercert"),
		"userkey":         to("userkey"),
		"virtual":         unless("virtual", "an address inside is always asked for", "yes"),
		"encap":           nothing, // always, unless udp-encap says otherwise
		"ipcomp":          unless("ipcomp", "packets are not compressed", "no"),
		"proposal":        nothing,
		"ike":             nothing,
		"esp":             nothing,
		"local-ts":        unless("local-ts", onlyWhatIsInside),
		"remote-ts":       unless("remote-ts", onlyWhatIsInside),
	},
	secrets: map[string]rule{"agent": nothing, "agent-user": nothing},
	before:  strongSwanBefore,
}

// strongSwanBefore reads how to log in, which says what the one secret is.
func strongSwanBefore(d *draft, _ fields) {
	d.set("gateway", d.fields["address"])
	if port := strings.TrimSpace(d.fields["server-port"]); port != "" && port != "500" {
		d.set("gateway", net.JoinHostPort(strings.Trim(d.Options["gateway"], "[]"), port))
	}
	if isYes(d.fields["proposal"]) {
		d.set("ike", strings.ReplaceAll(d.fields["ike"], ";", ","))
		d.set("esp", strings.ReplaceAll(d.fields["esp"], ";", ","))
	}
	secret := "key-password"
	switch d.fields["method"] {
	case "psk":
		secret = "psk"
		d.set("auth", "psk")
		d.set("local-id", d.fields["user"]) // unless there is a local-identity
	case "eap":
		secret = "password"
		d.set("username", d.fields["user"])
	case "eap-tls":
		d.set("eap-methods", "tls")
		d.strongSwanToken()
	case "cert", "key", "agent", "smartcard":
		d.set("auth", "cert")
		d.strongSwanToken()
	default:
		d.refuse("method", "there is no such way to log in; it is eap, psk, cert or eap-tls")
	}
	d.keeps = map[string]string{"password": secret}
}

// strongSwanToken sees where the private key is.
func (d *draft) strongSwanToken() {
	source := d.fields["cert-source"]
	if source == "" {
		source = d.fields["method"]
	}
	switch {
	case source == "agent":
		d.refuse("cert-source", "keys of an SSH agent cannot be used; name a file by userkey, and cert-source=file")
	case source == "smartcard" && !strings.HasPrefix(d.fields["usercert"], "pkcs11:"):
		d.refuse("cert-source", "say which certificate of the smart card it is: usercert=pkcs11:..., as `p11tool --list-all-certs` prints it")
	}
}
