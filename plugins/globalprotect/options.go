package main

import (
	"crypto/sha256"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/auth"
	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/gp"
	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/hip"
	"github.com/penstock-vpn/penstock/plugins/internal/settings"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
)

// What the client calls itself: gateways take any other name for a browser, and refuse
// versions that are old to them.
const (
	defaultUserAgent = "PAN GlobalProtect"
	defaultVersion   = "6.3.0-33"
)

const (
	cookieOption = "cookie"

	groupLogin  = "Login"
	groupTunnel = "Tunnel"
	groupAs     = "Identity"
)

// schema are the plugin's own options, in OpenConnect's spelling where it has one.
func schema() option.Schema {
	return option.Schema{
		{Key: "usergroup", Label: "Portal or gateway", Help: "What the address is of: portal or gateway; found out when empty. With :FIELD behind it, as in gateway:prelogin-cookie, the password goes in that field of the login.", Group: groupLogin},
		{Key: "authgroup", Label: "Gateway", Help: "Which of the portal's gateways to use, by address, label, or the beginning of a label; by the portal's priorities when empty.", Group: groupLogin},
		{Key: "ask-gateway", Type: option.Bool, Label: "Ask for the gateway", Help: "Ask which of the portal's gateways to use, whatever its priorities.", Default: "false", Group: groupLogin, Advanced: true},
		{Key: "sso", Type: option.Enum, Label: "Single sign-on", Help: "Whether a portal or gateway may ask to log in with a browser.", Default: "auto", Choices: []string{"auto", "off"}, Group: groupLogin, Advanced: true},
		{Key: cookieOption, Label: "Session cookie", Help: "Cookie of a session that another program has logged in to, as `openconnect --authenticate` prints it; used in place of a login.", Group: groupLogin, Secret: true, Advanced: true},
		{Key: "prelogin-cookie", Label: "Prelogin cookie", Help: "What a login with a browser gave to another program, with the user name; used in place of a password.", Group: groupLogin, Secret: true, Advanced: true},
		{Key: "portal-userauthcookie", Label: "Portal cookie", Help: "Cookie that a portal gave to another program, with the user name; used in place of a password.", Group: groupLogin, Secret: true, Advanced: true},
		{Key: hip.WrapperOption, Type: option.File, Label: "Report program", Help: "Program that reports this computer's state (HIP) to gateways that want to know, called as OpenConnect calls it; without one the report is short.", Group: groupLogin, Advanced: true},
		{Key: "force-trojan", Type: option.Duration, Label: "Report interval", Help: "How often to ask whether the gateway wants a report; the portal's wish when absent.", Group: groupLogin, Advanced: true, Min: 10, Max: 7 * 24 * 3600},

		{Key: "no-dtls", Type: option.Bool, Label: "No ESP", Help: "Send all packets over TLS.", Default: "false", Group: groupTunnel},
		{Key: "force-dpd", Type: option.Duration, Label: "Dead peer detection", Help: "How long the gateway may be silent before it is asked for a sign of life; as the protocol has it when absent.", Group: groupTunnel, Advanced: true, Min: 1, Max: 3600},
		{Key: "disable-ipv6", Type: option.Bool, Label: "No IPv6", Help: "Ask the gateway for IPv4 only.", Default: "false", Group: groupTunnel, Advanced: true},

		{Key: "useragent", Label: "User agent", Help: "What the client calls itself; gateways take other names for a browser's.", Default: defaultUserAgent, Group: groupAs, Advanced: true},
		{Key: "os", Type: option.Enum, Label: "Operating system", Help: "Operating system that portal and gateway are told; some have settings for certain ones only.", Default: "linux-64", Choices: []string{"linux", "linux-64", "win", "mac-intel", "android", "apple-ios"}, Group: groupAs, Advanced: true},
		{Key: "os-version", Label: "Version of the system", Help: "Version of the operating system that portal and gateway are told.", Group: groupAs, Advanced: true},
		{Key: "version-string", Label: "Client version", Help: "Version that portal and gateway are told; the portal's own when absent.", Group: groupAs, Advanced: true},
		{Key: "local-hostname", Label: "Host name", Help: "Name of this computer that portal and gateway are told.", Group: groupAs, Advanced: true},
		{Key: "host-id", Label: "Host ID", Help: "ID of this computer that portal and gateway are told; one made of the host name when absent.", Group: groupAs, Advanced: true},
	}
}

