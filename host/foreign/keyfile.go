package foreign

import (
	"errors"
	"strings"
)

// What is said of the rest of a NetworkManager connection.
var keyfileReasons = []reason{
	{"ipv4.", "set it in the new connection"},
	{"ipv6.", "set it in the new connection"},
	{"proxy.", "set it in the new connection"},
	{"connection.", "set it in the new connection"},
	{"vpn.", "set it in the new connection"},
}

// readKeyfile reads a connection as NetworkManager itself keeps it.
func readKeyfile(sections []section) (Result, error) {
	f := fields{}
	for _, s := range sections {
		for _, l := range s.lines {
			f.put(s.name+"\x00"+l.key, unescaped(l.value))
		}
	}
	data, secrets := f.within("vpn\x00"), f.within("vpn-secrets\x00")
	rest := fields{}
	for key, value := range f {
		rest[strings.Replace(key, "\x00", ".", 1)] = value
	}
	if kind := rest.take("connection.type"); kind != "vpn" {
		return Result{}, errors.New("this is a NetworkManager connection, but not of a VPN plugin")
	}
	service := data.take("service-type")
	secrets.drop(openConnectSession...)                                  // of a session that is over
	for _, key := range []string{"timeout", "persistent", "user-name"} { // of the setting itself, not of the plugin
		if value, ok := data[key]; ok && value != "" {
			rest["vpn."+key] = data.take(key)
		}
	}
	c, err := Translate(service, data, secrets)
	if err != nil {
		return Result{}, err
	}
	if name := printable(rest.take("connection.id"), maxName); name != "" {
		c.Name = name
	}
	rest.drop("connection.uuid", "connection.timestamp", "connection.permissions", "connection.autoconnect", "ipv6.addr-gen-mode", "ipv4.dns-search", "ipv6.dns-search")
	for _, family := range []string{"ipv4", "ipv6"} {
		if rest[family+".method"] == "auto" {
			rest.drop(family + ".method")
		}
	}
	c.Notes = append(c.Notes, rest.left(keyfileReasons)...)
	return Result{Connections: []Connection{c}}, nil
}

// unescaped undoes GLib's escapes of a value.
func unescaped(value string) string {
	if !strings.Contains(value, `\`) {
		return value
	}
	return strings.NewReplacer(`\\`, `\`, `\s`, " ", `\t`, "\t", `\n`, "\n", `\r`, "\r").Replace(value)
}

// The keys that NetworkManager-openconnect's export gives to those of its connections.
var exportKeys = map[string]string{
	"Host": "gateway", "CACert": "cacert", "Protocol": "protocol", "Proxy": "proxy", "CSDEnable": "enable_csd_trojan",
	"CSDWrapper": "csd_wrapper", "UserCertificate": "usercert", "PrivateKey": "userkey", "FSID": "pem_passphrase_fsid",
	"PreventInvalidCert": "prevent_invalid_cert", "StokenSource": "stoken_source", "StokenString": "stoken_string",
	"ReportedOS": "reported_os", "DisableUDP": "disable_udp", "UserAgent": "useragent", "VersionString": "version_string",
	"MCACert": "mcacert", "MCAKey": "mcakey",
}

// readOpenConnectExport reads what NetworkManager-openconnect exports.
func readOpenConnectExport(sections []section) (Result, error) {
	data, secrets, name := fields{}, fields{}, ""
	for _, s := range sections {
		if s.name != "openconnect" {
			continue
		}
		for _, l := range s.lines {
			to := exportKeys[l.key]
			switch {
			case l.key == "Description":
				name = unescaped(l.value)
			case to == "stoken_string":
				secrets[to] = unescaped(l.value)
			case to == "":
				data.put(l.key, unescaped(l.value))
			case l.value == "0" || l.value == "1":
				data[to] = map[string]string{"0": "no", "1": "yes"}[l.value]
			default:
				data[to] = unescaped(l.value)
			}
		}
	}
	c, err := Translate(ServicePrefix+"openconnect", data, secrets)
	if name = printable(name, maxName); name != "" {
		c.Name = name
	}
	return Result{Connections: []Connection{c}}, err
}
