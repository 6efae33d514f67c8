package ike1

import (
	"fmt"
	"strings"
)

var payloadNames = map[PayloadType]string{TypeSA: "SA", TypeKE: "KE", TypeID: "ID", TypeCert: "CERT", TypeCertReq: "CERT_REQ", TypeHash: "HASH", TypeSig: "SIG",
	TypeNonce: "NONCE", TypeNotify: "NOTIFY", TypeDelete: "DELETE", TypeVendor: "VENDOR", TypeConfig: "ATTRIBUTES", TypeNATD: "NAT-D", TypeNATOA: "NAT-OA",
	TypeNATDOld: "NAT-D (draft)", TypeNATOAOld: "NAT-OA (draft)", TypePiece: "FRAGMENT"}

// String is the type's name.
func (t PayloadType) String() string {
	if name, known := payloadNames[t]; known {
		return name
	}
	return fmt.Sprintf("payload %d", uint8(t))
}

// Describe is a payload in words, without what is secret or proves something.
func Describe(p Payload) string {
	words := describe(p)
	if words == "" {
		words = fmt.Sprintf("%d bytes", len(p.Body))
	}
	return p.Type.String() + " " + words
}

// describe is "" for what only its size is told of.
func describe(p Payload) string {
	switch p.Type {
	case TypeSA:
		all, err := ParseSA(p.Body)
		if err == nil {
			return describeSA(all)
		}
	case TypeID:
		if id, err := ParseID(p.Body); err == nil {
			return fmt.Sprintf("%s protocol %d port %d", id.String(), id.Protocol, id.Port)
		}
	case TypeNotify:
		if n, err := ParseNotify(p.Body); err == nil {
			return n.Kind.String()
		}
	case TypeDelete:
		if d, err := ParseDelete(p.Body); err == nil {
			return fmt.Sprintf("protocol %d SPIs %x", d.Protocol, d.SPIs)
		}
	case TypeVendor:
		for _, v := range Vendors {
			if v.is(p.Body) {
				return v.Name
			}
		}
		return fmt.Sprintf("%x", p.Body[:min(len(p.Body), 20)])
	case TypeConfig:
		if c, err := ParseConfig(p.Body); err == nil {
			return describeConfig(c)
		}
	}
	return ""
}

func describeSA(all []Proposal) string {
	var text strings.Builder
	for _, p := range all {
		fmt.Fprintf(&text, "proposal %d protocol %d SPI %x", p.Number, p.Protocol, p.SPI)
		for _, t := range p.Transforms {
			fmt.Fprintf(&text, " {%d", t.ID)
			for _, a := range t.Attributes {
				fmt.Fprintf(&text, " %d=%x", a.Type, a.Value)
			}
			text.WriteString("}")
		}
	}
	return text.String()
}

// describeConfig tells what is asked for and which settings come; of XAUTH the kinds alone.
func describeConfig(c Config) string {
	var text strings.Builder
	text.WriteString(c.Kind.String())
	for _, a := range c.Attributes {
		text.WriteString(" " + ConfigName(a.Type))
		if len(a.Value) > 0 && (a.Type < XAuthType || a.Type > XAuthAnswer) {
			fmt.Fprintf(&text, "=%x", a.Value[:min(len(a.Value), 64)])
		}
	}
	return text.String()
}
