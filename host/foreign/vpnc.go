package foreign

import "strings"

// vpncService are the keys of NetworkManager-vpnc, which are those of vpnc's files.
var vpncService = service{
	protocol: "cisco-ipsec",
	data: map[string]rule{
		"IPSec gateway":                to("gateway"),
		"IPSec ID":                     to("group-name"),
		"Xauth username":               to("username"),
		"Domain":                       to("domain"),
		"Interface MTU":                to("mtu"),
		"CA-File":                      to("cacert"),
		"IKE Authmode":                 vpncAuth,
		"IKE DH Group":                 nothing, // see vpncProposals
		"Perfect Forward Secrecy":      vpncSecrecy,
		"DPD idle timeout (our side)":  seconds("force-dpd"),
		"NAT Traversal Mode":           unless("NAT Traversal Mode", "the standard way through NATs is used where it is needed", "natt", "force-natt"),
		"Vendor":                       unless("Vendor", "gateways are spoken to as Cisco's are", "cisco"),
		"Application Version":          unless("Application Version", noSetting),
		"Enable no encryption":         never("Enable no encryption", "penstock makes no tunnel that does not encrypt; take it out if the gateway can"),
		"Enable Single DES":            unless("Enable Single DES", "DES is never offered; a gateway that knows nothing better cannot be used", "no"),
		"Enable weak encryption":       nothing, // see vpncProposals
		"Enable weak authentication":   nothing,
		"Local Port":                   nothing, // chosen by itself, as are those below
		"Cisco UDP Encapsulation Port": nothing, "NAT-Keepalive packet interval": nothing,
		"ipsec-secret-type": nothing, "xauth-password-type": nothing, // see vpncKept
	},
	keeps:  map[string]string{"IPSec secret": "group-password", "Xauth password": "password"},
	before: vpncBefore,
}

func vpncBefore(d *draft, _ fields) {
	d.vpncProposals()
	d.vpncKept("IPSec secret", "ipsec-secret-type")
	d.vpncKept("Xauth password", "xauth-password-type")
}

// vpncGroups are vpnc's names of groups; dh1 is too short for anything.
var vpncGroups = map[string]string{"dh2": "modp1024", "dh5": "modp1536", "dh14": "modp2048", "dh15": "modp3072", "dh16": "modp4096", "dh17": "modp6144", "dh18": "modp8192"}

// vpncProposals offers what vpnc does, with the group that the connection names: in
// aggressive mode it cannot be found out. The group's name is the word that allows a weak
// one, and so are those two switches.
func (d *draft) vpncProposals() {
	name := strings.TrimSpace(d.fields["IKE DH Group"])
	if name == "" {
		return
	}
	group, known := vpncGroups[name]
	if !known {
		d.refuse("IKE DH Group", "this group is not offered; choose a longer one that the gateway knows")
		return
	}
	ciphers, hashes := []string{"aes256", "aes128"}, []string{"sha256", "sha1"}
	strong := len(ciphers) * len(hashes)
	if isYes(d.fields["Enable weak encryption"]) {
		ciphers = append(ciphers, "3des")
	}
	if isYes(d.fields["Enable weak authentication"]) {
		hashes = append(hashes, "md5")
	}
	var ike, esp []string
	for _, cipher := range ciphers {
		for _, hash := range hashes {
			ike = append(ike, cipher+"-"+hash+"-"+group)
			esp = append(esp, cipher+"-"+hash)
		}
	}
	d.set("ike", strings.Join(ike, ","))
	if len(esp) > strong { // otherwise all that is not weak
		d.set("esp", strings.Join(esp, ","))
	}
	if group == "modp1024" || group == "modp1536" {
		d.note("IKE DH Group: %s is weak; if the gateway can, name a longer one, such as dh14", name)
	}
}

// vpncKept reads how old versions said that a secret is kept.
func (d *draft) vpncKept(secret, key string) {
	flags := map[string]string{"ask": "2", "unused": "4"}[d.fields[key]]
	if d.fields[secret+flagsSuffix] == "" && flags != "" {
		d.fields[secret+flagsSuffix] = flags
	}
}

func vpncAuth(d *draft, value string) {
	switch value {
	case "psk", "hybrid":
		d.set("auth", value)
	default:
		d.refuse("IKE Authmode", "NetworkManager-vpnc has no keys for a certificate of yours; make a connection of penstock's: vpn-type penstock, protocol=cisco-ipsec, auth=cert")
	}
}

func vpncSecrecy(d *draft, value string) {
	ours := map[string]string{"server": "gateway", "nopfs": "no"}[value]
	if ours == "" {
		ours = vpncGroups[value]
	}
	if ours == "" {
		d.refuse("Perfect Forward Secrecy", "this group is not offered; choose server, nopfs or a longer one")
		return
	}
	d.set("pfs", ours)
}
