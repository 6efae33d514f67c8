package ppp

import (
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// login proves us to the peer, and again whenever it asks.
type login struct {
	m      *Machine
	method Method
	way    way

	last  packet    // that we sent and that waits for an answer
	tries int       // that are left
	due   time.Time // when last is sent again; zero: it is not
}

// way is what the methods differ in.
type way interface {
	protocol() uint16
	// begin is called once, when the link is up.
	begin()
	// receive takes a packet of the protocol.
	receive(p packet, whole []byte)
}

// newLogin is for the method that was agreed on.
func newLogin(m *Machine) *login {
	l := &login{m: m, method: m.lcp.peer.login}
	switch l.method {
	case PAP:
		l.way = &pap{l}
	case CHAPMD5:
		l.way = &chapMD5{login: l}
	case MSCHAPv2:
		l.way = &mschapv2{login: l}
	case EAP:
		l.way = &eapWay{login: l, peer: m.c.EAP()}
	}
	return l
}

// loginTime is how long the peer may take to begin, or to go on.
const loginTime = 30 * time.Second

func (l *login) begin() {
	if l.way == nil {
		l.m.admitted(NoLogin, nil)
		return
	}
	l.due = l.m.now.Add(loginTime)
	l.way.begin()
}

// protocol is 0 when nobody logs in.
func (l *login) protocol() uint16 {
	if l.way == nil {
		return 0
	}
	return l.way.protocol()
}

func (l *login) receive(protocol uint16, p packet, whole []byte, malformed error) {
	if protocol == l.protocol() && malformed == nil {
		l.way.receive(p, whole)
	}
}

// implied is called when the peer speaks of networks: if it is EAP's Success that got
// lost, that stands for it.
func (l *login) implied() {
	if w, isEAP := l.way.(*eapWay); isEAP && !l.m.let {
		w.implied()
	}
}

// send sends p, again and again until there is an answer: success, too, may get lost.
func (l *login) send(p packet) {
	l.last, l.tries = p, maxConfigure
	l.resend()
}

func (l *login) resend() {
	l.tries--
	l.due = l.m.now.Add(restartTime)
	l.m.send(l.protocol(), l.last)
}

func (l *login) tick() {
	switch {
	case l.due.IsZero() || l.due.After(l.m.now):
	case l.tries > 0:
		l.resend()
	default:
		l.m.end(diag.New(diag.Unreachable, "the gateway does not answer the login", "It spoke on the line before. Try again later."))
	}
}

// wait gives the peer time to go on.
func (l *login) wait() { l.tries, l.due = 0, l.m.now.Add(loginTime) }

// succeeded is called for every proof that the peer accepts.
func (l *login) succeeded(key []byte) {
	l.due = time.Time{}
	l.m.keys = keysOf(key) // the next agreement on encryption is with those of the last login
	if !l.m.let {
		l.m.admitted(l.method, key)
	}
}

// refused ends the link.
func (l *login) refused(reason string) {
	l.m.end(diag.New(diag.AuthRefused, "the gateway refused the login", reason))
}

// untrusted ends it because the peer cannot be who it claims to be.
func (l *login) untrusted(err error) {
	l.m.end(diag.New(diag.AuthRefused, "the login failed", err.Error()))
}

// pap tells the peer the password (RFC 1334).
type pap struct{ *login }

func (*pap) protocol() uint16 { return ProtocolPAP }

func (w *pap) begin() {
	name, password := w.m.c.Username, w.m.c.Password
	if len(name) > 255 || len(password) > 255 {
		w.m.end(diag.New(diag.Config, "the user name or the password is longer than PAP can tell", "255 bytes are allowed."))
		return
	}
	data := append([]byte{byte(len(name))}, name...)
	data = append(append(data, byte(len(password))), password...)
	w.send(packet{1, 1, data})
}

func (w *pap) receive(p packet, _ []byte) {
	switch {
	case w.m.let || p.id != w.last.id:
	case p.code == 2:
		w.succeeded(nil)
	case p.code == 3:
		w.refused(refusal(pascal(p.data)))
	}
}

// pascal is text behind its length.
func pascal(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b[1:min(1+int(b[0]), len(b))]
}

// refusal is why a login was refused, in the peer's words.
func refusal(text []byte) string {
	if said := printable(text); said != "" {
		return "Check user name and password. The gateway says: " + said
	}
	return "Check user name and password. The gateway gave no reason."
}

// noCallback answers CBCP: the peer need not call back.
func (m *Machine) noCallback(p packet) {
	const request, response, noCallback = 1, 2, 1
	if p.code == request {
		m.send(ProtocolCBCP, packet{response, p.id, []byte{noCallback, 2}})
	}
}
