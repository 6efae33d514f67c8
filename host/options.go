package host

import "github.com/penstock-vpn/penstock/sdk/option"

// CommonOptions are the options of every connection, whatever its protocol. Keys
// are NetworkManager-openconnect's where it has one.
func CommonOptions() option.Schema {
	return append(connectionOptions(), deviceOptions()...)
}

func connectionOptions() option.Schema {
	return option.Schema{
		{Key: "protocol", Label: "Protocol", Help: "VPN protocol, as in `penstock plugin list`.", Required: true},
		{Key: "gateway", Label: "Gateway", Help: "Host name or address of the gateway, with port and path if needed: https://vpn.example.com:8443/group.", Required: true},
		{Key: "username", Label: "User name", Help: "User name; asked for when absent."},
		{Key: "password", Label: "Password", Help: "Password; asked for when absent.", Secret: true},
		{Key: "usercert", Type: option.File, Label: "User certificate", Help: "Client certificate: a PEM or PKCS#12 file, or a pkcs11: URI.", Group: "Certificates"},
		{Key: "userkey", Type: option.File, Label: "User key", Help: "Private key of the client certificate, when it is in a file or token of its own.", Group: "Certificates"},
		{Key: "key-password", Label: "Key password", Help: "Passphrase of the private key, or PIN of the token.", Group: "Certificates", Secret: true},
		{Key: "cert-expire-warning", Type: option.Int, Label: "Warn before the certificate ends", Help: "Days before the end of the user certificate from which on it is warned of; 0: never.", Default: "60", Group: "Certificates", Advanced: true, Min: 0, Max: 3650},
		{Key: "cacert", Type: option.File, Label: "CA certificate", Help: "PEM file with the authorities to trust, in place of the system's.", Group: "Certificates"},
		{Key: "system-trust", Type: option.Enum, Label: "Trust the system's authorities", Help: "Whether to trust the system's authorities: yes, beside those of the CA certificate too; no; or auto, where no CA certificate is given.", Default: "auto", Choices: []string{"auto", "yes", "no"}, Group: "Certificates", Advanced: true},
		{Key: "servercert", Type: option.List, Label: "Gateway certificate pin", Help: "Accept only this certificate: pin-sha256:BASE64, sha256:HEX or sha1:HEX.", Group: "Certificates", Advanced: true},
		{Key: "proxy", Label: "Proxy", Help: "Proxy for TCP: http://[user@]host:port or socks5://[user@]host:port.", Group: "Network", Advanced: true},
		{Key: "proxy-password", Label: "Proxy password", Help: "Password for the proxy.", Group: "Network", Advanced: true, Secret: true},
		{Key: "reconnect-timeout", Type: option.Duration, Label: "Reconnect timeout", Help: "How long to try again after the path to the gateway was lost; 0s: without end.", Default: "5m", Group: "Network", Advanced: true, Min: 0, Max: 7 * 24 * 3600},
		{Key: "resolve", Type: option.List, Label: "Addresses of names", Help: "Addresses to use for names without asking for them, each HOST:ADDRESS.", Group: "Network", Advanced: true},
	}
}

func deviceOptions() option.Schema {
	return option.Schema{
		{Key: "mtu", Type: option.Int, Label: "MTU", Help: "Largest packet inside the tunnel, in bytes; found by itself when absent.", Group: "Network", Advanced: true, Min: 576, Max: 65535},
		{Key: "base-mtu", Type: option.Int, Label: "Path MTU", Help: "Largest packet on the way to the gateway, in bytes; found by itself when absent.", Group: "Network", Advanced: true, Min: 576, Max: 65535},
		{Key: "interface", Label: "Interface", Help: "Name of the TUN device; the kernel chooses when absent.", Group: "Network", Advanced: true},
		{Key: "offload", Type: option.Bool, Label: "Offload", Help: "Move packets in large batches where the kernel can; turn off to look for faults.", Default: "true", Group: "Network", Advanced: true},
		{Key: "queue-len", Type: option.Int, Label: "Packets at a time", Help: "Most packets taken from the TUN device at a time; as many as it gives when absent. Fewer wait less behind each other, and cost more.", Group: "Network", Advanced: true, Min: 1, Max: 65535},
		{Key: "passtos", Type: option.Bool, Label: "Pass TOS", Help: "Show the DSCP of packets inside the tunnel outside it too, so that the network may tell urgent ones; with UDP only.", Default: "false", Group: "Network", Advanced: true},
		{Key: "script", Label: "Script", Help: "vpnc-script to run in place of the bundled one.", Group: "Network", Advanced: true},
	}
}
