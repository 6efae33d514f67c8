package ike1

import (
	"encoding/binary"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
)

// The kinds of identities that RFC 2407 has beside those of IKEv2: subnets, for traffic.
const (
	IDSubnet4 ike.IDType = 4
	IDSubnet6 ike.IDType = 6
)

// ID is an identity, or in quick mode what traffic is meant. Protocol and Port are 0 for all.
type ID struct {
	ike.ID
	Protocol uint8
	Port     uint16
}

// Payload writes it.
func (i ID) Payload() Payload {
	b := binary.BigEndian.AppendUint16([]byte{byte(i.Kind), i.Protocol}, i.Port)
	return Payload{TypeID, append(b, i.Data...)}
}

// ParseID reads the body of an ID payload.
func ParseID(b []byte) (ID, error) {
	if len(b) < 4 {
		return ID{}, malformed("an identity of %d bytes", len(b))
	}
	return ID{ike.ID{Kind: ike.IDType(b[0]), Data: b[4:]}, b[1], binary.BigEndian.Uint16(b[2:])}, nil
}
