package ike

import (
	"bytes"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"strings"
)

// Distinguished names as identities: DER, in which the same name can be written in several
// ways.

// attributeTypes are those of the notation, as RFC 4514 and others name them.
var attributeTypes = map[string]asn1.ObjectIdentifier{
	"CN": {2, 5, 4, 3}, "SERIALNUMBER": {2, 5, 4, 5}, "C": {2, 5, 4, 6}, "L": {2, 5, 4, 7}, "ST": {2, 5, 4, 8}, "STREET": {2, 5, 4, 9}, "O": {2, 5, 4, 10},
	"OU": {2, 5, 4, 11}, "UID": {0, 9, 2342, 19200300, 100, 1, 1}, "DC": oidDC, "E": oidEmail, "EMAILADDRESS": oidEmail,
}

var (
	oidDC    = asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 25}
	oidEmail = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}
)

// DistinguishedName reads "C=CH, O=Example, CN=alice", in the order of the certificate; a
// comma within a value has a backslash in front.
func DistinguishedName(text string) ([]byte, error) {
	var name pkix.RDNSequence
	for _, part := range cutAtCommas(text) {
		key, value, found := strings.Cut(part, "=")
		oid := attributeTypes[strings.ToUpper(strings.TrimSpace(key))]
		if value = strings.TrimSpace(value); !found || oid == nil || value == "" {
			return nil, fmt.Errorf("%q is no part of a name such as \"O=Example, CN=alice\"", part)
		}
		a := pkix.AttributeTypeAndValue{Type: oid, Value: value}
		if oid.Equal(oidDC) || oid.Equal(oidEmail) {
			a.Value = asn1.RawValue{Tag: asn1.TagIA5String, Bytes: []byte(value)}
		}
		name = append(name, pkix.RelativeDistinguishedNameSET{a})
	}
	return asn1.Marshal(name)
}

func cutAtCommas(text string) (parts []string) {
	var part strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text):
			i++
			part.WriteByte(text[i])
		case text[i] == ',':
			parts = append(parts, part.String())
			part.Reset()
		default:
			part.WriteByte(text[i])
		}
	}
	return append(parts, part.String())
}

// Same says whether both are one identity: names may be written in several ways.
func (i *ID) Same(other *ID) bool {
	if i.Kind != other.Kind {
		return false
	}
	if i.Kind == IDDN {
		ours, theirs := parts(i.Data), parts(other.Data)
		return len(ours) > 0 && ours == theirs
	}
	return bytes.Equal(i.Data, other.Data)
}

// parts is a name in a form that has one way to write it; "": it cannot be read.
func parts(der []byte) string {
	var name pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &name); err != nil || len(rest) > 0 {
		return ""
	}
	var b strings.Builder
	for _, set := range name {
		for _, a := range set {
			fmt.Fprintf(&b, "%v=%q+", a.Type, fmt.Sprint(a.Value))
		}
		b.WriteByte(',')
	}
	return b.String()
}

// nameIn is a name for people; "": it cannot be read.
func nameIn(der []byte) string {
	var name pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &name); err != nil || len(rest) > 0 {
		return ""
	}
	return name.String()
}
