package ike

import (
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Name is a payload in one word, a notification in two.
func Name(p Payload) string {
	if n, isNotify := p.(*Notify); isNotify {
		return "N(" + n.Kind.String() + ")"
	}
	return p.Type().String()
}

// Describe is a payload in words, for people who look at what is said. It holds no
// secret: of keys, proofs and tickets the size alone, and of EAP not the content, which may be a
// password.
func Describe(p Payload) string {
	text := describe(p)
	if text == "" {
		return Name(p)
	}
	return Name(p) + ": " + text
}

func describe(p Payload) string {
	switch p := p.(type) {
	case *SA:
		return proposals(p.Proposals)
	case *KE:
		return fmt.Sprintf("%s, %d bytes", groupName(p.Group), len(p.Data))
	case *ID:
		return p.String()
	case *Cert:
		return certificate(p)
	case *CertRequest:
		return fmt.Sprintf("encoding %d, %d authorities", p.Encoding, len(p.Authorities)/20)
	case *AuthData:
		return fmt.Sprintf("%v, %d bytes", p.Method, len(p.Data))
	case Nonce:
		return fmt.Sprintf("%d bytes", len(p))
	case *Notify:
		return notice(p)
	case *Delete:
		return fmt.Sprintf("%v%s", p.Protocol, hexes(p.SPIs))
	case Vendor:
		return printable(p)
	case *TS:
		return joined(p.Selectors, Selector.String)
	case *Config:
		return fmt.Sprintf("%v %s", p.Kind, joined(p.Attributes, attribute))
	case EAP:
		return packet(p)
	case *Unknown:
		return fmt.Sprintf("%d bytes", len(p.Body))
	}
	return ""
}

// notice shows what is no secret: the data of others may be a ticket or a token.
func notice(n *Notify) string {
	var words []string
	if len(n.SPI) > 0 {
		words = append(words, fmt.Sprintf("%v %x", n.Protocol, n.SPI[:min(len(n.SPI), maxWords/8)]))
	}
	switch {
	case n.Kind == InvalidKEPayload && len(n.Data) == 2:
		words = append(words, groupName(binary.BigEndian.Uint16(n.Data)))
	case n.Kind == AuthLifetime && len(n.Data) == 4:
		words = append(words, fmt.Sprintf("%d seconds", binary.BigEndian.Uint32(n.Data)))
	case n.Kind == SignatureHashAlgorithms:
		words = append(words, fmt.Sprintf("%x", n.Data[:min(len(n.Data), maxWords/8)]))
	case len(n.Data) > 0:
		words = append(words, fmt.Sprintf("%d bytes", len(n.Data)))
	}
	return strings.Join(words, ", ")
}

func certificate(c *Cert) string {
	text := fmt.Sprintf("encoding %d, %d bytes", c.Encoding, len(c.Data))
	if c.Encoding != X509 {
		return text
	}
	parsed, err := x509.ParseCertificate(c.Data)
	if err != nil {
		return text + ", unreadable"
	}
	return text + ", " + quoted(parsed.Subject.String()) + " by " + quoted(parsed.Issuer.String())
}

// attribute shows the values that are known to be no secrets.
func attribute(a Attribute) string {
	name := a.Kind.String()
	if len(a.Value) == 0 {
		return name
	}
	switch a.Kind {
	case InternalIP4Address, InternalIP4Netmask, InternalIP4DNS, InternalIP4NBNS, InternalIP4DHCP, InternalIP6DNS, InternalIP6DHCP:
		if ip, ok := netip.AddrFromSlice(a.Value); ok {
			return name + "=" + ip.String()
		}
	case InternalIP6Address, InternalIP6Subnet:
		if len(a.Value) == 17 {
			return fmt.Sprintf("%s=%v/%d", name, netip.AddrFrom16([16]byte(a.Value)), a.Value[16])
		}
	case InternalIP4Subnet:
		if len(a.Value) == 8 {
			return fmt.Sprintf("%s=%v/%v", name, netip.AddrFrom4([4]byte(a.Value)), netip.AddrFrom4([4]byte(a.Value[4:])))
		}
	case InternalDNSDomain, UnityBanner, UnityDefaultDomain, UnitySplitDNS, ApplicationVersion:
		return name + "=" + printable(a.Value)
	}
	return fmt.Sprintf("%s=(%d bytes)", name, len(a.Value))
}

func packet(p EAP) string {
	if len(p) < 4 {
		return fmt.Sprintf("%d bytes", len(p))
	}
	code, known := eapCodes[p[0]]
	if !known {
		code = fmt.Sprintf("code %d", p[0])
	}
	if len(p) == 4 {
		return fmt.Sprintf("%s %d", code, p[1])
	}
	kind, known := eapTypes[p[4]]
	if !known {
		kind = fmt.Sprintf("type %d", p[4])
	}
	return fmt.Sprintf("%s %d %s, %d bytes", code, p[1], kind, len(p))
}

// maxWords bounds what is said of one part of a payload.
const maxWords = 400

// quoted is what a stranger says, for a terminal.
func quoted(text string) string { return strconv.QuoteToASCII(text[:min(len(text), maxWords/4)]) }

// printable is text where b is that, and else bytes.
func printable(b []byte) string {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return fmt.Sprintf("%x", b[:min(len(b), maxWords/8)])
		}
	}
	return quoted(string(b))
}

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

func proposals(all []Proposal) string {
	return joined(all, func(p Proposal) string {
		spi := ""
		if len(p.SPI) > 0 {
			spi = fmt.Sprintf(" %x", p.SPI[:min(len(p.SPI), maxWords/8)])
		}
		return fmt.Sprintf("[%d %v%s: %s]", p.Number, p.Protocol, spi, joined(p.Transforms, Transform.String))
	})
}

func hexes(spis []uint32) string {
	if len(spis) == 0 {
		return ""
	}
	return " " + joined(spis, func(spi uint32) string { return fmt.Sprintf("%08x", spi) })
}
