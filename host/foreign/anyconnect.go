package foreign

import (
	"slices"
	"strings"
)

// What is said of the rest of an AnyConnect profile.
var anyConnectReasons = []reason{
	{"ServerList.", "another gateway to try: make a connection of it"},
	{"BackupServerList", "gateways to try when the first does not answer: make connections of them"},
	{"LoadBalancingServerList", "gateways to try when the first does not answer: make connections of them"},
	{"AutomaticSCEPHost", "certificates are not enrolled for"},
	{"CAURL", "certificates are not enrolled for"},
	{"MobilePolicy", "a setting of telephones"},
	{"MobileHostEntryInfo", "a setting of telephones"},
	{"CertificatePinList", "pins of certificates: set the option servercert"},
	{"ClientInitialization.CertificateEnrollment", "certificates are not enrolled for"},
	{"ClientInitialization.CertificateMatch", "choose the certificate by the option usercert"},
	{"ClientInitialization.CertificateStore", "choose the certificate by the option usercert"},
	{"ClientInitialization.", "how Cisco's own client behaves"},
}

// readAnyConnect reads a profile: every HostEntry is a connection.
func readAnyConnect(root *element) (Result, error) {
	var r Result
	for _, entry := range root.child("ServerList").all("HostEntry") {
		if len(r.Connections) <= maxConnections {
			r.Connections = append(r.Connections, anyConnectHost(root, entry))
		}
	}
	rest := fields{}
	for _, c := range root.children {
		if c.name != "ServerList" && c.name != "ClientInitialization" {
			c.into(rest, c.name)
		}
	}
	r.Notes = rest.left(nil)
	return r, nil
}

func anyConnectHost(root, entry *element) Connection {
	f := fields{}
	entry.into(f, "")
	if client := root.child("ClientInitialization"); client != nil {
		client.into(f, "ClientInitialization")
	}
	name := f.take("HostName")
	address := f.take("HostAddress")
	if address == "" {
		address = name
	}
	d := newDraft(name, "anyconnect", f)
	group := strings.Trim(f.take("UserGroup"), "/")
	if strings.EqualFold(f.take("PrimaryProtocol"), "IPsec") {
		d.Options["protocol"] = "ikev2"
		d.set("gateway", address)
		d.anyConnectIPsec(group)
	} else {
		d.set("gateway", address)
		if group != "" {
			d.set("gateway", "https://"+strings.TrimSuffix(strings.TrimPrefix(address, "https://"), "/")+"/"+group)
		}
		f.drop("PrimaryProtocol.")
	}
	families := strings.FieldsFunc(f["ClientInitialization.IPProtocolSupport"], func(r rune) bool { return r == ',' || r == ' ' })
	if slices.Equal(families, []string{"IPv4"}) {
		d.set("disable-ipv6", "true")
	}
	if len(families) == 1 && families[0] == "IPv4" || len(families) == 2 {
		f.drop("ClientInitialization.IPProtocolSupport")
	}
	return d.done(anyConnectReasons...)
}

// anyConnectIPsec reads how a gateway of IKEv2 wants the login.
func (d *draft) anyConnectIPsec(group string) {
	standard := d.fields.yes("PrimaryProtocol.StandardAuthenticationOnly")
	if !standard { // the same element in another place, as the profile editor writes it
		standard = d.fields.yes("PrimaryProtocol.StandardAuthenticationOnly.1")
	}
	method, identity := "", ""
	for _, at := range []string{"PrimaryProtocol.", "PrimaryProtocol.StandardAuthenticationOnly."} {
		if m := d.fields.take(at + "AuthMethodDuringIKENegotiation"); m != "" {
			method = m
		}
		if i := d.fields.take(at + "IKEIdentity"); i != "" {
			identity = i
		}
	}
	eap := map[string]string{"EAP-GTC": "gtc", "EAP-MD5": "md5", "EAP-MSCHAPv2": "mschapv2"}[method]
	switch {
	case !standard || method == "" || method == "EAP-AnyConnect":
		d.set("auth", "anyconnect")
		d.set("authgroup", group)
		return
	case method == "IKE-RSA":
		d.set("auth", "cert")
	case eap != "":
		d.set("auth", "eap")
		d.set("eap-methods", eap)
	default:
		d.note("AuthMethodDuringIKENegotiation: %s is unknown, choose the option auth", method)
	}
	if identity == "" {
		identity = group
	}
	if identity != "" {
		d.set("local-id", "key:"+identity)
	}
}
