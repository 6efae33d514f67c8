package main

import (
	"net/url"
	"strconv"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ppplogin"
	"github.com/penstock-vpn/penstock/plugins/internal/settings"
	"github.com/penstock-vpn/penstock/sdk/option"
)

const groupTunnel = "Tunnel"

// methods are those of PPP that are allowed where the user does not say. PAP tells the
// password to a gateway whose certificate was checked, as a web page's form does.
const methods = "mschapv2,eap,chap-md5,pap"

// schema are the plugin's own options.
func schema() option.Schema {
	return append(ppplogin.Schema(methods),
		option.Option{Key: "force-dpd", Type: option.Duration, Label: "Dead peer detection", Help: "How long the gateway may be silent before it is asked for a sign of life.", Default: "60s", Group: groupTunnel, Advanced: true, Min: 4, Max: 3600},
		option.Option{Key: "disable-ipv6", Type: option.Bool, Label: "No IPv6", Help: "Ask the gateway for IPv4 only.", Default: "false", Group: groupTunnel, Advanced: true},
	)
}

// options are a session's options, read.
type options struct {
	gateway *url.URL
	login   *ppplogin.Options
	dpd     time.Duration
	mtu     int
	noIPv6  bool
}

// readOptions reads what the schema has checked already, value by value.
func readOptions(values map[string]string) (*options, error) {
	o := &options{dpd: settings.Duration(values["force-dpd"]), noIPv6: settings.True(values["disable-ipv6"])}
	var err error
	if o.gateway, err = settings.Gateway(values["gateway"], ""); err != nil {
		return nil, err
	}
	o.mtu, _ = strconv.Atoi(values["mtu"])
	o.login, err = ppplogin.Read(o.gateway.Hostname(), values)
	return o, err
}
