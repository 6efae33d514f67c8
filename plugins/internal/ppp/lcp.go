package ppp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Options of LCP (RFC 1661 section 6, RFC 1662 section 7).
const (
	optMRU   = 1
	optACCM  = 2
	optAuth  = 3
	optMagic = 5
	optPFC   = 7
	optACFC  = 8
)

// lcp is the layer that the others stand on.
type lcp struct {
	m      *Machine
	mru    int    // that we ask for; 0: the default, without a word
	magic  uint32 // 0: the peer does not know it
	peer   link   // as the peer would have it
	loops  int    // our own magic number came back
	naks   int    // methods to log in that we proposed
	bye    bool   // the peer terminates
	said   string // its last words
	denied []byte // the last way to log in that was not allowed
	failed error  // why nothing will come of the link
}

// link is what the peer asked for.
type link struct {
	mru   int
	magic uint32
	login Method
	pfc   bool
	acfc  bool
}

func (l *lcp) begin() {
	l.mru, l.magic = l.m.c.MRU, l.random()
	if l.mru == DefaultMRU {
		l.mru = 0
	}
}

// random is a magic number, which is not 0.
func (l *lcp) random() uint32 {
	var b [4]byte
	if _, err := io.ReadFull(l.m.c.Random, b[:]); err != nil {
		return 1
	}
	return max(binary.BigEndian.Uint32(b[:]), 1)
}

func (l *lcp) request() []option {
	var all []option
	if l.mru != 0 {
		all = append(all, option{optMRU, binary.BigEndian.AppendUint16(nil, uint16(l.mru))})
	}
	if l.magic != 0 {
		all = append(all, option{optMagic, binary.BigEndian.AppendUint32(nil, l.magic)})
	}
	return all
}

func (l *lcp) judge(asked []option) (reject, nak []option) {
	l.peer = link{mru: DefaultMRU, login: NoLogin}
	for _, o := range asked {
		better, known := l.take(o)
		switch {
		case !known:
			reject = append(reject, o)
		case better != nil:
			nak = append(nak, option{o.kind, better})
		}
	}
	return reject, nak
}

// take notes what the peer asks for; better is what it should ask for instead.
func (l *lcp) take(o option) (better []byte, known bool) {
	switch {
	case o.kind == optMRU && len(o.value) == 2:
		least := l.m.c.MinMRU()
		if l.peer.mru = int(binary.BigEndian.Uint16(o.value)); l.peer.mru < least {
			return binary.BigEndian.AppendUint16(nil, uint16(least)), true
		}
	case o.kind == optACCM && len(o.value) == 4: // nothing is escaped here
	case o.kind == optAuth && len(o.value) >= 2:
		l.peer.login = methodOf(o.value)
		return l.otherLogin(o.value), true
	case o.kind == optMagic && len(o.value) == 4:
		l.peer.magic = binary.BigEndian.Uint32(o.value)
		return l.otherMagic(), true
	case o.kind == optPFC && len(o.value) == 0:
		l.peer.pfc = true
	case o.kind == optACFC && len(o.value) == 0:
		l.peer.acfc = true
	default:
		return nil, false
	}
	return nil, true
}

// maxLoops is how often our own magic number may come before the line is taken for a loop.
const maxLoops = 5

func (l *lcp) otherMagic() []byte {
	if l.peer.magic == 0 || l.peer.magic != l.magic {
		return nil
	}
	if l.loops++; l.loops > maxLoops {
		l.fail(diag.New(diag.Protocol, "the line to the gateway is looped back", "What is sent comes back. Check the address of the gateway."))
	}
	return binary.BigEndian.AppendUint32(nil, l.random())
}

// wire is how methods are asked for.
var wire = []struct {
	method Method
	value  string
}{
	{MSCHAPv2, "\xc2\x23\x81"}, {EAP, "\xc2\x27"}, {CHAPMD5, "\xc2\x23\x05"}, {PAP, "\xc0\x23"}, {mschapv1, "\xc2\x23\x80"},
}

// methodOf is "" for what is not known.
func methodOf(value []byte) Method {
	for _, w := range wire {
		if string(value) == w.value {
			return w.method
		}
	}
	return ""
}

func (l *lcp) allowed(method Method) bool {
	for _, a := range l.m.c.Methods {
		if a == method {
			return true
		}
	}
	return false
}

