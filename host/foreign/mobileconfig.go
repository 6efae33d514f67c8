package foreign

import (
	"errors"
	"fmt"
	"strings"
)

// What is said of the rest of an Apple VPN payload.
var appleReasons = []reason{
	{"OnDemand", "when to connect is set in NetworkManager: connection.secondaries of the network"},
	{"DisconnectOnIdle", "when to disconnect is the gateway's business"},
	{"Proxies.", "set it in NetworkManager: proxy"}, {"DNS.", "set it in NetworkManager: ipv4.dns"},
	{"IPv4.OverridePrimary", asRoutes}, {"OverridePrimary", asRoutes},
	{"VendorConfig.", "a setting of the vendor's own app"},
	{"EnforceRoutes", asRoutes}, {"IncludeAllNetworks", asRoutes}, {"ExcludeLocalNetworks", asRoutes},
}

// The protocols of the apps that VPNSubType names by the beginning of their ids.
var appleApps = []struct{ prefix, protocol string }{
	{"com.cisco.anyconnect", "anyconnect"}, {"com.cisco.secureclient", "anyconnect"}, {"com.paloaltonetworks.", "globalprotect"},
	{"com.f5.", "f5"}, {"com.fortinet.", "fortinet"}, {"net.juniper.", "pulse"}, {"net.pulsesecure.", "pulse"},
}

// profile is a configuration profile: the payloads, by kind.
type profile struct {
	vpns  []map[string]any
	certs map[string]map[string]any // by UUID
	roots []map[string]any          // certificates of authorities, which the whole device trusts
}

// readMobileConfig reads an Apple configuration profile: every VPN payload is a
// connection, which may name certificates among the other payloads.
func readMobileConfig(root *element) (Result, error) {
	if len(root.children) != 1 {
		return Result{}, errors.New("this property list does not hold one thing")
	}
	tree, err := plist(root.children[0])
	if err != nil {
		return Result{}, err
	}
	top, ok := tree.(map[string]any)
	if !ok || text(top, "PayloadType") != "Configuration" && top["PayloadContent"] == nil && top["EncryptedPayloadContent"] == nil {
		return Result{}, errors.New("this property list is no configuration profile")
	}
	if top["EncryptedPayloadContent"] != nil {
		return Result{}, errors.New("this profile is encrypted for one device; ask whoever made it for a plain one")
	}
	var r Result
	p := profile{certs: map[string]map[string]any{}}
	payloads, _ := top["PayloadContent"].([]any)
	for _, item := range payloads {
		if payload, ok := item.(map[string]any); ok {
			r.Notes = append(r.Notes, p.add(payload)...)
		}
	}
	for _, vpn := range p.vpns {
		c, err := p.connection(vpn)
		if err != nil {
			r.Notes = append(r.Notes, printable(err.Error(), maxNote))
			continue
		}
		if len(r.Connections) <= maxConnections {
			r.Connections = append(r.Connections, c)
		}
	}
	if len(r.Connections) == 0 && len(r.Notes) > 0 {
		return Result{}, errors.New("the profile has no VPN that can be taken over: " + strings.Join(r.Notes, "; "))
	}
	return r, nil
}

// add sorts a payload in and returns what is left out.
func (p *profile) add(payload map[string]any) (notes []string) {
	kind := text(payload, "PayloadType")
	switch kind {
	case "com.apple.vpn.managed", "com.apple.vpn.managed.applayer":
		p.vpns = append(p.vpns, payload)
		if strings.HasSuffix(kind, "applayer") {
			notes = append(notes, printable(text(payload, "UserDefinedName"), maxName)+": a VPN of some apps becomes one of the whole computer")
		}
	case "com.apple.security.root", "com.apple.security.pem", "com.apple.security.pkcs1":
		p.roots = append(p.roots, payload)
		p.certs[text(payload, "PayloadUUID")] = payload
	case "com.apple.security.pkcs12":
		p.certs[text(payload, "PayloadUUID")] = payload
	default:
		notes = append(notes, printable(kind, 64)+": such a payload is left out, it is no VPN")
	}
	return notes
}

// text is a value of a dictionary that is a text, or "".
func text(dict map[string]any, key string) string {
	s, _ := dict[key].(string)
	return s
}

