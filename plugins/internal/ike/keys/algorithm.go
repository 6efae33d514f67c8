package keys

import (
	"encoding/asn1"
)

// AlgorithmIdentifiers of RFC 7427 appendix A, as DER.

var (
	oidRSA256   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}
	oidRSA384   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 12}
	oidRSA512   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 13}
	oidPSS      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	oidMGF1     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8}
	oidECDSA256 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	oidECDSA384 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}
	oidECDSA512 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4}
	oidEd25519  = asn1.ObjectIdentifier{1, 3, 101, 112}
	oidSHA256   = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidSHA384   = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}
	oidSHA512   = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}
)

// null are the parameters of algorithms that have none and say so.
var null = asn1.RawValue{Tag: asn1.TagNull}

// der writes an identifier; parameters is at most one value.
func der(oid asn1.ObjectIdentifier, parameters ...asn1.RawValue) []byte {
	return sequence(append([]asn1.RawValue{raw(oid)}, parameters...)...)
}

// pssDER is that of RSA-PSS with one hash everywhere and a salt of its size.
func pssDER(hash asn1.ObjectIdentifier, salt int) []byte {
	hashID := asn1.RawValue{FullBytes: der(hash, null)}
	mask := asn1.RawValue{FullBytes: der(oidMGF1, hashID)}
	parameters := sequence(explicit(0, hashID), explicit(1, mask), explicit(2, raw(salt)))
	return der(oidPSS, asn1.RawValue{FullBytes: parameters})
}

func sequence(values ...asn1.RawValue) []byte {
	var content []byte
	for _, v := range values {
		content = append(content, must(v)...)
	}
	return must(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: content})
}

func explicit(tag int, v asn1.RawValue) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, IsCompound: true, Bytes: must(v)}
}

func raw(v any) asn1.RawValue { return asn1.RawValue{FullBytes: must(v)} }

// must is for the constants above, which marshal or the package is wrong.
func must(v any) []byte {
	b, err := asn1.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
