package main

import (
	"strconv"

	"github.com/penstock-vpn/penstock/plugins/ikev2/internal/machine"
	"github.com/penstock-vpn/penstock/plugins/ikev2/internal/tunnel"
	"github.com/penstock-vpn/penstock/plugins/internal/eap/anyconnect"
	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ikelogin"
	"github.com/penstock-vpn/penstock/plugins/internal/settings"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
)

const (
	groupLogin  = "Login"
	groupTunnel = "Tunnel"

	authEAP  = "eap"
	authPSK  = "psk"
	authCert = "cert"
	authNone = "none" // of a second login
)

// schema are the plugin's own options.
func schema() option.Schema {
	return append(option.Schema{
		{Key: "auth", Type: option.Enum, Label: "Login", Help: "How to log in: user name and password by EAP, the user's certificate, a pre-shared key on both sides, or whatever a Cisco gateway asks for (AnyConnect); but for the pre-shared key the gateway has a certificate.", Default: authEAP, Choices: []string{authEAP, authCert, authPSK, authAnyConnect}, Group: groupLogin},
		{Key: "auth2", Type: option.Enum, Label: "Second login", Help: "What the gateway wants behind the first login, in the same connection (RFC 4739): as with auth; a second time eap asks for another user name and password.", Default: authNone, Choices: []string{authNone, authEAP, authCert, authPSK}, Group: groupLogin, Advanced: true},
		{Key: "psk", Label: "Pre-shared key", Help: "Key that the gateway knows too; 0x and hexadecimal digits for bytes.", Group: groupLogin, Secret: true},
		{Key: "local-id", Label: "Own identity", Help: "Who the gateway knows this client as: a name, an address, user@domain, a subject as in \"CN=alice, O=Example\", key:TEXT, or {TYPE}:TEXT with the number of any other kind; the user name, or the certificate's subject, when absent.", Group: groupLogin},
		{Key: "local-id2", Label: "Second own identity", Help: "Who the gateway knows this client as in the second login, in the same notation; as with the first when absent.", Group: groupLogin, Advanced: true},
		{Key: "remote-id", Label: "Gateway's identity", Help: "Who the gateway must call itself, in the same notation; whoever its certificate is for when absent.", Group: groupLogin, Advanced: true},
		{Key: "ike", Type: option.List, Label: "IKE proposals", Help: "What to offer for the key exchange, as in aes256-sha256-modp2048; all that is not weak when absent.", Group: groupTunnel, Advanced: true},
		{Key: "esp", Type: option.List, Label: "ESP proposals", Help: "What to offer for the tunnel, as in aes256gcm16 or aes128-sha1-modp2048; all that is not weak when absent.", Group: groupTunnel, Advanced: true},
		{Key: "force-dpd", Type: option.Duration, Label: "Dead peer detection", Help: "How long the gateway may be silent before it is asked for a sign of life.", Default: "60s", Group: groupTunnel, Advanced: true, Min: 1, Max: 3600},
		{Key: "ike-lifetime", Type: option.Duration, Label: "Key lifetime", Help: "How long until the keys of IKE are renewed.", Default: "4h", Group: groupTunnel, Advanced: true, Min: 10, Max: 7 * 24 * 3600},
		{Key: "esp-lifetime", Type: option.Duration, Label: "Tunnel key lifetime", Help: "How long until the keys of the tunnel are renewed.", Default: "1h", Group: groupTunnel, Advanced: true, Min: 10, Max: 7 * 24 * 3600},
		{Key: "esp-lifebytes", Type: option.Int, Label: "Tunnel key bytes", Help: "How many bytes the tunnel carries in a direction until its keys are renewed; 0 for any.", Default: "0", Group: groupTunnel, Advanced: true, Max: 1 << 60},
		{Key: "esp-lifepackets", Type: option.Int, Label: "Tunnel key packets", Help: "How many packets the tunnel carries in a direction until its keys are renewed; 0 for as many as have numbers.", Default: "0", Group: groupTunnel, Advanced: true, Max: 1 << 60},
		{Key: "fragment-size", Type: option.Int, Label: "Fragment size", Help: "Largest message of the key exchange, in bytes; longer ones go in fragments.", Default: "1200", Group: groupTunnel, Advanced: true, Min: 500, Max: 65000},
		{Key: "ike-tcp", Type: option.Enum, Label: "Use TCP", Help: "When to speak with the gateway over TCP: when UDP is not answered (auto), always, or never.", Default: "auto", Choices: []string{"auto", "always", "never"}, Group: groupTunnel, Advanced: true},
		{Key: "udp-encap", Type: option.Enum, Label: "ESP in UDP", Help: "When ESP goes in UDP: always; where there is a NAT or ESP alone does not get through (auto); or where there is a NAT (nat).", Default: "always", Choices: []string{"always", "auto", "nat"}, Group: groupTunnel, Advanced: true},
		{Key: "no-mobike", Type: option.Bool, Label: "No MOBIKE", Help: "Connect again when the network changes, in place of moving the tunnel.", Default: "false", Group: groupTunnel, Advanced: true},
		{Key: "dump-ike-keys", Type: option.Bool, Label: "Show keys", Help: "Show the keys of IKE and ESP, as Wireshark's tables want them, with --dump-ike. Whoever has them reads everything.", Default: "false", Group: groupTunnel, Advanced: true},
		{Key: "disable-ipv6", Type: option.Bool, Label: "No IPv6", Help: "Ask the gateway for IPv4 only.", Default: "false", Group: groupTunnel, Advanced: true},
	}, append(eapSchema(), anyConnectSchema()...)...)
}

