package gate

import (
	"encoding/binary"

	"github.com/penstock-vpn/penstock/plugins/internal/ike1"
	"github.com/penstock-vpn/penstock/sdk"
)

// request begins an exchange and remembers it as Waiting.
func (g *Gate) request(s *sa, kind ike1.Exchange, then func(*exchange, []ike1.Payload) [][]byte, payloads ...ike1.Payload) [][]byte {
	id := binary.BigEndian.Uint32(g.random(4)) | 1
	x := s.begin(id)
	s.exchanges[id] = x
	x.then = func(p []ike1.Payload) [][]byte { g.waiting = nil; return then(x, p) }
	g.waiting = g.say(s, kind, id, &x.iv, x.lead, payloads...)
	return g.waiting
}

// ask puts the next question of XAUTH.
func (g *Gate) ask(s *sa) [][]byte {
	round := g.Rounds[s.round]
	return g.request(s, ike1.Transaction, func(_ *exchange, p []ike1.Payload) [][]byte {
		c, err := ike1.ParseConfig(ike1.Find(p, ike1.TypeConfig))
		if err != nil {
			return nil
		}
		g.Answers = append(g.Answers, c)
		for kind, right := range round.Right {
			if a, _ := c.Get(kind); string(a.Value) != right {
				if s.tries++; s.tries < 3 {
					return g.ask(s)
				}
				return g.status(s, 0)
			}
		}
		s.tries = 0
		if s.round++; s.round < len(g.Rounds) {
			return g.ask(s)
		}
		return g.status(s, 1)
	}, ike1.Config{Kind: ike1.ConfigRequest, ID: 7, Attributes: round.Ask}.Payload())
}

func (g *Gate) status(s *sa, verdict uint16) [][]byte {
	set := ike1.Config{Kind: ike1.ConfigSet, ID: 8, Attributes: []ike1.Attribute{ike1.Basic(ike1.XAuthStatus, verdict)}}
	return g.request(s, ike1.Transaction, func(*exchange, []ike1.Payload) [][]byte { return g.push(s) }, set.Payload())
}

// push sends the settings, if that is how it is done here.
func (g *Gate) push(s *sa) [][]byte {
	if !g.Push {
		return nil
	}
	set := ike1.Config{Kind: ike1.ConfigSet, ID: 9, Attributes: g.Settings}
	return g.request(s, ike1.Transaction, func(*exchange, []ike1.Payload) [][]byte { return nil }, set.Payload())
}

// asked answers what the client begins.
func (g *Gate) asked(s *sa, x *exchange, msg *ike1.Message, p []ike1.Payload) [][]byte {
	switch msg.Exchange {
	case ike1.Transaction:
		c, err := ike1.ParseConfig(ike1.Find(p, ike1.TypeConfig))
		if err != nil || g.Push {
			return nil
		}
		reply := ike1.Config{Kind: ike1.ConfigReply, ID: c.ID, Attributes: g.Settings}
		return g.say(s, msg.Exchange, msg.MessageID, &x.iv, x.lead, reply.Payload())
	case ike1.Informational:
		return g.told(s, p)
	case ike1.Quick:
		if g.RefuseQuick != 0 {
			return g.inform(s, ike1.Notify{Protocol: ike1.ProtocolESP, Kind: g.RefuseQuick}.Payload())
		}
		return g.quick(s, x, msg, p)
	}
	return nil
}

func (g *Gate) inform(s *sa, payloads ...ike1.Payload) [][]byte {
	id := binary.BigEndian.Uint32(g.random(4)) | 1
	x := s.begin(id)
	return g.say(s, ike1.Informational, id, &x.iv, x.lead, payloads...)
}

func (g *Gate) told(s *sa, p []ike1.Payload) (out [][]byte) {
	for _, one := range p {
		if n, err := ike1.ParseNotify(one.Body); one.Type == ike1.TypeNotify && err == nil {
			g.Heard = append(g.Heard, n)
			if n.Kind == ike1.DPDRequest {
				out = append(out, g.inform(s, ike1.Notify{Protocol: n.Protocol, Kind: ike1.DPDAnswer, SPI: n.SPI, Data: n.Data}.Payload())...)
			}
		}
		if d, err := ike1.ParseDelete(one.Body); one.Type == ike1.TypeDelete && err == nil {
			g.Deleted = append(g.Deleted, d)
		}
	}
	return out
}

// wanted is what the gate takes for ESP: AES-128 in GCM.
func wanted(t ike1.Transform) bool {
	bits, _ := t.Get(6)
	return t.ID == 20 && bits == 128
}

const keySize = 20 // of it

