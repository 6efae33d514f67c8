package ike1

import (
	"bytes"
	"crypto/md5"
)

// Vendor is who or what a vendor ID stands for.
type Vendor struct {
	Name string
	id   []byte
	// at most so many bytes of it are compared: a version follows
	prefix int
}

func hashed(text string) []byte {
	sum := md5.Sum([]byte(text))
	return sum[:]
}

// The vendor IDs that mean something to a client. Most are hashes of a text.
var (
	VendorXAuth     = &Vendor{"XAUTH", []byte("\x09\x00\x26\x89\xdf\xd6\xb7\x12"), 8}
	VendorDPD       = &Vendor{"DPD", []byte("\xaf\xca\xd7\x13\x68\xa1\xf1\xc9\x6b\x86\x96\xfc\x77\x57\x01\x00"), 14}
	VendorUnity     = &Vendor{"Cisco Unity", []byte("\x12\xf5\xf2\x8c\x45\x71\x68\xa9\x70\x2d\x9f\xe2\x74\xcc\x01\x00"), 14}
	VendorPieces    = &Vendor{"FRAGMENTATION", append(hashed("FRAGMENTATION"), 0x80, 0, 0, 0), 16}
	VendorNAT       = &Vendor{"RFC 3947", hashed("RFC 3947"), 16}
	VendorNATDraft3 = &Vendor{"NAT-T draft 03", hashed("draft-ietf-ipsec-nat-t-ike-03"), 16}
	VendorNATDraft2 = &Vendor{"NAT-T draft 02", hashed("draft-ietf-ipsec-nat-t-ike-02\n"), 16}
	VendorNATOlder2 = &Vendor{"NAT-T draft 02", hashed("draft-ietf-ipsec-nat-t-ike-02"), 16}
)

// Vendors are all of them.
var Vendors = []*Vendor{VendorXAuth, VendorDPD, VendorUnity, VendorPieces, VendorNAT, VendorNATDraft3, VendorNATDraft2, VendorNATOlder2}

// Payload writes it.
func (v *Vendor) Payload() Payload { return Payload{TypeVendor, v.id} }

// In says whether it is among the payloads, of whatever version.
func (v *Vendor) In(all []Payload) bool {
	for _, b := range FindAll(all, TypeVendor) {
		if v.is(b) {
			return true
		}
	}
	return false
}

func (v *Vendor) is(b []byte) bool { return bytes.HasPrefix(b, v.id[:v.prefix]) }