func (p *profile) connection(vpn map[string]any) (Connection, error) {
	f := fields{}
	flatten(f, "", vpn)
	name := f.take("UserDefinedName")
	kind, sub := f.take("VPNType"), f.take("VPNSubType")
	f.drop("PayloadContent", "PayloadDescription", "PayloadDisplayName", "PayloadEnabled", "PayloadIdentifier", "PayloadOrganization",
		"PayloadType", "PayloadUUID", "PayloadVersion", "PayloadScope", "VPNUUID", "IPv4.OverridePrimary")
	for key, value := range f {
		if strings.HasSuffix(key, ".OnDemandEnabled") && (value == "0" || value == "false") {
			f.drop(key)
		}
	}
	d := newDraft(name, "", f)
	switch kind {
	case "IKEv2":
		d.appleIKEv2(f.within("IKEv2."), p)
	case "IPSec":
		d.appleIPsec(f.within("IPSec."), p)
	case "L2TP", "PPTP":
		d.applePPP(strings.ToLower(kind), f.within("PPP."), f.within("IPSec."))
	case "VPN":
		app := f.within("VPN.")
		if err := d.appleApp(sub, app, p); err != nil {
			return Connection{}, fmt.Errorf("%s: %w", name, err)
		}
	default:
		return Connection{}, fmt.Errorf("%s: a VPN of the type %s has no counterpart", name, kind)
	}
	if kind == "IKEv2" || kind == "VPN" {
		p.trusted(d)
	}
	return d.done(appleReasons...), nil
}

// rest gives fields back that nobody took, under their prefix.
func (d *draft) rest(prefix string, f fields) {
	for key, value := range f {
		d.fields.put(prefix+key, value)
	}
}

// trusted has the authorities of the profile be those of the connection.
func (p *profile) trusted(d *draft) {
	for _, root := range p.roots {
		d.trust(text(root, "PayloadDisplayName"), text(root, "PayloadContent"))
	}
}

// identity takes the client's certificate that a payload names.
func (p *profile) identity(d *draft, f fields) {
	uuid := f.take("PayloadCertificateUUID")
	if uuid == "" {
		return
	}
	payload, ok := p.certs[uuid]
	if !ok || text(payload, "PayloadType") != "com.apple.security.pkcs12" {
		d.note("PayloadCertificateUUID: the profile has no such certificate with a key; choose one by the option usercert")
		return
	}
	d.hold("usercert", ".p12", text(payload, "PayloadContent"))
	d.hide("key-password", text(payload, "Password"))
}

// appleApp reads the settings of a vendor's app.
func (d *draft) appleApp(id string, f fields, p *profile) error {
	for _, app := range appleApps {
		if strings.HasPrefix(id, app.prefix) {
			d.set("protocol", app.protocol)
		}
	}
	if d.Options["protocol"] == "" {
		return fmt.Errorf("the app %s is not known", id)
	}
	gateway := f.take("RemoteAddress")
	if group := d.fields.take("VendorConfig.Group"); group != "" {
		d.set("authgroup", group)
	}
	d.set("gateway", gateway)
	d.set("username", f.take("AuthName"))
	d.hide("password", f["AuthPassword"])
	f.drop("AuthPassword", "AuthenticationMethod", "ProviderType")
	p.identity(d, f)
	d.rest("VPN.", f)
	return nil
}

// applePPP reads L2TP and PPTP.
func (d *draft) applePPP(protocol string, ppp, ipsec fields) {
	d.set("protocol", protocol)
	d.set("gateway", ppp.take("CommRemoteAddress"))
	d.set("username", ppp.take("AuthName"))
	d.hide("password", ppp["AuthPassword"])
	d.hide("psk", ipsec["SharedSecret"])
	ppp.drop("AuthPassword")
	ipsec.drop("SharedSecret")
	if ipsec["AuthenticationMethod"] == "SharedSecret" {
		ipsec.drop("AuthenticationMethod")
	}
	for _, key := range []string{"TokenCard", "DisconnectOnLogout", "CCPEnabled"} {
		if value := ppp[key]; value == "false" || value == "0" {
			ppp.drop(key)
		}
	}
	d.rest("PPP.", ppp)
	d.rest("IPSec.", ipsec)
}

// appleIPsec reads Cisco's IPsec (IKEv1).
func (d *draft) appleIPsec(f fields, p *profile) {
	d.set("protocol", "cisco-ipsec")
	d.set("gateway", f.take("RemoteAddress"))
	d.set("authgroup", f.take("LocalIdentifier"))
	d.set("username", f.take("XAuthName"))
	d.hide("password", f["XAuthPassword"])
	d.hide("psk", f["SharedSecret"])
	f.drop("XAuthPassword", "SharedSecret", "LocalIdentifierType", "XAuthPasswordEncryption", "PromptForVPNPIN")
	if f["XAuthEnabled"] == "1" {
		f.drop("XAuthEnabled")
	}
	f.drop("AuthenticationMethod")
	p.identity(d, f)
	d.rest("IPSec.", f)
}
