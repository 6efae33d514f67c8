package main

import (
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/penstock-vpn/penstock/plugins/anyconnect/internal/auth"
	"github.com/penstock-vpn/penstock/plugins/anyconnect/internal/cstp"
	"github.com/penstock-vpn/penstock/plugins/internal/aggregate"
	"github.com/penstock-vpn/penstock/plugins/internal/settings"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
)

// defaultUserAgent has the word that gateways look for since about 2022.
const defaultUserAgent = "AnyConnect-compatible Penstock VPN Agent v" + pluginVersion

const (
	cookieOption = "cookie"

	groupLogin = "Login"
	groupDTLS  = "DTLS"
	groupAs    = "Identity"
)

// schema are the plugin's own options, in OpenConnect's spelling where it has one.
func schema() option.Schema {
	login := option.Schema{
		{Key: cookieOption, Label: "Session cookie", Help: "Cookie of a session that another program has logged in to, as `openconnect --authenticate` prints it; used in place of a login.", Group: groupLogin, Secret: true, Advanced: true},
		{Key: "authgroup", Label: "Group", Help: "Group to log in to, by its name or the beginning of its label.", Group: groupLogin},
		{Key: "secondary-username", Label: "Second user name", Help: "User name of a second login in one form.", Group: groupLogin, Advanced: true},
		{Key: "secondary-password", Label: "Second password", Help: "Password of a second login in one form, or the word that a second factor wants (push, phone).", Group: groupLogin, Secret: true, Advanced: true},
		{Key: "sso", Type: option.Enum, Label: "Single sign-on", Help: "Which browser the gateway may ask to log in with: the user's own or an embedded one, only an embedded one, or none.", Default: "auto", Choices: []string{"auto", "embedded", "off"}, Group: groupLogin, Advanced: true},
		{Key: "form-entry", Type: option.List, Label: "Scripted answers", Help: "Answers to fields of login forms, each FORM:FIELD=VALUE.", Group: groupLogin, Advanced: true},
		{Key: "csd-wrapper", Type: option.File, Label: "Host-scan program", Help: "Program that reports this computer's state to gateways that demand a host scan, called as OpenConnect calls a CSD wrapper.", Group: groupLogin, Advanced: true},
		{Key: "profile-server", Label: "Gateway of the profile", Help: "Name of a gateway in the profile that the first one hands out; the tunnel goes there.", Group: groupLogin, Advanced: true},
		{Key: "no-xmlpost", Type: option.Bool, Label: "Plain login forms", Help: "Log in by plain forms, for gateways whose XML is broken.", Default: "false", Group: groupLogin, Advanced: true},
		{Key: "no-http-keepalive", Type: option.Bool, Label: "No kept connections", Help: "Log in over a connection of its own for each request, for gateways that forget the client certificate.", Default: "false", Group: groupLogin, Advanced: true},
	}
	tunnel := option.Schema{
		{Key: "no-dtls", Type: option.Bool, Label: "No DTLS", Help: "Send all packets over TLS.", Default: "false", Group: groupDTLS},
		{Key: "dtls-ciphers", Type: option.List, Label: "DTLS ciphers", Help: "Cipher suites to offer: PSK-NEGOTIATE and OpenSSL's names; all when empty.", Group: groupDTLS, Advanced: true},
		{Key: "force-dpd", Type: option.Duration, Label: "Dead peer detection", Help: "How long the gateway may be silent before it is asked for a sign of life; its own wish when absent.", Group: groupDTLS, Advanced: true, Min: 1, Max: 3600},
		{Key: "disable-ipv6", Type: option.Bool, Label: "No IPv6", Help: "Ask the gateway for IPv4 only.", Default: "false", Group: groupDTLS, Advanced: true},
	}
	identity := option.Schema{
		{Key: "useragent", Label: "User agent", Help: "What the client calls itself; some gateways answer only to names they know.", Default: defaultUserAgent, Group: groupAs, Advanced: true},
		{Key: "os", Type: option.Enum, Label: "Operating system", Help: "Operating system that the gateway is told.", Default: "linux-64", Choices: []string{"linux", "linux-64", "win", "mac-intel", "android", "apple-ios"}, Group: groupAs, Advanced: true},
		{Key: "version-string", Label: "Client version", Help: "Version that the gateway is told.", Default: "v" + pluginVersion, Group: groupAs, Advanced: true},
		{Key: "local-hostname", Label: "Host name", Help: "Name of this computer that the gateway is told.", Group: groupAs, Advanced: true},
	}
	return slices.Concat(login, tunnel, identity)
}

// options are a session's options, read.
type options struct {
	gateway       *url.URL
	group         string
	entries       []aggregate.Entry
	sso           auth.SSOMode
	plainForms    bool
	csdWrapper    bool
	unkept        bool // a connection for each request
	certificate   bool
	profileServer string

	noDTLS, noPSK, noIPv6 bool
	suites                []cstp.Suite
	dpd                   time.Duration
	mtu                   int

	userAgent, platform, clientVersion, hostname string
}

// readOptions reads what the schema has checked already, value by value.
func readOptions(values map[string]string) (*options, error) {
	gateway, err := settings.Gateway(values["gateway"], "[/GROUP]")
	if err != nil {
		return nil, err
	}
	entries, err := aggregate.ParseEntries(values["form-entry"])
	if err != nil {
		return nil, err
	}
	o := &options{
		gateway: gateway, entries: entries,
		group: values["authgroup"], plainForms: settings.True(values["no-xmlpost"]),
		csdWrapper: values["csd-wrapper"] != "", certificate: values["usercert"] != "",
		profileServer: values["profile-server"], unkept: settings.True(values["no-http-keepalive"]),
		sso:    map[string]auth.SSOMode{"embedded": auth.SSOEmbedded, "off": auth.SSONone}[values["sso"]],
		noDTLS: settings.True(values["no-dtls"]) || values["proxy"] != "", noIPv6: settings.True(values["disable-ipv6"]),
		dpd:       settings.Duration(values["force-dpd"]),
		userAgent: settings.Or(values["useragent"], defaultUserAgent), platform: settings.Or(values["os"], "linux-64"),
		clientVersion: settings.Or(values["version-string"], "v"+pluginVersion),
		hostname:      settings.Or(values["local-hostname"], settings.HostName()),
	}
	o.mtu, _ = strconv.Atoi(values["mtu"])
	return o, o.readCiphers(settings.List(values["dtls-ciphers"]))
}

// readCiphers takes names between commas or colons.
func (o *options) readCiphers(names []string) error {
	if len(names) == 0 {
		o.suites = cstp.Suites
		return nil
	}
	o.noPSK = true
	for _, name := range names {
		if name == "PSK-NEGOTIATE" {
			o.noPSK = false
			continue
		}
		found := false
		for _, s := range cstp.Suites {
			if s.Name == name {
				o.suites, found = append(o.suites, s), true
			}
		}
		if !found {
			known := "PSK-NEGOTIATE"
			for _, s := range cstp.Suites {
				known += ", " + s.Name
			}
			return diag.New(diag.Config, "the DTLS cipher suite "+strconv.Quote(name)+" is unknown", "Known are: "+known+".").With("dtls-ciphers")
		}
	}
	return nil
}
