package main

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike1/keys"
	"github.com/penstock-vpn/penstock/plugins/internal/ike1/machine"
	"github.com/penstock-vpn/penstock/plugins/internal/ikelogin"
	"github.com/penstock-vpn/penstock/plugins/internal/ppplogin"
	"github.com/penstock-vpn/penstock/plugins/internal/settings"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
)

const (
	groupTunnel = "Tunnel"
	groupIPsec  = "IPsec"

	pskKey    = "psk"
	authKey   = "auth"
	secretKey = "l2tp-secret"
	authPSK   = "psk"
	authCert  = "cert"
)

// methods are those of PPP that are allowed where the user does not say. Who knows the
// pre-shared key, as all its users do, can pose as the gateway: PAP would tell him the password.
const methods = "mschapv2,eap,chap-md5"

// schema are the plugin's own options.
func schema() option.Schema {
	return append(option.Schema{
		{Key: authKey, Type: option.Enum, Label: "Machine authentication", Help: "How this computer and the gateway know each other: a pre-shared key (psk), or certificates (cert), this one's in usercert and userkey.", Default: authPSK, Choices: []string{authPSK, authCert}, Group: groupIPsec},
		{Key: pskKey, Label: "Pre-shared key", Help: "Key that the gateway and all its users know; 0x and hexadecimal digits for bytes.", Group: groupIPsec, Secret: true, VisibleIf: option.Condition{Key: authKey, Value: authPSK}},
		{Key: "local-id", Label: "Own identity", Help: "Who the gateway's IPsec knows this computer as: a name, an address, user@domain; its address, or the certificate's subject, when absent.", Group: groupIPsec, Advanced: true},
		{Key: "remote-id", Label: "Gateway's identity", Help: "Who the gateway must call itself, in the same notation; whoever its certificate is for when absent.", Group: groupIPsec, Advanced: true},
		{Key: "ike", Type: option.List, Label: "IKE proposals", Help: "What to offer for the key exchange, as in aes256-sha256-modp2048; all that is not weak when absent. Old gateways want 3des-sha1-modp1024, which is weak and has to be named.", Group: groupIPsec, Advanced: true},
		{Key: "esp", Type: option.List, Label: "ESP proposals", Help: "What to offer for the tunnel, as in aes256-sha256 or aes128gcm16; all that is not weak when absent. Old gateways may need 3des-sha1, which is weak.", Group: groupIPsec, Advanced: true},
		{Key: "ike-lifetime", Type: option.Duration, Label: "Key lifetime", Help: "How long until the keys of IKE are renewed.", Default: "8h", Group: groupIPsec, Advanced: true, Min: 10, Max: 7 * 24 * 3600},
		{Key: "esp-lifetime", Type: option.Duration, Label: "Tunnel key lifetime", Help: "How long until the keys of the tunnel are renewed.", Default: "1h", Group: groupIPsec, Advanced: true, Min: 10, Max: 7 * 24 * 3600},
		{Key: secretKey, Label: "Tunnel secret", Help: "Secret of L2TP, where the gateway wants one; few do.", Group: groupTunnel, Advanced: true, Secret: true},
		{Key: "force-dpd", Type: option.Duration, Label: "Dead peer detection", Help: "How long the gateway may be silent before it is asked for a sign of life.", Default: "60s", Group: groupTunnel, Advanced: true, Min: 4, Max: 3600},
	}, ppplogin.Schema(methods)...)
}

// options are a session's options, read.
type options struct {
	host              string
	port, mtu         int
	byCert            bool
	localID, remoteID *ike.ID // nil: not given
	ike               []keys.Suite
	esp               []machine.ESPSuite
	ikeLife, espLife  time.Duration
	dpd               time.Duration
	login             *ppplogin.Options
}

// readOptions reads what the schema has checked already, value by value.
func readOptions(values map[string]string) (*options, error) {
	o := &options{
		byCert: values[authKey] == authCert, dpd: settings.Duration(values["force-dpd"]),
		ikeLife: settings.Duration(values["ike-lifetime"]), espLife: settings.Duration(values["esp-lifetime"]),
	}
	var err error
	if o.host, o.port, err = ikelogin.Gateway(values["gateway"]); err != nil {
		return nil, err
	}
	if a, err := netip.ParseAddr(o.host); err == nil && a.Is6() {
		return nil, diag.New(diag.Config, "L2TP does not go to gateways by IPv6 here", "Give a name or an address of IPv4.").With("gateway")
	}
	for key, to := range map[string]**ike.ID{"local-id": &o.localID, "remote-id": &o.remoteID} {
		if *to, err = ikelogin.Identity(values[key]); err != nil {
			return nil, diag.New(diag.Config, "the option "+key+" cannot be read", err.Error()).With(key)
		}
	}
	o.mtu, _ = strconv.Atoi(values["mtu"])
	if o.ike, err = machine.ParseIKE(settings.List(values["ike"])); err != nil {
		return nil, diag.New(diag.Config, "the option ike cannot be read", err.Error()).With("ike")
	}
	if o.esp, err = machine.ParseESP(settings.List(values["esp"])); err != nil {
		return nil, diag.New(diag.Config, "the option esp cannot be read", err.Error()).With("esp")
	}
	o.login, err = ppplogin.Read(o.host, values)
	return o, err
}
