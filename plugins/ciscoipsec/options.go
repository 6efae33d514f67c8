package main

import (
	"strconv"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike1/machine"
	"github.com/penstock-vpn/penstock/plugins/internal/ikelogin"
	"github.com/penstock-vpn/penstock/plugins/internal/settings"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
)

const (
	groupLogin  = "Login"
	groupTunnel = "Tunnel"

	authPSK    = "psk"
	authHybrid = "hybrid"
	authCert   = "cert"

	pfsGateway = "gateway"
	pfsNo      = "no"
)

// schema are the plugin's own options.
func schema() option.Schema {
	return option.Schema{
		{Key: "auth", Type: option.Enum, Label: "Authentication", Help: "How gateway and group prove themselves, before the user logs in: by the group's password on both sides, by a certificate of the gateway alone (hybrid), or by certificates of both.", Default: authPSK, Choices: []string{authPSK, authHybrid, authCert}, Group: groupLogin},
		{Key: "group-name", Label: "Group name", Help: "Group that the gateway knows this client as: IPSec ID in vpnc, GroupName in Cisco's profiles.", Group: groupLogin},
		{Key: "group-password", Label: "Group password", Help: "Password of the group, a pre-shared key; 0x and hexadecimal digits for bytes. Everybody who has it can pass for the gateway, and in aggressive mode who reads along can try out passwords against what was said: a short one is found.", Group: groupLogin, Secret: true, VisibleIf: option.Condition{Key: "auth", Value: authPSK}},
		{Key: "mode", Type: option.Enum, Label: "Mode", Help: "Mode of the first exchange: aggressive, as groups with a password need it at most gateways; main, which shows nobody who logs in; or auto: main with certificates of both sides or without a group name, and aggressive otherwise.", Default: "auto", Choices: []string{"auto", "aggressive", "main"}, Group: groupLogin, Advanced: true},
		{Key: "xauth", Type: option.Bool, Label: "User login", Help: "Log in with user name and password (XAUTH) after the first exchange.", Default: "true", Group: groupLogin, Advanced: true},
		{Key: "domain", Label: "Domain", Help: "Domain of the user, where the gateway asks for one.", Group: groupLogin, Advanced: true},
		{Key: "local-id", Label: "Own identity", Help: "Who the gateway knows this client as, in place of the group's name: a name, an address, user@domain, or key:TEXT.", Group: groupLogin, Advanced: true},
		{Key: "remote-id", Label: "Gateway's identity", Help: "Who the gateway must call itself, in the same notation; anyone whose proof is right when absent.", Group: groupLogin, Advanced: true},
		{Key: "ike", Type: option.List, Label: "IKE proposals", Help: "What to offer for the key exchange, as in aes256-sha256-modp2048, in aggressive mode all with one group; what is not weak when absent. Old gateways may need aes128-sha1-modp1024 or 3des-md5-modp1024, which are weak.", Group: groupTunnel, Advanced: true},
		{Key: "esp", Type: option.List, Label: "ESP proposals", Help: "What to offer for the tunnel, as in aes256gcm16 or aes128-sha1; what is not weak when absent. Old gateways may need 3des-sha1, which is weak.", Group: groupTunnel, Advanced: true},
		{Key: "pfs", Type: option.Enum, Label: "Forward secrecy", Help: "Group of a key exchange of the tunnel's own: as the gateway says, none, or one of these.", Default: pfsGateway, Choices: pfsChoices(), Group: groupTunnel, Advanced: true},
		{Key: "force-dpd", Type: option.Duration, Label: "Dead peer detection", Help: "How long the gateway may be silent before it is asked for a sign of life.", Default: "60s", Group: groupTunnel, Advanced: true, Min: 1, Max: 3600},
		{Key: "ike-lifetime", Type: option.Duration, Label: "Key lifetime", Help: "How long until a new login, with the same credentials, takes the old one's place.", Default: "8h", Group: groupTunnel, Advanced: true, Min: 20, Max: 7 * 24 * 3600},
		{Key: "esp-lifetime", Type: option.Duration, Label: "Tunnel key lifetime", Help: "How long until the keys of the tunnel are renewed.", Default: "1h", Group: groupTunnel, Advanced: true, Min: 10, Max: 7 * 24 * 3600},
		{Key: "fragment-size", Type: option.Int, Label: "Fragment size", Help: "Largest message of the key exchange, in bytes; longer ones go in fragments, if the gateway can.", Default: "1200", Group: groupTunnel, Advanced: true, Min: 500, Max: 65000},
		{Key: "dump-ike-keys", Type: option.Bool, Label: "Show keys", Help: "Show the keys of IKE and ESP, as Wireshark's tables want them, with --dump-ike. Whoever has them reads everything.", Default: "false", Group: groupTunnel, Advanced: true},
	}
}

