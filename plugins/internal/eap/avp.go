package eap

import "encoding/binary"

// avp is an attribute of EAP-TTLS, RFC 5281 section 10.
type avp struct {
	code, vendor uint32
	mandatory    bool // who does not know it must give up
	data         []byte
}

// Attributes that are of use here. Those of RADIUS keep their numbers.
const (
	avpUserName     = 1
	avpUserPassword = 2
	avpReplyMessage = 18
	avpEAPMessage   = 79

	vendorMicrosoft    = 311
	avpMSCHAPError     = 2
	avpMSCHAPChallenge = 11
	avpMSCHAP2Response = 25
	avpMSCHAP2Success  = 26
)

const (
	avpVendorFlag    = 0x80
	avpMandatoryFlag = 0x40
	avpHeader        = 8
)

// parseAVPs reads attributes until the end of b.
func parseAVPs(b []byte) (all []avp, err error) {
	for len(b) > 0 {
		var a avp
		if a, b, err = parseAVP(b); err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

func parseAVP(b []byte) (a avp, rest []byte, err error) {
	if len(b) < avpHeader {
		return a, nil, malformed("an attribute of %d bytes", len(b))
	}
	flags, n := b[4], int(binary.BigEndian.Uint32(b[4:])&0xffffff)
	a.code, a.mandatory = binary.BigEndian.Uint32(b), flags&avpMandatoryFlag != 0
	header := avpHeader
	if flags&avpVendorFlag != 0 {
		header += 4
	}
	if n < header || n > len(b) {
		return a, nil, malformed("an attribute of %d bytes in %d", n, len(b))
	}
	if header > avpHeader {
		a.vendor = binary.BigEndian.Uint32(b[avpHeader:])
	}
	a.data = b[header:n]
	return a, b[min((n+3)&^3, len(b)):], nil
}

// append writes a, as mandatory, with its padding.
func (a avp) append(b []byte) []byte {
	header, flags := avpHeader, uint32(avpMandatoryFlag)
	if a.vendor != 0 {
		header, flags = header+4, flags|avpVendorFlag
	}
	n := header + len(a.data)
	b = binary.BigEndian.AppendUint32(b, a.code)
	b = binary.BigEndian.AppendUint32(b, flags<<24|uint32(n))
	if a.vendor != 0 {
		b = binary.BigEndian.AppendUint32(b, a.vendor)
	}
	return append(append(b, a.data...), make([]byte, (4-n%4)%4)...)
}
