package eap

import (
	"context"
	"encoding/binary"
	"io"
)

// PEAP is PEAPv0 (draft-kamath-pppext-peapv0, [MS-PEAP]): EAP in EAP, by methods without
// a tunnel of their own. random is for the binding of both. The method is of use as long
// as ctx is.
func PEAP(ctx context.Context, t TLS, peer *Peer, random io.Reader) Method {
	return &overTLS{kind: TypePEAP, label: "client EAP encryption", ctx: ctx, tls: t, open: func(_ *session, material []byte) (inside, error) {
		return &peap{peer: peer, random: random, material: material}, nil
	}}
}

type peap struct {
	peer     *Peer
	random   io.Reader
	material []byte
	bound    []byte // the key when the server asked to bind both; nil: it did not
	finished bool
}

// typeExtensions is EAP's number for the result of PEAPv0. Its packets keep their
// header in the tunnel.
const typeExtensions Type = 33

// step answers a packet, which comes without its header but for the extensions. Some
// servers leave it on the first question too.
func (p *peap) step(id uint8, plain []byte) ([]byte, error) {
	if len(plain) == 0 {
		return nil, nil
	}
	if q, err := Parse(plain); err == nil && q.Code == Request && int(binary.BigEndian.Uint16(plain[2:])) == len(plain) {
		switch {
		case q.Type == typeExtensions:
			return p.extensions(q)
		case q.Type == TypeIdentity && len(q.Data) == 0:
			return within(p.peer, whole)(p.peer.Handle(plain))
		}
	}
	if len(plain) > maxMessage-headerSize {
		return nil, malformed("a packet of %d bytes in the tunnel", len(plain))
	}
	packet := Packet{Request, id, Type(plain[0]), plain[1:]}.Append(nil)
	return within(p.peer, bare)(p.peer.Handle(packet))
}

func whole(packet []byte) []byte { return packet }

func bare(packet []byte) []byte { return packet[headerSize:] }

// Attributes of the extensions, which begin with a flag and a type of 14 bits.
const (
	tlvMandatory = 0x8000
	tlvType      = 0x3fff
	tlvResult    = 3
	tlvBinding   = 12

	resultSuccess = 1
	resultFailure = 2
)

// extensions answers the server's verdict.
func (p *peap) extensions(q Packet) ([]byte, error) {
	result, binding, err := parseExtensions(q.Data)
	switch {
	case err != nil:
		return nil, err
	case result == resultFailure:
		return nil, ErrFailure
	case !p.peer.content():
		return nil, malformed("success in the tunnel, before the gateway has proved anything")
	case p.finished:
		return nil, malformed("success in the tunnel for a second time")
	}
	answer := []byte{tlvMandatory >> 8, tlvResult, 0, 2, 0, resultSuccess}
	if binding != nil {
		own, err := p.bind(binding)
		if err != nil {
			return nil, err
		}
		answer = append(answer, own...)
	}
	p.finished = true
	return respond(q, answer), nil
}

// parseExtensions returns the result, and the attribute that binds if there is one, with
// its header.
func parseExtensions(b []byte) (result uint16, binding []byte, err error) {
	for len(b) > 0 {
		if len(b) < 4 || len(b) < 4+int(binary.BigEndian.Uint16(b[2:])) {
			return 0, nil, malformed("a PEAP extension of %d bytes", len(b))
		}
		kind, n := binary.BigEndian.Uint16(b), 4+int(binary.BigEndian.Uint16(b[2:]))
		switch {
		case kind&tlvType == tlvResult && n == 6 && result == 0:
			result = binary.BigEndian.Uint16(b[4:])
		case kind&tlvType == tlvBinding && n == bindingSize && binding == nil:
			binding = b[:n]
		case kind&tlvType == tlvResult || kind&tlvType == tlvBinding || kind&tlvMandatory != 0:
			return 0, nil, malformed("the PEAP extension %d of %d bytes", kind&tlvType, n)
		}
		b = b[n:]
	}
	if result != resultSuccess && result != resultFailure {
		return 0, nil, malformed("the result %d in PEAP", result)
	}
	return result, binding, nil
}

func (p *peap) key() []byte { return p.bound }

func (p *peap) done() bool { return p.finished }