// options are a session's options, read.
type options struct {
	server      *url.URL
	role        auth.Role
	field       string // which carries the password; "": its own
	choice      string
	ask, sso    bool
	certificate bool
	wrapper     bool
	hipInterval time.Duration

	noESP bool
	dpd   time.Duration
	mtu   int

	userAgent string
	version   string // "": the portal's
	identity  gp.Identity
}

// readOptions reads what the schema has checked already, value by value.
func readOptions(values map[string]string) (*options, error) {
	server, err := settings.Gateway(values["gateway"], "[/portal or /gateway]")
	if err != nil {
		return nil, err
	}
	o := &options{
		server: server, choice: values["authgroup"], ask: settings.True(values["ask-gateway"]), sso: values["sso"] != "off",
		certificate: values["usercert"] != "", wrapper: values[hip.WrapperOption] != "", hipInterval: settings.Duration(values["force-trojan"]),
		noESP: settings.True(values["no-dtls"]) || values["proxy"] != "", dpd: settings.Duration(values["force-dpd"]),
		userAgent: settings.Or(values["useragent"], defaultUserAgent), version: values["version-string"],
	}
	o.mtu, _ = strconv.Atoi(values["mtu"])
	o.identity = identity(values)
	return o, o.readRole(values["usergroup"])
}

// readRole takes the address's path before the option, as both may say it.
func (o *options) readRole(usergroup string) error {
	path, option := strings.Trim(o.server.Path, "/"), "gateway"
	if path == "" {
		path, option = strings.Trim(usergroup, "/"), "usergroup"
	}
	role, field, _ := strings.Cut(path, ":")
	o.field = field
	switch {
	case role == "":
		o.role = auth.Either
	case role == "portal", strings.HasPrefix(role, "global-protect"):
		o.role = auth.Portal
	case role == "gateway", strings.HasPrefix(role, "ssl-vpn"):
		o.role = auth.Gateway
	default:
		return diag.New(diag.Config, "the address is of neither portal nor gateway: "+strconv.Quote(role), "It is /portal, /gateway, or nothing to find out.").With(option)
	}
	if strings.Trim(field, "abcdefghijklmnopqrstuvwxyz-") != "" {
		return diag.New(diag.Config, "the login has no field "+strconv.Quote(field), "Fields are prelogin-cookie and portal-userauthcookie.").With(option)
	}
	return nil
}

// systems are what gateways call those that the option os names, with a version.
var systems = map[string][2]string{
	"linux": {"Linux", "Linux"}, "linux-64": {"Linux", "Linux"}, "win": {"Windows", "Microsoft Windows 10 Pro , 64-bit"},
	"mac-intel": {"Mac", "Apple Mac OS X 10.15.7"}, "android": {"Android", "Android 10"}, "apple-ios": {"iOS", "iOS 15.0"},
}

func identity(values map[string]string) gp.Identity {
	system := systems[settings.Or(values["os"], "linux-64")]
	i := gp.Identity{
		OS: system[0], OSVersion: settings.Or(values["os-version"], system[1]),
		Computer:   settings.Or(values["local-hostname"], settings.HostName()),
		AppVersion: settings.Or(values["version-string"], defaultVersion),
		NoIPv6:     settings.True(values["disable-ipv6"]),
	}
	i.HostID = settings.Or(values["host-id"], hostID(i.Computer))
	return i
}

// hostID is a UUID that stays as long as the computer's name. Portals without one give
// no cookie for the gateway.
func hostID(computer string) string {
	b := sha256.Sum256([]byte("penstock host-id " + computer))
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80 // RFC 9562: version 8
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
