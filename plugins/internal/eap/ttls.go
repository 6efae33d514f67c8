package eap

import (
	"bytes"
	"context"
	"errors"
	"io"
)

// TTLS is EAP-TTLS (RFC 5281; RFC 9427 for TLS 1.3) with what then goes on in its tunnel.
// The method is of use as long as ctx is.
func TTLS(ctx context.Context, t TLS, in Inside) Method {
	return &overTLS{kind: TypeTTLS, label: "ttls keying material", ctx: ctx, tls: t, open: in}
}

// Inside is a way to log in within the tunnel of EAP-TTLS.
type Inside func(s *session, material []byte) (inside, error)

// PAP gives the password to the server as it is.
func PAP(username, password string) Inside {
	return func(*session, []byte) (inside, error) { return &pap{username: username, password: password}, nil }
}

// TunnelledMSCHAPv2 is MSCHAPv2 without EAP. random gives the client's challenge.
func TunnelledMSCHAPv2(username, password string, random io.Reader) Inside {
	return func(s *session, _ []byte) (inside, error) {
		challenge, err := s.export("ttls challenge", "ttls challenge", nil, challengeSize+1)
		return &ttlsMSCHAPv2{mschapv2: mschapv2{username: username, password: password, random: random}, challenge: challenge}, err
	}
}

// TunnelledEAP is EAP in EAP, by methods without a tunnel of their own.
func TunnelledEAP(peer *Peer) Inside {
	return func(*session, []byte) (inside, error) { return &ttlsEAP{peer: peer}, nil }
}

// attributes reads what the server says; only those of the kinds are returned.
func attributes(plain []byte, kinds ...avp) ([]avp, error) {
	all, err := parseAVPs(plain)
	if err != nil {
		return nil, err
	}
	var known []avp
next:
	for _, a := range all {
		for _, k := range kinds {
			if a.code == k.code && a.vendor == k.vendor {
				known = append(known, a)
				continue next
			}
		}
		if a.mandatory {
			return nil, malformed("the attribute %d of vendor %d, which is unknown", a.code, a.vendor)
		}
	}
	return known, nil
}

type pap struct {
	username, password string
	sent               bool
}

// step sends the password. Text that comes after it is a challenge, and the answer to
// it takes the place of the password.
func (p *pap) step(_ uint8, plain []byte) ([]byte, error) {
	if !p.sent {
		p.sent = true
		return p.credentials(p.password), nil
	}
	texts, err := attributes(plain, avp{code: avpReplyMessage})
	if err != nil || len(texts) == 0 {
		return nil, err
	}
	return nil, &Question{printable(texts[0].data), func(text string) ([]byte, error) { return p.credentials(text), nil }}
}

// credentials pads the password, so that the length of the packet does not tell its own.
func (p *pap) credentials(password string) []byte {
	padded := append([]byte(password), make([]byte, (16-len(password)%16)%16)...)
	b := avp{code: avpUserName, data: []byte(p.username)}.append(nil)
	return avp{code: avpUserPassword, data: padded}.append(b)
}

func (*pap) key() []byte { return nil }

// done is said by the server alone: who has the password has all that there is.
func (p *pap) done() bool { return p.sent }

type ttlsMSCHAPv2 struct {
	mschapv2
	challenge []byte // and an identifier
}

// step responds to the challenge that both sides know, or looks at the server's proof.
func (m *ttlsMSCHAPv2) step(_ uint8, plain []byte) ([]byte, error) {
	if m.response == nil {
		return m.begin()
	}
	said, err := attributes(plain, avp{code: avpMSCHAP2Success, vendor: vendorMicrosoft}, avp{code: avpMSCHAPError, vendor: vendorMicrosoft}, avp{code: avpReplyMessage})
	if err != nil {
		return nil, err
	}
	for _, a := range said {
		switch {
		case a.vendor != 0 && len(a.data) == 0:
			return nil, malformed("an empty answer of MSCHAPv2")
		case a.vendor != 0 && a.code == avpMSCHAP2Success:
			_, err = m.check(a.data[1:])
			return nil, err
		case a.vendor != 0:
			return nil, &Refused{failureText(string(bytes.TrimPrefix(a.data, m.challenge[challengeSize:])))} // some leave the identifier out
		}
	}
	return nil, nil
}

func (m *ttlsMSCHAPv2) begin() ([]byte, error) {
	challenge, id := m.challenge[:challengeSize], m.challenge[challengeSize]
	response, err := m.respond(id, challenge)
	if err != nil {
		return nil, err
	}
	own := response[headerSize+1:][:responseSize-1] // without the flags, which stand in front here
	b := avp{code: avpUserName, data: []byte(m.username)}.append(nil)
	b = avp{code: avpMSCHAPChallenge, vendor: vendorMicrosoft, data: challenge}.append(b)
	return avp{code: avpMSCHAP2Response, vendor: vendorMicrosoft, data: append([]byte{id, 0}, own...)}.append(b), nil
}

func (*ttlsMSCHAPv2) key() []byte { return nil }

func (m *ttlsMSCHAPv2) done() bool { return m.proved }

type ttlsEAP struct {
	peer  *Peer
	begun bool
}

// step has the peer answer; it introduces itself when nobody asked yet.
func (t *ttlsEAP) step(_ uint8, plain []byte) ([]byte, error) {
	parts, err := attributes(plain, avp{code: avpEAPMessage})
	if err != nil {
		return nil, err
	}
	var packet []byte
	for _, a := range parts {
		packet = append(packet, a.data...)
	}
	first := !t.begun
	t.begun = true
	switch {
	case packet != nil:
		return within(t.peer, inAVP)(t.peer.Handle(packet))
	case first:
		return inAVP(Packet{Response, 0, TypeIdentity, []byte(t.peer.identity)}.Append(nil)), nil
	}
	return nil, nil
}

func inAVP(packet []byte) []byte { return avp{code: avpEAPMessage, data: packet}.append(nil) }

func (*ttlsEAP) key() []byte { return nil }

func (t *ttlsEAP) done() bool { return t.peer.content() }

// within makes what a peer says in a tunnel what the tunnel carries.
func within(p *Peer, wrap func([]byte) []byte) func([]byte, error) ([]byte, error) {
	var say func([]byte, error) ([]byte, error)
	say = func(reply []byte, err error) ([]byte, error) {
		var question *Question
		var later *Later
		switch {
		case errors.As(err, &question):
			return nil, &Question{question.Text, func(text string) ([]byte, error) { return say(p.Answer(text)) }}
		case errors.As(err, &later):
			return nil, errors.New("the gateway wants a tunnel of TLS in another")
		case err != nil || reply == nil:
			return nil, err
		}
		return wrap(reply), nil
	}
	return say
}
