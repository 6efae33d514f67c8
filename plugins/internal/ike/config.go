package ike

import "encoding/binary"

// ConfigKind says whether a Config asks or tells.
type ConfigKind uint8

// The kinds of Config.
const (
	ConfigRequest ConfigKind = 1
	ConfigReply   ConfigKind = 2
	ConfigSet     ConfigKind = 3
	ConfigAck     ConfigKind = 4
)

// AttributeKind is what an Attribute is about.
type AttributeKind uint16

// The attributes, RFC 7296 section 3.15.1, RFC 8598, and Cisco's private ones.
const (
	InternalIP4Address AttributeKind = 1
	InternalIP4Netmask AttributeKind = 2
	InternalIP4DNS     AttributeKind = 3
	InternalIP4NBNS    AttributeKind = 4
	InternalIP4DHCP    AttributeKind = 6
	ApplicationVersion AttributeKind = 7
	InternalIP6Address AttributeKind = 8
	InternalIP6DNS     AttributeKind = 10
	InternalIP6DHCP    AttributeKind = 12
	InternalIP4Subnet  AttributeKind = 13
	InternalIP6Subnet  AttributeKind = 15
	InternalDNSDomain  AttributeKind = 25
	InternalDNSSECTA   AttributeKind = 26
	UnityBanner        AttributeKind = 28672
	UnityDefaultDomain AttributeKind = 28674
	UnitySplitDNS      AttributeKind = 28675
	UnitySplitInclude  AttributeKind = 28676
	UnityLocalLAN      AttributeKind = 28678
)

// Config is a Configuration payload.
type Config struct {
	Kind       ConfigKind
	Attributes []Attribute
}

// Attribute is one value, or with an empty one a wish for it.
type Attribute struct {
	Kind  AttributeKind
	Value []byte
}

// Type implements Payload.
func (*Config) Type() PayloadType { return TypeConfig }

func (c *Config) append(b []byte) []byte {
	b = append(b, byte(c.Kind), 0, 0, 0)
	for _, a := range c.Attributes {
		b = binary.BigEndian.AppendUint16(b, uint16(a.Kind))
		b = binary.BigEndian.AppendUint16(b, uint16(len(a.Value)))
		b = append(b, a.Value...)
	}
	return b
}

func parseConfig(b []byte) (*Config, error) {
	if len(b) < 4 {
		return nil, malformed("%d bytes", len(b))
	}
	c := &Config{Kind: ConfigKind(b[0])}
	for b = b[4:]; len(b) > 0; {
		if len(b) < 4 {
			return nil, malformed("%d bytes are no attribute", len(b))
		}
		kind, n := binary.BigEndian.Uint16(b)&0x7fff, int(binary.BigEndian.Uint16(b[2:]))
		if 4+n > len(b) {
			return nil, malformed("an attribute of %d bytes where %d are left", n, len(b)-4)
		}
		c.Attributes = append(c.Attributes, Attribute{AttributeKind(kind), b[4 : 4+n : 4+n]})
		b = b[4+n:]
	}
	return c, nil
}
