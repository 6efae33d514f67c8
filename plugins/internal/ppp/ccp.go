package ppp

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// MPPE says how packets may be encrypted (RFC 3078).
type MPPE struct {
	Bits     []int // strengths that are allowed, best first: 128, 56, 40
	Stateful bool  // keys that change with every 256 packets only are allowed, too
	Required bool  // there is no link without it
	// AllowBits, AllowStateful and AllowNone name the options that allow what is not allowed
	// here.
	AllowBits, AllowStateful, AllowNone string
}

// Encryption is what was agreed on. Its keys are the start keys of RFC 3079.
type Encryption struct{ Send, Receive Direction }

// Direction is one half of it.
type Direction struct {
	Key       []byte
	Bits      int
	Stateless bool
}

// Format prints what is no secret, for every verb.
func (d Direction) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "MPPE of %d bits, stateless %t", d.Bits, d.Stateless)
}

// optMPPE is the one option of CCP that is known here (RFC 3078 section 2.1).
const optMPPE = 18

// The bits of its value.
const (
	bit40     = 0x20
	bit56     = 0x80
	bit128    = 0x40
	stateless = 0x01000000
)

var strengths = map[int]uint32{40: bit40, 56: bit56, 128: bit128}

// ccp negotiates encryption. Networks wait for it: nothing is to go in the clear before.
type ccp struct {
	m     *Machine
	want  uint32 // what the peer is asked to send
	peer  uint32 // what it asks us to send; 0: nothing known
	odd   uint32 // what it would have and cannot
	off   bool   // it knows nothing of MPPE
	going bool   // there is an agreement
}

// newCCP asks for all that is allowed, of which the peer picks one by its Nak (RFC 3078
// section 4). Linux' pppd ends the link when it is asked for the best alone and has not that.
func newCCP(m *Machine) *ccp {
	l := &ccp{m: m, want: stateless}
	for _, bits := range m.c.MPPE.Bits {
		l.want |= strengths[bits]
	}
	return l
}

func (l *ccp) value(v uint32) option { return option{optMPPE, binary.BigEndian.AppendUint32(nil, v)} }

func (l *ccp) request() []option {
	if l.off {
		return nil
	}
	return []option{l.value(l.want)}
}

// best is what is allowed of what v offers; 0: nothing.
func (l *ccp) best(v uint32) uint32 {
	state := v & stateless
	if state == 0 && !l.m.c.MPPE.Stateful {
		return 0
	}
	for _, bits := range l.m.c.MPPE.Bits {
		if v&strengths[bits] != 0 {
			return state | strengths[bits]
		}
	}
	return 0
}

func (l *ccp) judge(asked []option) (reject, nak []option) {
	l.peer = 0
	for _, o := range asked {
		if o.kind != optMPPE || len(o.value) != 4 {
			reject = append(reject, o)
			continue
		}
		v := binary.BigEndian.Uint32(o.value)
		switch l.peer = l.best(v); l.peer {
		case v:
		case 0:
			l.odd = v
			nak = append(nak, l.value(l.best(l.want)))
		default:
			nak = append(nak, l.value(l.peer))
		}
	}
	if l.peer == 0 && len(nak) == 0 && l.m.c.MPPE.Required {
		nak = append(nak, l.value(l.best(l.want)))
	}
	return reject, nak
}

func (l *ccp) naked(wanted []option) {
	for _, o := range wanted {
		if o.kind != optMPPE || len(o.value) != 4 {
			continue
		}
		v := binary.BigEndian.Uint32(o.value)
		if better := l.best(v); better != 0 {
			l.want = better
		} else {
			l.odd = v
		}
	}
}

func (l *ccp) rejected(refused []option) {
	if slices.ContainsFunc(refused, func(o option) bool { return o.kind == optMPPE }) {
		l.off = true
		l.without()
	}
}

func (l *ccp) up() {
	if l.off || l.peer == 0 {
		l.without()
		return
	}
	l.going = true
	l.m.emit(Encrypt{&Encryption{
		Send: direction(l.m.keys.send, l.peer), Receive: direction(l.m.keys.receive, l.best(l.want)),
	}})
	l.m.beginNetworks()
}