// otherLogin is the method to ask for in place of one that is not allowed: the best
// first, then the next. After the last there is no link. EAP, which may turn out to have
// no method for us, is put off once for a better wish.
func (l *lcp) otherLogin(value []byte) []byte {
	methods := l.m.c.Methods
	if l.allowed(l.peer.login) && (l.peer.login != EAP || methods[0] == EAP || l.naks > 0) {
		return nil
	}
	if !l.allowed(l.peer.login) {
		l.denied = bytes.Clone(value)
	}
	if l.naks >= len(methods) {
		l.fail(l.unacceptable(value))
		return value
	}
	l.naks++
	for _, w := range wire {
		if w.method == methods[l.naks-1] {
			return []byte(w.value)
		}
	}
	return value
}

var methodWords = map[Method]string{
	PAP: "PAP, which tells it the password", CHAPMD5: "CHAP with MD5", MSCHAPv2: "MS-CHAPv2", EAP: "EAP",
	mschapv1: "MS-CHAP of version 1, which is broken",
}

func (l *lcp) unacceptable(value []byte) error {
	method := methodOf(value)
	words, known := methodWords[method]
	if !known {
		words = fmt.Sprintf("a method that is unknown here (%x)", value)
	}
	d := diag.New(diag.Config, "the gateway logs people in only by "+words, "This client does not.")
	if option := l.m.c.Allow[method]; option != "" {
		d.Detail = "That is not done unless the option " + option + " allows it."
		return d.With(option)
	}
	return d
}

// fail ends the link for a reason.
func (l *lcp) fail(err error) {
	l.failed = err
	l.m.end(err)
}

func (l *lcp) naked(wanted []option) {
	for _, o := range wanted {
		switch {
		case o.kind == optMRU && len(o.value) == 2 && l.mru != 0:
			if n := int(binary.BigEndian.Uint16(o.value)); n >= l.m.c.MinMRU() && n <= l.m.c.MRU {
				l.mru = n
			} else {
				l.mru = 0
			}
		case o.kind == optMagic && l.magic != 0:
			l.magic = l.random()
		}
	}
}

func (l *lcp) rejected(refused []option) {
	for _, o := range refused {
		switch o.kind {
		case optMRU:
			l.mru = 0
		case optMagic:
			l.magic = 0
		}
	}
}

func (l *lcp) up() {
	l.loops, l.naks, l.bye = 0, 0, false
	l.m.linkUp()
}

func (l *lcp) down() { l.m.linkDown() }

func (l *lcp) finished() { l.m.linkFinished() }

func (l *lcp) other(p packet) bool {
	isOpen := l.m.link.state == opened
	switch p.code {
	case echoRequest:
		if isOpen && len(p.data) >= 4 && (l.magic == 0 || binary.BigEndian.Uint32(p.data) != l.magic) {
			answer := append(binary.BigEndian.AppendUint32(nil, l.magic), p.data[4:]...)
			l.m.send(ProtocolLCP, packet{echoReply, p.id, answer})
		}
	case echoReply, discardRequest, timeRemaining:
	case identification:
		if len(p.data) > 4 {
			l.said = printable(p.data[4:])
		}
	case protocolReject:
		if isOpen && len(p.data) >= 2 {
			l.unwanted(binary.BigEndian.Uint16(p.data))
		}
	default:
		return false
	}
	return true
}

// unwanted takes that the peer does not speak a protocol.
func (l *lcp) unwanted(protocol uint16) {
	if protocol == ProtocolLCP {
		l.m.link.happens(harshRej)
		return
	}
	for _, a := range l.m.automatons()[1:] {
		if a.protocol == protocol {
			a.happens(harshRej)
		}
	}
	if !l.m.let && l.m.auth != nil && protocol == l.m.auth.protocol() {
		l.fail(diag.New(diag.Protocol, "the gateway refuses the login that it asked for", "Its settings contradict themselves."))
	}
}

// listen notes why the peer terminates.
func (l *lcp) listen(p packet) {
	if p.code == terminateRequest {
		l.bye = true
		if len(p.data) > 0 {
			l.said = printable(p.data)
		}
	}
}

// words are the peer's own about the end.
func (l *lcp) words() string {
	if l.said == "" {
		return "It gave no reason."
	}
	return "It says: " + l.said
}

// printable is text of the peer's, fit for people.
func printable(b []byte) string {
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '�' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(string(b[:min(len(b), 200)]), " "))
	return strings.TrimSpace(text)
}
