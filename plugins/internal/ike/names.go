package ike

import "fmt"

// transformNames are IANA's, by type and number.
var transformNames = map[TransformType]map[uint16]string{
	Encryption: {2: "DES", 3: "3DES", 11: "NULL", 12: "AES_CBC", 13: "AES_CTR", 14: "AES_CCM_8", 15: "AES_CCM_12", 16: "AES_CCM_16",
		18: "AES_GCM_8", 19: "AES_GCM_12", 20: "AES_GCM_16", 21: "NULL_AUTH_AES_GMAC", 23: "CAMELLIA_CBC", 28: "CHACHA20_POLY1305"},
	PRF: {1: "PRF_HMAC_MD5", 2: "PRF_HMAC_SHA1", 4: "PRF_AES128_XCBC", 5: "PRF_HMAC_SHA2_256", 6: "PRF_HMAC_SHA2_384", 7: "PRF_HMAC_SHA2_512", 8: "PRF_AES128_CMAC"},
	Integrity: {0: "NONE", 1: "HMAC_MD5_96", 2: "HMAC_SHA1_96", 5: "AES_XCBC_96", 8: "AES_CMAC_96", 12: "HMAC_SHA2_256_128", 13: "HMAC_SHA2_384_192",
		14: "HMAC_SHA2_512_256"},
	KeyExchange: {0: "NONE", 1: "MODP_768", 2: "MODP_1024", 5: "MODP_1536", 14: "MODP_2048", 15: "MODP_3072", 16: "MODP_4096", 17: "MODP_6144", 18: "MODP_8192",
		19: "ECP_256", 20: "ECP_384", 21: "ECP_521", 22: "MODP_1024_160", 23: "MODP_2048_224", 24: "MODP_2048_256", 25: "ECP_192", 26: "ECP_224", 27: "BRAINPOOL_224",
		28: "BRAINPOOL_256", 29: "BRAINPOOL_384", 30: "BRAINPOOL_512", 31: "CURVE25519", 32: "CURVE448", 35: "ML_KEM_512", 36: "ML_KEM_768", 37: "ML_KEM_1024"},
	SequenceSizes: {0: "NO_ESN", 1: "ESN"},
}

var typeNames = map[TransformType]string{Encryption: "ENCR", PRF: "PRF", Integrity: "INTEG", KeyExchange: "KE", SequenceSizes: "ESN"}

// String is the algorithm's name, with the length of its key in bits.
func (t Transform) String() string {
	names, prefix := transformNames[t.Type], ""
	if t.Type >= AdditionalKE1 && t.Type <= AdditionalKE7 {
		names, prefix = transformNames[KeyExchange], fmt.Sprintf("ADDKE%d:", t.Type-AdditionalKE1+1)
	}
	name, known := names[t.ID]
	switch {
	case known:
	case typeNames[t.Type] != "":
		name = fmt.Sprintf("%s %d", typeNames[t.Type], t.ID)
	default:
		name = fmt.Sprintf("type %d number %d", t.Type, t.ID)
	}
	if t.KeyBits != 0 {
		name = fmt.Sprintf("%s_%d", name, t.KeyBits)
	}
	if t.Strange {
		name += "?"
	}
	return prefix + name
}

// groupName is that of a key exchange.
func groupName(id uint16) string { return Transform{Type: KeyExchange, ID: id}.String() }

// String is the protocol's name.
func (p Protocol) String() string {
	if p < 4 {
		return [...]string{"none", "IKE", "AH", "ESP"}[p]
	}
	return fmt.Sprintf("protocol %d", uint8(p))
}

// String says how the proof was made.
func (m AuthMethod) String() string {
	switch m {
	case AuthRSA:
		return "RSA"
	case AuthSharedKey:
		return "shared key"
	case AuthECDSA256:
		return "ECDSA P-256"
	case AuthECDSA384:
		return "ECDSA P-384"
	case AuthECDSA521:
		return "ECDSA P-521"
	case AuthSignature:
		return "signature"
	}
	return fmt.Sprintf("method %d", uint8(m))
}

// String is the kind's name.
func (k ConfigKind) String() string {
	if k < 5 {
		return [...]string{"none", "REQUEST", "REPLY", "SET", "ACK"}[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

var attributeNames = map[AttributeKind]string{
	InternalIP4Address: "INTERNAL_IP4_ADDRESS", InternalIP4Netmask: "INTERNAL_IP4_NETMASK", InternalIP4DNS: "INTERNAL_IP4_DNS",
	InternalIP4NBNS: "INTERNAL_IP4_NBNS", InternalIP4DHCP: "INTERNAL_IP4_DHCP", ApplicationVersion: "APPLICATION_VERSION",
	InternalIP6Address: "INTERNAL_IP6_ADDRESS", InternalIP6DNS: "INTERNAL_IP6_DNS", InternalIP6DHCP: "INTERNAL_IP6_DHCP",
	InternalIP4Subnet: "INTERNAL_IP4_SUBNET", InternalIP6Subnet: "INTERNAL_IP6_SUBNET", InternalDNSDomain: "INTERNAL_DNS_DOMAIN",
	InternalDNSSECTA: "INTERNAL_DNSSEC_TA", UnityBanner: "UNITY_BANNER", UnityDefaultDomain: "UNITY_DEF_DOMAIN", UnitySplitDNS: "UNITY_SPLITDNS",
	UnitySplitInclude: "UNITY_SPLIT_INCLUDE", UnityLocalLAN: "UNITY_LOCAL_LAN",
}

// String is the attribute's name.
func (k AttributeKind) String() string {
	if name, known := attributeNames[k]; known {
		return name
	}
	return fmt.Sprintf("attribute %d", uint16(k))
}

// eapCodes and eapTypes are names of what stands in an EAP packet.
var (
	eapCodes = map[byte]string{1: "request", 2: "response", 3: "success", 4: "failure"}
	eapTypes = map[byte]string{1: "Identity", 2: "Notification", 3: "Nak", 4: "MD5", 5: "OTP", 6: "GTC", 13: "TLS", 21: "TTLS", 25: "PEAP", 26: "MSCHAPv2",
		33: "TLV", 43: "FAST", 254: "expanded"}
)
