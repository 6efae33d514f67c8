// Package ppplogin is how people log in to the protocols of PPP: the options, the
// questions, and what the machine of PPP is made of then.
package ppplogin

import (
	"slices"
	"strconv"
	"strings"

	"github.com/penstock-vpn/penstock/plugins/internal/eaplogin"
	"github.com/penstock-vpn/penstock/plugins/internal/ppp"
	"github.com/penstock-vpn/penstock/plugins/internal/settings"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
)

// Keys of the options.
const (
	methodsKey  = "auth-methods"
	identityKey = "eap-identity"
	serverKey   = "eap-server"

	group = "Login"
)

// Schema are the options. methods is the default of auth-methods: what the protocol
// protects well enough.
func Schema(methods string) option.Schema {
	eapOnly := "With the way eap of auth-methods: "
	return option.Schema{
		{Key: methodsKey, Type: option.List, Label: "Login methods", Help: "Ways to log in that are allowed, best first: mschapv2, eap, chap-md5, pap. The last one tells the gateway the password.", Default: methods, Group: group, Advanced: true},
		{Key: eaplogin.Key, Type: option.List, Label: "EAP methods", Help: eapOnly + "its methods that are allowed, best first: " + eaplogin.Names() + ". With ttls alone the password goes within as it is.", Default: "tls,peap,ttls,mschapv2,md5", Group: group, Advanced: true},
		{Key: identityKey, Label: "EAP identity", Help: eapOnly + "the name to give when it asks for one; the user name when absent.", Group: group, Advanced: true},
		{Key: serverKey, Label: "EAP server", Help: eapOnly + "the name in the certificate of the server that tls, peap and ttls end at; the gateway's when absent.", Group: group, Advanced: true},
	}
}

// Options are those of a session, read.
type Options struct {
	gateway, username string
	methods           []ppp.Method
	eap               eaplogin.Methods
	identity, server  string
}

var known = []ppp.Method{ppp.MSCHAPv2, ppp.EAP, ppp.CHAPMD5, ppp.PAP}

// Read reads the options of a session with a gateway of that name.
func Read(gateway string, values map[string]string) (*Options, error) {
	o := &Options{gateway: gateway, username: values["username"], identity: values[identityKey], server: values[serverKey]}
	for _, name := range settings.List(values[methodsKey]) {
		if !slices.Contains(known, ppp.Method(name)) {
			return nil, unknown("way to log in", name, methodsKey, known)
		}
		o.methods = append(o.methods, ppp.Method(name))
	}
	if len(o.methods) == 0 {
		return nil, diag.New(diag.Config, "no way to log in is allowed", "The option names none.").With(methodsKey)
	}
	var err error
	o.eap, err = eaplogin.Read(values[eaplogin.Key])
	return o, err
}

func unknown[T ~string](what, name, key string, all []T) error {
	var names []string
	for _, n := range all {
		names = append(names, string(n))
	}
	return diag.New(diag.Config, "the "+what+" "+strconv.Quote(name)+" is unknown", "Known are "+strings.Join(names, ", ")+".").With(key)
}

// allow names the option that allows a method.
func allow() map[ppp.Method]string {
	all := map[ppp.Method]string{}
	for _, m := range known {
		all[m] = methodsKey
	}
	return all
}

// ByCertificate says that no name and no password is of use.
func (o *Options) ByCertificate() bool {
	return slices.Equal(o.methods, []ppp.Method{ppp.EAP}) && o.eap.ByCertificate()
}
