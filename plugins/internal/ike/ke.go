package ike

import "encoding/binary"

// KE is a key exchange payload: the public value of one side.
type KE struct {
	Group uint16 // the KeyExchange transform
	Data  []byte
}

// Type implements Payload.
func (*KE) Type() PayloadType { return TypeKE }

func (k *KE) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, k.Group)
	return append(append(b, 0, 0), k.Data...)
}

func parseKE(b []byte) (*KE, error) {
	if len(b) < 4 {
		return nil, malformed("%d bytes", len(b))
	}
	return &KE{binary.BigEndian.Uint16(b), b[4:]}, nil
}