func pfsChoices() []string {
	return []string{pfsGateway, pfsNo, "modp2048", "modp3072", "modp4096", "modp6144", "modp8192", "ecp256", "ecp384", "ecp521", "modp1536", "modp1024"}
}

// options are a session's options, read.
type options struct {
	host             string
	port, mtu        int
	auth             string
	username, domain string
	machine          machine.Config
}

// readOptions reads what the schema has checked already, value by value.
func readOptions(values map[string]string) (*options, error) {
	o := &options{auth: settings.Or(values["auth"], authPSK), username: values["username"], domain: values["domain"]}
	var err error
	if o.host, o.port, err = ikelogin.Gateway(values["gateway"]); err != nil {
		return nil, err
	}
	o.mtu, _ = strconv.Atoi(values["mtu"])
	c := &o.machine
	c.Settings, c.XAuth = true, settings.True(settings.Or(values["xauth"], "true"))
	for key, to := range map[string]**ike.ID{"local-id": &c.Identity, "remote-id": &c.RemoteID} {
		if *to, err = ikelogin.Identity(values[key]); err != nil {
			return nil, diag.New(diag.Config, "the option "+key+" cannot be read", err.Error()).With(key)
		}
	}
	group := values["group-name"]
	if group != "" && c.Identity == nil {
		c.Identity = &ike.ID{Kind: ike.IDKey, Data: []byte(group)}
	}
	c.Aggressive = values["mode"] == "aggressive" || values["mode"] != "main" && o.auth != authCert && group != ""
	if o.auth == authHybrid && !c.XAuth {
		return nil, diag.New(diag.Config, "hybrid authentication needs the user's login", "Set the option xauth to true, or auth to another way.").With("xauth")
	}
	return o, o.readMachine(values)
}

func (o *options) readMachine(values map[string]string) (err error) {
	c := &o.machine
	if c.IKE, err = machine.ParseIKE(settings.List(values["ike"])); err != nil {
		return diag.New(diag.Config, "the option ike cannot be read", err.Error()).With("ike")
	}
	for _, s := range c.IKE {
		if c.Aggressive && s.Group != c.IKE[0].Group {
			return diag.New(diag.Config, "the option ike has several groups", "In aggressive mode one can be offered. Name one, or set the option mode to main.").With("ike")
		}
	}
	if c.ESP, err = machine.ParseESP(settings.List(values["esp"])); err != nil {
		return diag.New(diag.Config, "the option esp cannot be read", err.Error()).With("esp")
	}
	switch pfs := settings.Or(values["pfs"], pfsGateway); pfs {
	case pfsGateway:
		c.GatewayPFS = true
	case pfsNo:
	default:
		if c.PFS, err = machine.ParseGroup(pfs); err != nil {
			return diag.New(diag.Config, "the option pfs cannot be read", err.Error()).With("pfs")
		}
	}
	c.DPD, c.IKELife, c.ChildLife = settings.Duration(values["force-dpd"]), settings.Duration(values["ike-lifetime"]), settings.Duration(values["esp-lifetime"])
	c.ShowKeys = settings.True(values["dump-ike-keys"])
	c.Fragment, _ = strconv.Atoi(values["fragment-size"])
	return nil
}
