package main

import (
	"net/url"
	"strconv"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ppp"
	"github.com/penstock-vpn/penstock/plugins/internal/ppplogin"
	"github.com/penstock-vpn/penstock/plugins/internal/settings"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
)

// Keys of the options, in the spelling of NetworkManager-pptp where that has one.
const (
	insecureKey = "allow-insecure"
	requireKey  = "require-mppe"
	weakKey     = "allow-mppe-40"
	statefulKey = "mppe-stateful"

	groupTunnel = "Tunnel"

	defaultPort = 1723
)

// methods are those of PPP that are allowed where the user does not say: those that give
// keys to encrypt packets with, and do not tell anybody the password as it is.
const methods = "mschapv2,eap"

// schema are the plugin's own options.
func schema() option.Schema {
	return append(ppplogin.Schema(methods),
		option.Option{Key: insecureKey, Type: option.Bool, Label: "Connect although PPTP is insecure", Help: "PPTP is broken: who sees the login can find the password, and read and change everything after. Without this option no connection is made.", Default: "false", Group: groupTunnel},
		option.Option{Key: requireKey, Type: option.Bool, Label: "Require encryption", Help: "Connect only when packets are encrypted by MPPE.", Default: "true", Group: groupTunnel},
		option.Option{Key: weakKey, Type: option.Bool, Label: "Allow weak keys", Help: "Allow MPPE with keys of 56 and 40 bits, all of which can be tried.", Default: "false", Group: groupTunnel, Advanced: true},
		option.Option{Key: statefulKey, Type: option.Bool, Label: "Allow stateful encryption", Help: "Allow MPPE whose keys change with every 256 packets, for gateways that cannot change them with every one. Lost packets cost others then.", Default: "false", Group: groupTunnel, Advanced: true},
		option.Option{Key: "force-dpd", Type: option.Duration, Label: "Dead peer detection", Help: "How long the gateway may be silent before it is asked for a sign of life.", Default: "60s", Group: groupTunnel, Advanced: true, Min: 4, Max: 3600},
	)
}

// options are a session's options, read.
type options struct {
	gateway *url.URL
	port    int
	login   *ppplogin.Options
	mppe    ppp.MPPE
	dpd     time.Duration
	mtu     int
}

// readOptions reads what the schema has checked already, value by value.
func readOptions(values map[string]string) (*options, error) {
	if !settings.True(values[insecureKey]) {
		return nil, diag.New(diag.Config, "PPTP is not used unless the option "+insecureKey+" allows it",
			"It is broken: who sees the login can find the password, and read and change everything after. Ask for another protocol of the gateway, or set the option.").With(insecureKey)
	}
	o := &options{dpd: settings.Duration(values["force-dpd"]), port: defaultPort, mppe: ppp.MPPE{
		Bits: []int{128}, Stateful: settings.True(values[statefulKey]), Required: settings.True(values[requireKey]),
		AllowBits: weakKey, AllowStateful: statefulKey, AllowNone: requireKey,
	}}
	if settings.True(values[weakKey]) {
		o.mppe.Bits = []int{128, 56, 40}
	}
	var err error
	if o.gateway, err = settings.Gateway(values["gateway"], ""); err != nil {
		return nil, err
	}
	if port := o.gateway.Port(); port != "" {
		o.port, _ = strconv.Atoi(port)
	}
	o.mtu, _ = strconv.Atoi(values["mtu"])
	o.login, err = ppplogin.Read(o.gateway.Hostname(), values)
	return o, err
}
