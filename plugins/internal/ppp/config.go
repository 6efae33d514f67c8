package ppp

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/netip"

	"github.com/penstock-vpn/penstock/plugins/internal/eap"
)

// Method is a way to log in.
type Method string

// The methods.
const (
	NoLogin  Method = "none" // the peer wanted none
	PAP      Method = "pap"
	CHAPMD5  Method = "chap-md5"
	MSCHAPv2 Method = "mschapv2"
	EAP      Method = "eap"

	mschapv1 Method = "mschapv1" // broken, and refused
)

// Config is what a machine is made of.
type Config struct {
	Username, Password string
	// Methods are the ways to log in that are allowed, best first.
	Methods []Method
	// Allow names the option that allows a method which is not among Methods.
	Allow map[Method]string
	// EAP makes what answers for EAP; nil: it is not allowed.
	EAP func() *eap.Peer
	// MRU is the longest packet that the peer is to send; 0: DefaultMRU.
	MRU int
	// NoIPv4 and IPv6 say what is to run on the link: IPv4 alone by default.
	NoIPv4, IPv6 bool
	// Address is asked for, if it is valid; the peer may give another one.
	Address netip.Addr
	// MPPE is how packets may be encrypted; nil: they are not.
	MPPE *MPPE
	// Random gives magic numbers and challenges; nil: crypto/rand.
	Random io.Reader
	// Trace has every packet described.
	Trace bool
}

// DefaultMRU is RFC 1661's.
const DefaultMRU = 1500

// minMTU is the least that is of use with IPv4.
const minMTU = 576

// EncryptionSize is what MPPE adds to a packet, within the MRU (RFC 3078 section 3).
const EncryptionSize = 4

// MinMRU is the least that the ends may take.
func (c Config) MinMRU() int {
	if c.MPPE != nil {
		return minMTU + EncryptionSize
	}
	return minMTU
}

func (c Config) withDefaults() Config {
	if c.MRU == 0 {
		c.MRU = DefaultMRU
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	return c
}

var protocolNames = map[uint16]string{
	ProtocolLCP: "LCP", ProtocolPAP: "PAP", ProtocolCHAP: "CHAP", ProtocolEAP: "EAP", ProtocolCBCP: "CBCP",
	ProtocolIPCP: "IPCP", ProtocolIPv6CP: "IPv6CP", ProtocolCCP: "CCP", 0x8029: "AppleTalk", 0x802b: "IPX",
}

// loginCodes are those of PAP, CHAP and CBCP.
var loginCodes = map[uint16][]string{
	ProtocolPAP:  {"", "Authenticate-Request", "Authenticate-Ack", "Authenticate-Nak"},
	ProtocolCHAP: {"", "Challenge", "Response", "Success", "Failure", "", "", "Change-Password"},
	ProtocolEAP:  {"", "Request", "Response", "Success", "Failure"},
	ProtocolCBCP: {"", "Callback-Request", "Callback-Response", "Callback-Ack"},
}

func codeName(protocol uint16, c code) string {
	names, special := loginCodes[protocol]
	switch {
	case !special:
		return c.String()
	case int(c) < len(names) && names[c] != "":
		return names[c]
	}
	return fmt.Sprintf("code %d", byte(c))
}
