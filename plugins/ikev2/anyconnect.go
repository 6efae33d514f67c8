package main

import (
	"context"
	"crypto/x509"
	"strings"

	"github.com/penstock-vpn/penstock/plugins/ikev2/internal/machine"
	"github.com/penstock-vpn/penstock/plugins/ikev2/internal/tunnel"
	"github.com/penstock-vpn/penstock/plugins/internal/aggregate"
	"github.com/penstock-vpn/penstock/plugins/internal/eap"
	"github.com/penstock-vpn/penstock/plugins/internal/eap/anyconnect"
	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/settings"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/option"
)

const (
	authAnyConnect  = "anyconnect"
	groupAnyConnect = "AnyConnect"
)

// anyConnectSchema are the options of auth=anyconnect, as the plugin anyconnect has them.
func anyConnectSchema() option.Schema {
	all := option.Schema{
		{Key: "authgroup", Label: "Group", Help: "Group to log in to, by its name or the beginning of its label."},
		{Key: "secondary-username", Label: "Second user name", Help: "User name of a second login: in one form, or by auth2.", Advanced: true},
		{Key: "secondary-password", Label: "Second password", Help: "Password of a second login: in one form, or by auth2; or the word that a second factor wants (push, phone).", Secret: true, Advanced: true},
		{Key: "form-entry", Type: option.List, Label: "Scripted answers", Help: "Answers to fields of login forms, each FORM:FIELD=VALUE.", Advanced: true},
		{Key: "csd-wrapper", Type: option.File, Label: "Host-scan program", Help: "Program that reports this computer's state to gateways that demand a host scan, called as OpenConnect calls a CSD wrapper.", Advanced: true},
		{Key: "os", Type: option.Enum, Label: "Operating system", Help: "Operating system that the gateway is told.", Default: "linux-64", Choices: []string{"linux", "linux-64", "win", "mac-intel", "android", "apple-ios"}, Advanced: true},
		{Key: "version-string", Label: "Client version", Help: "Version that the gateway is told.", Default: "v" + pluginVersion, Advanced: true},
		{Key: "local-hostname", Label: "Host name", Help: "Name of this computer that the gateway is told.", Advanced: true},
		{Key: "mac-address", Type: option.List, Label: "Hardware addresses", Help: "Addresses of network cards that the gateway is told, the one that reaches it first, as in 00-11-22-aa-bb-cc; none when absent.", Advanced: true},
	}
	for i := range all {
		all[i].Group = groupAnyConnect
		if !strings.HasPrefix(all[i].Key, "secondary-") { // of auth2 too
			all[i].VisibleIf = option.Condition{Key: "auth", Value: authAnyConnect}
		}
	}
	return all
}

// readAnyConnect reads them.
func (o *options) readAnyConnect(values map[string]string) (err error) {
	c := &o.anyConnect
	c.Gateway, c.Group, c.Scanner = o.host, values["authgroup"], values["csd-wrapper"] != ""
	c.Composer = aggregate.Composer{
		Version: settings.Or(values["version-string"], "v"+pluginVersion), OS: settings.Or(values["os"], "linux-64"),
		Device: [][2]string{{"computer-name", settings.Or(values["local-hostname"], settings.HostName())}},
		MACs:   settings.List(values["mac-address"]),
	}
	c.Entries, err = aggregate.ParseEntries(values["form-entry"])
	return err
}

// byAnyConnect has the gateway ask, in EAP, for all that it wants.
func (o *options) byAnyConnect(s *sdk.Session, t *tunnel.Options) machine.Auth {
	t.Machine.AnyConnect = true
	id := machine.AnyConnectID()
	if own := o.localIDs[0]; own != nil {
		id = own
	}
	var seen []*x509.Certificate // by the time that EAP begins
	trusted := t.Trust
	t.Trust = func(ctx context.Context, chain []*x509.Certificate, name string, id *ike.ID) error {
		seen = chain
		return trusted(ctx, chain, name, id)
	}
	c := o.anyConnect
	c.User, c.Chain = s, func() []*x509.Certificate { return seen }
	if s.Trace() {
		c.Trace = func(outgoing bool, message string) {
			s.TraceText(map[bool]string{true: "--> ", false: "<-- "}[outgoing] + message + "\n")
		}
	}
	identity := string(machine.AnyConnectID().Data) // should it be asked for at all
	return machine.EAP{Identity: id, Peer: func() *eap.Peer { return eap.NewPeer(identity, anyconnect.New(c)) }}
}
