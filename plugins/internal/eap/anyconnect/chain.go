package anyconnect

import (
	"crypto/x509"
	"encoding/asn1"
)

// A chain of certificates travels as PKCS #7 SignedData in which nothing is signed.

var (
	oidData       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSignedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
)

// contentInfo is RFC 2315 section 7's, around any content.
type contentInfo struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue `asn1:"explicit,optional,tag:0"`
}

// signedData is section 9.1's.
type signedData struct {
	Version      int
	Digests      asn1.RawValue `asn1:"set"`
	Content      contentInfo
	Certificates asn1.RawValue `asn1:"optional,tag:0"`
	Revocations  asn1.RawValue `asn1:"optional,tag:1"`
	Signers      asn1.RawValue `asn1:"set"`
}

var emptySet = asn1.RawValue{Tag: asn1.TagSet, IsCompound: true}

// AppendChain writes certificates, the sender's own first.
func AppendChain(b []byte, chain []*x509.Certificate) ([]byte, error) {
	var all []byte
	for _, c := range chain {
		all = append(all, c.Raw...)
	}
	nothing := asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: []byte{asn1.TagOctetString, 0}}
	inner, err := asn1.Marshal(signedData{
		Version: 1, Digests: emptySet, Content: contentInfo{oidData, nothing}, Signers: emptySet,
		Certificates: asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: all},
	})
	if err != nil {
		return nil, err
	}
	outer, err := asn1.Marshal(contentInfo{oidSignedData, asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: inner}})
	return append(b, outer...), err
}

// ParseChain reads what AppendChain writes.
func ParseChain(b []byte) ([]*x509.Certificate, error) {
	var outer contentInfo
	if rest, err := asn1.Unmarshal(b, &outer); err != nil || len(rest) > 0 || !outer.Type.Equal(oidSignedData) {
		return nil, malformed("no PKCS #7 of signed data")
	}
	var inner signedData
	if rest, err := asn1.Unmarshal(outer.Content.Bytes, &inner); err != nil || len(rest) > 0 || inner.Version != 1 {
		return nil, malformed("no signed data of version 1")
	}
	chain, err := x509.ParseCertificates(inner.Certificates.Bytes)
	if err != nil || len(chain) == 0 {
		return nil, malformed("no chain of certificates")
	}
	return chain, nil
}
