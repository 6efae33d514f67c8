package main

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ppp"
	"github.com/penstock-vpn/penstock/plugins/internal/settings"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
)

const (
	groupLogin  = "Login"
	groupTunnel = "Tunnel"

	methodsOption = "auth-methods"
)

// methods are the values of auth-methods. PAP tells the password to a gateway whose
// certificate was checked, as a web page's form does.
var methods = []ppp.Method{ppp.MSCHAPv2, ppp.EAP, ppp.CHAPMD5, ppp.PAP}

// schema are the plugin's own options.
func schema() option.Schema {
	return option.Schema{
		{Key: methodsOption, Type: option.List, Label: "Login methods", Help: "Ways to log in that are allowed, best first: mschapv2, eap, chap-md5, pap. All but the first two do not bind the login to the connection.", Default: "mschapv2,eap,chap-md5,pap", Group: groupLogin, Advanced: true},
		{Key: "force-dpd", Type: option.Duration, Label: "Dead peer detection", Help: "How long the gateway may be silent before it is asked for a sign of life.", Default: "60s", Group: groupTunnel, Advanced: true, Min: 4, Max: 3600},
	}
}

// options are a session's options, read.
type options struct {
	gateway  *url.URL
	username string
	methods  []ppp.Method
	dpd      time.Duration
	mtu      int
}

// readOptions reads what the schema has checked already, value by value.
func readOptions(values map[string]string) (*options, error) {
	o := &options{username: values["username"], dpd: settings.Duration(values["force-dpd"])}
	var err error
	if o.gateway, err = settings.Gateway(values["gateway"], ""); err != nil {
		return nil, err
	}
	o.mtu, _ = strconv.Atoi(values["mtu"])
	for _, name := range strings.FieldsFunc(values[methodsOption], func(r rune) bool { return r == ',' || r == ' ' }) {
		if !slices.Contains(methods, ppp.Method(name)) {
			return nil, diag.New(diag.Config, "the way to log in "+strconv.Quote(name)+" is unknown", "Known are mschapv2, eap, chap-md5 and pap.").With(methodsOption)
		}
		o.methods = append(o.methods, ppp.Method(name))
	}
	return o, nil
}