// quick answers a quick mode.
func (g *Gate) quick(s *sa, x *exchange, msg *ike1.Message, p []ike1.Payload) [][]byte {
	offers, err := ike1.ParseSA(ike1.Find(p, ike1.TypeSA))
	if err != nil || len(offers) != 1 || len(offers[0].SPI) != 4 {
		return nil
	}
	choice, theirs := offers[0], binary.BigEndian.Uint32(offers[0].SPI)
	choice.Transforms = nil
	for _, t := range offers[0].Transforms {
		if wanted(t) && choice.Transforms == nil {
			choice.Transforms = []ike1.Transform{t}
		}
	}
	if choice.Transforms == nil {
		return g.inform(s, ike1.Notify{Protocol: ike1.ProtocolESP, Kind: ike1.NoProposalChosen}.Payload())
	}
	g.chosen, g.traffic = choice, nil
	ours := g.random(4)
	ours[0] |= 1
	choice.SPI = ours
	ni, nr := ike1.Find(p, ike1.TypeNonce), g.random(20)
	reply := []ike1.Payload{ike1.SA([]ike1.Proposal{choice}), {Type: ike1.TypeNonce, Body: nr}}
	var secret []byte
	if public := ike1.Find(p, ike1.TypeKE); public != nil {
		half, shared, err := s.suite.Group.Answer(randomOf{g}, public)
		if err != nil {
			return nil
		}
		secret, reply = shared, append(reply, ike1.Payload{Type: ike1.TypeKE, Body: half})
	}
	for _, one := range p {
		if one.Type == ike1.TypeID || one.Type == ike1.TypeNATOA || one.Type == ike1.TypeNATOAOld {
			g.traffic = append(g.traffic, one)
		}
	}
	reply = append(reply, g.traffic...)
	if g.Life != 0 {
		data := append([]byte{0x80, 1, 0, 1, 0x80, 2}, byte(g.Life>>8), byte(g.Life))
		reply = append(reply, ike1.Notify{Protocol: ike1.ProtocolESP, Kind: ike1.ResponderLifetime, SPI: ours, Data: data}.Payload())
	}
	name := x.lead[0]
	out := g.say(s, ike1.Quick, msg.MessageID, &x.iv, [][]byte{name, ni}, reply...)
	x.lead = [][]byte{{0}, name, ni, nr}
	x.then = func([]ike1.Payload) [][]byte {
		g.child(s, secret, binary.BigEndian.Uint32(ours), theirs, ni, nr)
		return nil
	}
	return out
}

func (g *Gate) child(s *sa, secret []byte, in, out uint32, ni, nr []byte) {
	g.Children++
	g.SAs = []sdk.SA{
		{Direction: sdk.Inbound, SPI: in, Suite: "aes128gcm16", Key: s.suite.ESP(s.schedule, keySize, secret, in, ni, nr)},
		{Direction: sdk.Outbound, SPI: out, Suite: "aes128gcm16", Key: s.suite.ESP(s.schedule, keySize, secret, out, ni, nr)},
	}
}

// Renew begins a quick mode of the gate's own, as the last one was.
func (g *Gate) Renew() [][]byte {
	s, offer, ours, ni := g.current(), g.chosen, g.random(4), g.random(20)
	ours[0] |= 1
	offer.SPI = ours
	var x *exchange
	then := func(_ *exchange, p []ike1.Payload) [][]byte {
		answer, err := ike1.ParseSA(ike1.Find(p, ike1.TypeSA))
		if err != nil || len(answer) != 1 || len(answer[0].SPI) != 4 {
			return nil
		}
		nr := ike1.Find(p, ike1.TypeNonce)
		g.child(s, nil, binary.BigEndian.Uint32(ours), binary.BigEndian.Uint32(answer[0].SPI), ni, nr)
		hash := s.suite.MessageHash(s.schedule, []byte{0}, x.lead[0], ni, nr)
		return g.say(s, ike1.Quick, binary.BigEndian.Uint32(x.lead[0]), &x.iv, nil, ike1.Payload{Type: ike1.TypeHash, Body: hash})
	}
	id := binary.BigEndian.Uint32(g.random(4)) | 1
	x = s.begin(id)
	s.exchanges[id] = x
	x.then = func(p []ike1.Payload) [][]byte { g.waiting = nil; return then(x, p) }
	payloads := append([]ike1.Payload{ike1.SA([]ike1.Proposal{offer}), {Type: ike1.TypeNonce, Body: ni}}, reversed(g.traffic)...)
	g.waiting = g.say(s, ike1.Quick, id, &x.iv, x.lead, payloads...)
	x.lead = append(x.lead, ni)
	return g.waiting
}

// reversed are the identities from the other side.
func reversed(traffic []ike1.Payload) (all []ike1.Payload) {
	for i := len(traffic) - 1; i >= 0; i-- {
		if traffic[i].Type == ike1.TypeID {
			all = append(all, traffic[i])
		}
	}
	return all
}

// AreYouThere asks the client for a sign of life.
func (g *Gate) AreYouThere() [][]byte {
	s := g.current()
	return g.inform(s, ike1.Notify{Protocol: ike1.ProtocolIKE, Kind: ike1.DPDRequest, SPI: append(s.peer[:], s.ours[:]...), Data: []byte{0, 0, 0, 1}}.Payload())
}

// Tell sends a notification.
func (g *Gate) Tell(n ike1.Notify) [][]byte { return g.inform(g.current(), n.Payload()) }

// Leave deletes the ISAKMP SA.
func (g *Gate) Leave() [][]byte {
	s := g.current()
	return g.inform(s, ike1.Delete{Protocol: ike1.ProtocolIKE, SPIs: [][]byte{append(s.peer[:], s.ours[:]...)}}.Payload())
}

// Drop deletes the tunnel alone.
func (g *Gate) Drop() [][]byte {
	spi := binary.BigEndian.AppendUint32(nil, g.SAs[0].SPI)
	return g.inform(g.current(), ike1.Delete{Protocol: ike1.ProtocolESP, SPIs: [][]byte{spi}}.Payload())
}