// options are a session's options, read.
type options struct {
	host       string
	port, mtu  int
	rounds     []string   // ways to log in, in their order
	usernames  [2]string  // of logins by EAP
	localIDs   [2]*ike.ID // of the rounds; nil: not given
	remoteID   *ike.ID    // nil: not given
	eap        eapOptions
	tcp        tunnel.TCP
	encap      tunnel.Encap
	machine    machine.Config // lifetimes and proposals
	anyConnect anyconnect.Config
}

// readOptions reads what the schema has checked already, value by value.
func readOptions(values map[string]string) (*options, error) {
	o := &options{usernames: [2]string{values["username"], values["secondary-username"]}}
	var err error
	if o.rounds, err = readRounds(settings.Or(values["auth"], authEAP), settings.Or(values["auth2"], authNone)); err != nil {
		return nil, err
	}
	if o.host, o.port, err = ikelogin.Gateway(values["gateway"]); err != nil {
		return nil, err
	}
	for key, to := range map[string]**ike.ID{"local-id": &o.localIDs[0], "local-id2": &o.localIDs[1], "remote-id": &o.remoteID} {
		if *to, err = ikelogin.Identity(values[key]); err != nil {
			return nil, diag.New(diag.Config, "the option "+key+" cannot be read", err.Error()).With(key)
		}
	}
	if o.remoteID != nil {
		o.remoteID.Responder = true
	}
	o.mtu, _ = strconv.Atoi(values["mtu"])
	o.tcp = map[string]tunnel.TCP{"auto": tunnel.AfterUDP, "always": tunnel.AlwaysTCP}[values["ike-tcp"]]
	o.encap = map[string]tunnel.Encap{"auto": tunnel.UnlessPlain, "nat": tunnel.BehindNAT}[values["udp-encap"]]
	if o.eap, err = readEAP(values); err != nil {
		return nil, err
	}
	if err := o.readAnyConnect(values); err != nil {
		return nil, err
	}
	return o, o.readMachine(values)
}

// readRounds puts the ways to log in in their order.
func readRounds(first, second string) ([]string, error) {
	switch {
	case second == authNone:
		return []string{first}, nil
	case first == authAnyConnect:
		return nil, diag.New(diag.Config, "there is no second login with AnyConnect", "The gateway asks for what it wants by itself. Leave out the option auth2.").With("auth2")
	case first == second && first != authEAP:
		return nil, diag.New(diag.Config, "both logins are the same", "Change the option auth2.").With("auth2")
	}
	return []string{first, second}, nil
}

// What keys of the tunnel must carry at least: renewing them takes a moment.
const (
	minBytes   = 1 << 20
	minPackets = 1 << 10
)

func (o *options) readMachine(values map[string]string) (err error) {
	c := &o.machine
	if c.IKE, err = machine.ParseIKE(settings.List(values["ike"])); err != nil {
		return diag.New(diag.Config, "the option ike cannot be read", err.Error()).With("ike")
	}
	if c.ESP, err = machine.ParseESP(settings.List(values["esp"])); err != nil {
		return diag.New(diag.Config, "the option esp cannot be read", err.Error()).With("esp")
	}
	c.DPD, c.IKELife, c.ChildLife = settings.Duration(values["force-dpd"]), settings.Duration(values["ike-lifetime"]), settings.Duration(values["esp-lifetime"])
	c.Fragment, _ = strconv.Atoi(values["fragment-size"])
	c.ChildBytes, _ = strconv.ParseUint(values["esp-lifebytes"], 10, 64)
	c.ChildPackets, _ = strconv.ParseUint(values["esp-lifepackets"], 10, 64)
	if c.ChildBytes > 0 && c.ChildBytes < minBytes || c.ChildPackets > 0 && c.ChildPackets < minPackets {
		return diag.New(diag.Config, "the keys of the tunnel would be renewed all the time", "Let them carry 1048576 bytes or 1024 packets at least, or any number with 0.").With("esp-lifebytes")
	}
	c.NoMOBIKE, c.NoIPv6 = settings.True(values["no-mobike"]), settings.True(values["disable-ipv6"])
	c.RemoteID, c.ShowKeys = o.remoteID, settings.True(values["dump-ike-keys"])
	return nil
}
