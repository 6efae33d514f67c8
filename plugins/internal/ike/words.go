package ike

import (
	"fmt"
	"strings"
)

// Brief is a payload in a few words, for people who look at what is said. It holds no
// secret: neither keys nor proofs, and of EAP not the content, which may be a password.
func Brief(p Payload) string {
	name := p.Type().String()
	switch p := p.(type) {
	case *SA:
		return name + "(" + proposals(p.Proposals) + ")"
	case *KE:
		return fmt.Sprintf("%s(group %d)", name, p.Group)
	case *ID:
		return name + "(" + p.String() + ")"
	case *Cert:
		return fmt.Sprintf("%s(encoding %d, %d bytes)", name, p.Encoding, len(p.Data))
	case *AuthData:
		return fmt.Sprintf("%s(method %d)", name, p.Method)
	case *Notify:
		return notice(p)
	case *Delete:
		return fmt.Sprintf("%s(protocol %d%s)", name, p.Protocol, hexes(p.SPIs))
	case *TS:
		return name + "(" + joined(p.Selectors, Selector.String) + ")"
	case *Config:
		return fmt.Sprintf("%s(%d:%s)", name, p.Kind, joined(p.Attributes, func(a Attribute) string { return fmt.Sprint(uint16(a.Kind)) }))
	case EAP:
		if len(p) > 4 {
			return fmt.Sprintf("%s(code %d type %d)", name, p[0], p[4])
		}
	}
	return name
}

// notice shows the SPI of a notification. Its data may be a ticket or a token.
func notice(n *Notify) string {
	if len(n.SPI) == 0 {
		return "N(" + n.Kind.String() + ")"
	}
	return fmt.Sprintf("N(%v %x)", n.Kind, n.SPI)
}

// maxWords bounds what is said of one payload.
const maxWords = 400

func joined[T any](values []T, word func(T) string) string {
	var b strings.Builder
	for i, v := range values {
		if b.Len() > maxWords {
			b.WriteString(" ...")
			break
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(word(v))
	}
	return b.String()
}

// proposals shows algorithms as type=number/bits, by RFC 7296's numbers.
func proposals(all []Proposal) string {
	return joined(all, func(p Proposal) string {
		return fmt.Sprintf("%d:%x[%s]", p.Protocol, p.SPI, joined(p.Transforms, func(t Transform) string {
			if t.KeyBits == 0 {
				return fmt.Sprintf("%d=%d", t.Type, t.ID)
			}
			return fmt.Sprintf("%d=%d/%d", t.Type, t.ID, t.KeyBits)
		}))
	})
}

func hexes(spis []uint32) string {
	if len(spis) == 0 {
		return ""
	}
	return " " + joined(spis, func(spi uint32) string { return fmt.Sprintf("%08x", spi) })
}
