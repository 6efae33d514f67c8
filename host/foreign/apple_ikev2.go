package foreign

import "strings"

// Apple's names of algorithms, in strongSwan's.
var (
	appleCiphers = map[string]string{
		"DES": "des", "3DES": "3des", "AES-128": "aes128", "AES-256": "aes256",
		"AES-128-GCM": "aes128gcm16", "AES-256-GCM": "aes256gcm16", "ChaCha20Poly1305": "chacha20poly1305",
	}
	appleHashes = map[string]string{"SHA1-96": "sha1", "SHA1-160": "sha1_160", "SHA2-256": "sha256", "SHA2-384": "sha384", "SHA2-512": "sha512"}
	appleGroups = map[string]string{
		"1": "modp768", "2": "modp1024", "5": "modp1536", "14": "modp2048", "15": "modp3072", "16": "modp4096", "17": "modp6144",
		"18": "modp8192", "19": "ecp256", "20": "ecp384", "21": "ecp521", "31": "curve25519", "32": "curve448",
	}
	appleDPD = map[string]string{"Low": "30m", "Medium": "10m", "High": "1m"}
)

// appleIKEv2 reads the dictionary of that name.
func (d *draft) appleIKEv2(f fields, p *profile) {
	d.set("protocol", "ikev2")
	for from, key := range map[string]string{"RemoteAddress": "gateway", "RemoteIdentifier": "remote-id", "LocalIdentifier": "local-id",
		"AuthName": "username", "MTU": "mtu"} {
		d.set(key, f.take(from))
	}
	d.hide("password", f["AuthPassword"])
	f.drop("AuthPassword")
	d.appleLogin(f)
	p.identity(d, f)
	if f.yes("DisableMOBIKE") {
		d.set("no-mobike", "true")
	}
	if rate := f.take("DeadPeerDetectionRate"); rate != "" {
		if d.set("force-dpd", appleDPD[rate]); appleDPD[rate] == "" {
			d.note("DeadPeerDetectionRate: a silent gateway is always asked for a sign of life")
		}
	}
	for key, at := range map[string]string{"ike": "IKESecurityAssociationParameters.", "esp": "ChildSecurityAssociationParameters."} {
		d.appleProposal(key, f.within(at), f["EnablePFS"] == "1" || f["EnablePFS"] == "true")
	}
	if f["ServerCertificateCommonName"] == d.Options["remote-id"] || f["ServerCertificateCommonName"] == d.Options["gateway"] {
		f.drop("ServerCertificateCommonName")
	}
	for _, key := range []string{"DisableMOBIKE", "DisableRedirect", "EnablePFS", "EnableCertificateRevocationCheck", "UseConfigurationAttributeInternalIPSubnet",
		"NATKeepAliveOffloadEnable", "EnableFallback"} {
		if f[key] == "0" || f[key] == "false" {
			f.drop(key)
		}
	}
	f.drop("EnablePFS", "NATKeepAliveInterval", "NATKeepAliveOffloadEnable", "CertificateType")
	d.rest("IKEv2.", f)
}

// appleLogin reads how client and gateway prove who they are.
func (d *draft) appleLogin(f fields) {
	eap := f.yes("ExtendedAuthEnabled")
	method := f.take("AuthenticationMethod")
	switch {
	case eap && method == "Certificate":
		d.set("auth", "eap")
		d.set("eap-methods", "tls")
	case eap:
		d.set("auth", "eap")
	case method == "Certificate":
		d.set("auth", "cert")
	default:
		d.set("auth", "psk")
	}
	d.hide("psk", f["SharedSecret"])
	f.drop("SharedSecret")
}

// appleProposal reads the algorithms of IKE or ESP; all of them have to be known.
func (d *draft) appleProposal(key string, f fields, pfs bool) {
	if minutes := f.take("LifeTimeInMinutes"); minutes != "" {
		d.set(key+"-lifetime", minutes+"m")
	}
	cipher, hash, group := f.take("EncryptionAlgorithm"), f.take("IntegrityAlgorithm"), f.take("DiffieHellmanGroup")
	if cipher == "" && hash == "" && group == "" {
		d.rest("IKEv2.", f)
		return
	}
	words := []string{appleCiphers[or(cipher, "AES-256")], appleHashes[or(hash, "SHA2-256")], appleGroups[or(group, "14")]}
	known := words[0] != "" && words[1] != "" && words[2] != "" && words[1] != "sha1_160"
	if combined := strings.Contains(words[0], "gcm") || strings.Contains(words[0], "chacha"); combined && key == "ike" {
		words[1] = "prf" + words[1]
	} else if combined {
		words[1] = ""
	}
	if key == "esp" && !pfs {
		words[2] = ""
	}
	if !known {
		d.note("%s: one of %s, %s and group %s is unknown; set the option %s", key, cipher, hash, group, key)
	} else {
		d.set(key, strings.Join(strings.FieldsFunc(strings.Join(words, "-"), func(r rune) bool { return r == '-' }), "-"))
	}
	d.rest("IKEv2.", f)
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