func (l *ccp) down() {
	if l.going {
		l.m.emit(Encrypt{})
	}
}

func (l *ccp) finished() {
	if l.m.let && !l.m.leaving {
		l.without()
	}
}

// other takes the codes that reset keys: who carries the packets knows them.
func (l *ccp) other(p packet) bool { return p.code == resetRequest || p.code == resetAck }

// parted is that the peer ends the link. If it wanted another encryption than is allowed, that
// is why: not everybody waits for an answer.
func (l *ccp) parted() {
	if !l.going && l.odd != 0 && l.m.c.MPPE.Required {
		l.m.end(l.unacceptable())
	}
}

// without is that there will be no encryption.
func (l *ccp) without() {
	switch {
	case l.going:
		l.m.end(diag.New(diag.SessionEnded, "the gateway ended the encryption", "It does not say why."))
	case l.m.c.MPPE.Required:
		l.m.end(l.unacceptable())
	case !l.m.begun:
		l.m.emit(Note{"Packets are not encrypted: the gateway does not know how to."})
		l.m.beginNetworks()
	}
}

// unacceptable says which option would help.
func (l *ccp) unacceptable() error {
	o := l.m.c.MPPE
	d := diag.New(diag.Config, "the gateway does not encrypt packets as this client wants it", "It does not encrypt them at all, or by nothing that is known here. No connection is made so unless the option "+o.AllowNone+" allows it.")
	switch {
	case l.odd == 0 || l.odd&(bit40|bit56|bit128) == 0:
		return d.With(o.AllowNone)
	case l.odd&stateless == 0 && !o.Stateful:
		d.Detail = "It changes keys with every 256 packets only. That is not done unless the option " + o.AllowStateful + " allows it."
		return d.With(o.AllowStateful)
	}
	d.Detail = "Its keys are weaker than 128 bits and can be broken by trying all. That is not done unless the option " + o.AllowBits + " allows it."
	return d.With(o.AllowBits)
}

// encryption is nil when packets are not encrypted.
func (m *Machine) encryption() *ccp {
	if m.ccp == nil {
		return nil
	}
	l, _ := m.ccp.layer.(*ccp)
	return l
}

func direction(key []byte, v uint32) Direction {
	d := Direction{Key: key, Stateless: v&stateless != 0}
	for bits, bit := range strengths {
		if v&bit != 0 {
			d.Bits = bits
		}
	}
	return d
}

// startKeys are the two of a login (RFC 3079), of 16 bytes; nil: it gives none.
type startKeys struct{ send, receive []byte }

// keysOf finds them in what a login gives: those of MS-CHAPv2, which stand together at the
// beginning of EAP's key by that method, or EAP's key, whose halves begin with one each.
func keysOf(key []byte) startKeys {
	const n = 16
	switch {
	case len(key) < 2*n:
		return startKeys{}
	case len(key) == 2*n || !slices.ContainsFunc(key[2*n:], func(b byte) bool { return b != 0 }):
		return startKeys{key[:n], key[n : 2*n]}
	case len(key) < 4*n:
		return startKeys{}
	}
	return startKeys{key[:n], key[2*n : 3*n]}
}

// encrypts says whether packets are to be encrypted, once the peer has accepted us by method.
func (m *Machine) encrypts(method Method) bool {
	switch {
	case m.c.MPPE == nil:
		return false
	case m.keys.send != nil:
		return true
	case m.c.MPPE.Required && method == NoLogin && m.lcp.denied != nil:
		m.end(m.lcp.unacceptable(m.lcp.denied))
	case m.c.MPPE.Required:
		m.end(diag.New(diag.Config, "the login by "+string(method)+" gives no keys to encrypt packets with",
			"MS-CHAPv2 does, and EAP by certificate or MSCHAPv2. No connection is made without unless the option "+m.c.MPPE.AllowNone+" allows it.").With(m.c.MPPE.AllowNone))
	}
	return false
}
