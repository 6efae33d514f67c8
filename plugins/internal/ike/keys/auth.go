package keys

import "github.com/penstock-vpn/penstock/plugins/internal/ike"

// SignedOctets is what a side's AUTH covers, RFC 7296 section 2.15: its first message
// of IKE_SA_INIT as sent, the other side's nonce, and its identity (the body of its ID
// payload) under key: SK_pi for the initiator, SK_pr for the responder. With exchanges
// of RFC 9242 in between, intermediate is what they contribute.
func (p *PRF) SignedOctets(first, otherNonce, key, identity, intermediate []byte) []byte {
	var out []byte
	out = append(append(out, first...), otherNonce...)
	return append(append(out, p.Sum(key, identity)...), intermediate...)
}

// keyPad makes passwords that are used elsewhere too something else here.
const keyPad = "Key Pad for IKEv2"

// SharedKeyAuth is the AUTH of a pre-shared key, of an EAP method's key, or of SK_pi
// and SK_pr where a method gives none.
func (p *PRF) SharedKeyAuth(key, octets []byte) []byte {
	return p.Sum(p.Sum(key, []byte(keyPad)), octets)
}

// ResumedAuth is the AUTH of an IKE SA that goes on from a ticket: key is SK_pi or SK_pr.
func (p *PRF) ResumedAuth(key, octets []byte) []byte { return p.Sum(key, octets) }

// Intermediate adds a message of IKE_INTERMEDIATE to what AUTH covers (RFC 9242 section
// 3.3): key is its sender's SK_pi or SK_pr at that time, before what the messages
// before it of the same direction came to. The lengths in the headers are those of the
// plain content.
func (p *PRF) Intermediate(key, before []byte, h ike.Header, inner ike.PayloadType, plain []byte) []byte {
	message := ike.AppendSealed(nil, h, ike.Sealed{Inner: inner}, len(plain))
	return p.Sum(key, before, message[:len(message)-len(plain)], plain)
}
