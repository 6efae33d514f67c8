package ike1

import (
	"encoding/binary"
	"fmt"
)

// ConfigKind is what a payload of mode config or XAUTH is.
type ConfigKind uint8

// The kinds.
const (
	ConfigRequest ConfigKind = 1
	ConfigReply   ConfigKind = 2
	ConfigSet     ConfigKind = 3
	ConfigAck     ConfigKind = 4
)

// String is the kind's name.
func (k ConfigKind) String() string {
	if k < 5 {
		return [...]string{"none", "REQUEST", "REPLY", "SET", "ACK"}[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Attributes of mode config, of XAUTH, and Cisco's own ("Unity").
const (
	InternalIP4Address uint16 = 1
	InternalIP4Netmask uint16 = 2
	InternalIP4DNS     uint16 = 3
	InternalIP4NBNS    uint16 = 4
	InternalExpiry     uint16 = 5
	ApplicationVersion uint16 = 7

	XAuthType      uint16 = 16520
	XAuthUser      uint16 = 16521
	XAuthPassword  uint16 = 16522
	XAuthPasscode  uint16 = 16523
	XAuthMessage   uint16 = 16524
	XAuthChallenge uint16 = 16525
	XAuthDomain    uint16 = 16526
	XAuthStatus    uint16 = 16527
	XAuthNextPIN   uint16 = 16528
	XAuthAnswer    uint16 = 16529

	UnityBanner        uint16 = 28672
	UnitySavePassword  uint16 = 28673
	UnityDefaultDomain uint16 = 28674
	UnitySplitDNS      uint16 = 28675
	UnitySplitInclude  uint16 = 28676
	UnityLocalLAN      uint16 = 28678
	UnityPFS           uint16 = 28679
	UnityBackup        uint16 = 28681
)

var configNames = map[uint16]string{InternalIP4Address: "INTERNAL_IP4_ADDRESS", InternalIP4Netmask: "INTERNAL_IP4_NETMASK", InternalIP4DNS: "INTERNAL_IP4_DNS",
	InternalIP4NBNS: "INTERNAL_IP4_NBNS", InternalExpiry: "INTERNAL_ADDRESS_EXPIRY", ApplicationVersion: "APPLICATION_VERSION", XAuthType: "XAUTH_TYPE",
	XAuthUser: "XAUTH_USER_NAME", XAuthPassword: "XAUTH_USER_PASSWORD", XAuthPasscode: "XAUTH_PASSCODE", XAuthMessage: "XAUTH_MESSAGE", XAuthChallenge: "XAUTH_CHALLENGE",
	XAuthDomain: "XAUTH_DOMAIN", XAuthStatus: "XAUTH_STATUS", XAuthNextPIN: "XAUTH_NEXT_PIN", XAuthAnswer: "XAUTH_ANSWER", UnityBanner: "UNITY_BANNER",
	UnitySavePassword: "UNITY_SAVE_PASSWD", UnityDefaultDomain: "UNITY_DEF_DOMAIN", UnitySplitDNS: "UNITY_SPLITDNS", UnitySplitInclude: "UNITY_SPLIT_INCLUDE",
	UnityLocalLAN: "UNITY_LOCAL_LAN", UnityPFS: "UNITY_PFS", UnityBackup: "UNITY_BACKUP_SERVERS"}

// ConfigName is that of an attribute of mode config.
func ConfigName(kind uint16) string {
	if name, known := configNames[kind]; known {
		return name
	}
	return fmt.Sprintf("attribute %d", kind)
}

// Config is a payload of mode config or XAUTH.
type Config struct {
	Kind       ConfigKind
	ID         uint16
	Attributes []Attribute
}

// Payload writes it.
func (c Config) Payload() Payload {
	b := binary.BigEndian.AppendUint16([]byte{byte(c.Kind), 0}, c.ID)
	return Payload{TypeConfig, appendAttributes(b, c.Attributes)}
}

// Get returns an attribute; false: it is not there.
func (c Config) Get(kind uint16) (Attribute, bool) {
	for _, a := range c.Attributes {
		if a.Type == kind {
			return a, true
		}
	}
	return Attribute{}, false
}

// ParseConfig reads the body of a payload of mode config.
func ParseConfig(b []byte) (c Config, err error) {
	if len(b) < 4 {
		return c, malformed("a configuration of %d bytes", len(b))
	}
	c.Kind, c.ID = ConfigKind(b[0]), binary.BigEndian.Uint16(b[2:])
	c.Attributes, err = parseAttributes(b[4:])
	return c, err
}
