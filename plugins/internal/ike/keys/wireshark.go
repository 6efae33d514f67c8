package keys

import (
	"fmt"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
)

// Names of Wireshark, by ours. It reads no ChaCha20-Poly1305.
var (
	sharkCiphers = map[string]string{
		"aes256gcm16": "AES-GCM-256 with 16 octet ICV [RFC5282]", "aes192gcm16": "AES-GCM-192 with 16 octet ICV [RFC5282]",
		"aes128gcm16": "AES-GCM-128 with 16 octet ICV [RFC5282]", "aes256": "AES-CBC-256 [RFC3602]", "aes192": "AES-CBC-192 [RFC3602]",
		"aes128": "AES-CBC-128 [RFC3602]", "3des": "3DES [RFC2451]",
	}
	sharkIntegrities = map[string]string{
		"": "NONE [RFC4306]", "sha256": "HMAC_SHA2_256_128 [RFC4868]", "sha384": "HMAC_SHA2_384_192 [RFC4868]",
		"sha512": "HMAC_SHA2_512_256 [RFC4868]", "sha1": "HMAC_SHA1_96 [RFC2404]", "md5": "HMAC_MD5_96 [RFC2403]",
	}
	sharkESP = map[string]string{
		"": "NULL", "sha256": "HMAC-SHA-256-128 [RFC4868]", "sha384": "HMAC-SHA-384-192 [RFC4868]",
		"sha512": "HMAC-SHA-512-256 [RFC4868]", "sha1": "HMAC-SHA-1-96 [RFC2404]", "md5": "HMAC-MD5-96 [RFC2403]",
	}
)

// Wireshark is a line of its table ikev2_decryption_table; "" when it knows no such
// cipher. All that it gives away is for who asked for it.
func (s Suite) Wireshark(k Schedule, i, r ike.SPI) string {
	cipher, integrity := sharkCiphers[s.Cipher.Name], ""
	if s.Integrity != nil {
		integrity = s.Integrity.Name
	}
	if cipher == "" {
		return ""
	}
	return fmt.Sprintf("%x,%x,%x,%x,%q,%x,%x,%q", i, r, k.encryptI, k.encryptR, cipher, k.integrityI, k.integrityR, sharkIntegrities[integrity])
}

// WiresharkESP is a line of the table esp_sa, for an SA with a cipher and an integrity
// algorithm of this package's names.
func WiresharkESP(spi uint32, cipher, integrity string, key, authKey []byte) string {
	c, err := findNamed(cipher)
	if err != nil || sharkCiphers[cipher] == "" {
		return ""
	}
	name, auth := "AES-CBC [RFC3602]", fmt.Sprintf("0x%x", authKey)
	switch {
	case c.AEAD():
		name, auth = "AES-GCM with 16 octet ICV [RFC4106]", ""
	case cipher == "3des":
		name = "TripleDES-CBC [RFC2451]"
	}
	return fmt.Sprintf("%q,%q,%q,%q,%q,%q,%q,%q", "IPv4", "*", "*", fmt.Sprintf("0x%08x", spi), name, fmt.Sprintf("0x%x", key), sharkESP[integrity], auth)
}

func findNamed(name string) (*Cipher, error) {
	for _, c := range Ciphers {
		if c.Name == name {
			return c, nil
		}
	}
	return nil, fmt.Errorf("the cipher %q is unknown", name)
}
