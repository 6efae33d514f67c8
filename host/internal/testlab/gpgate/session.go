package gpgate

import (
	"encoding/hex"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab/endpoint"
)

// session is what a login began. It ends by logout, in time, or by a kick.
//
//	             getconfig            authentic ESP
//	login ───▶ session ───▶ keys of ESP ───▶ path over ESP
//	              │  ▲          │                 │  getconfig: other keys
//	              │  └──────────┴─────────────────┘
//	              └──▶ TLS tunnel: the keys are dead, and those given meanwhile are
type session struct {
	g      *gate
	number int // from 1
	cookie string
	user   string

	// As the login had them: the logout must have them again.
	portal, domain, computer, osVersion string

	v4, v6 string
	life   *time.Timer

	mu       sync.Mutex // taken before the gate's; guards what follows
	over     bool
	asked    int          // getconfig
	ping     []netip.Addr // that the client was told for its magic pings
	tunnel   *endpoint.Tunnel
	keys     *keys          // of ESP, those that are good
	stream   *endpoint.Path // the TLS tunnel
	token    string         // md5 of the HIP report that is known
	reported bool
}

// begin makes a session for a user who is in.
func (g *gate) begin(r *request, user string) *session {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last++
	s := &session{g: g, number: g.last, cookie: hex.EncodeToString(random(16)), user: user,
		portal: r.c.PortalName, computer: r.fields.Get("computer"), osVersion: r.fields.Get("os-version")}
	s.domain, _ = url.PathUnescape(r.c.Domain) // or as it is
	s.v4 = g.address(r.fields.Get("preferred-ip"), endpoint.V4, func(s *session) string { return s.v4 })
	if !r.c.Network.NoIPv6 && r.fields.Get("ipv6-support") != "no" {
		s.v6 = g.address(r.fields.Get("preferred-ipv6"), endpoint.V6, func(s *session) string { return s.v6 })
	}
	g.sessions[s.cookie] = s
	s.life = time.AfterFunc(time.Duration(r.c.Network.Lifetime)*time.Second, func() { s.end("lifetime") })
	g.seen.add(Event{Kind: Login, User: user, Session: s.number, Fields: map[string]string{"v4": s.v4, "v6": s.v6}})
	return s
}

// address is the one that the client would like, if it is one of ours and free, or
// another. The caller holds mu.
func (g *gate) address(preferred string, numbered func(int) string, of func(*session) string) string {
	taken := map[string]bool{}
	for _, s := range g.sessions {
		taken[of(s)] = true
	}
	free := ""
	want, _ := netip.ParseAddr(preferred) // or none
	for i := 249; i >= 0; i-- {
		a := numbered(i)
		if taken[a] {
			continue
		}
		if free = a; netip.MustParseAddr(a) == want {
			break
		}
	}
	return free
}

// session finds a client's by the three fields that every request has.
func (g *gate) session(r *request) *session {
	g.mu.Lock()
	s := g.sessions[r.fields.Get("authcookie")]
	g.mu.Unlock()
	if s == nil || s.user != r.fields.Get("user") || s.ended() {
		return nil
	}
	return s
}

// known is session, with the refusal if there is none.
func (g *gate) known(r *request) (*session, reply) {
	for _, need := range []string{"user", "portal", "authcookie"} {
		if r.fields.Get(need) == "" {
			g.seen.add(Event{Kind: Refused, Note: r.URL.Path + " without " + need})
			return nil, reply{body: ErrorPlain}
		}
	}
	s := g.session(r)
	switch {
	case s == nil:
		g.seen.add(Event{Kind: Refused, Note: r.URL.Path + ": no such session"})
		return nil, reply{body: ErrorXML("Invalid authentication cookie")}
	case s.portal != r.fields.Get("portal"):
		g.seen.add(Event{Kind: Refused, Session: s.number, Note: r.URL.Path + ": another portal"})
		return nil, reply{body: ErrorXML("Portal name not found")}
	}
	return s, reply{}
}

// each does something to all sessions.
func (g *gate) each(do func(*session)) {
	g.mu.Lock()
	var all []*session
	for _, s := range g.sessions {
		all = append(all, s)
	}
	g.mu.Unlock()
	for _, s := range all {
		do(s)
	}
}

// end makes the cookie worth nothing and closes what there is.
func (s *session) end(how string) { s.finish(End, how) }

func (s *session) finish(kind, how string) {
	s.mu.Lock()
	over, tunnel := s.over, s.tunnel
	s.over, s.tunnel = true, nil
	s.mu.Unlock()
	if over {
		return
	}
	s.life.Stop()
	s.forgetKeys()
	if tunnel != nil {
		tunnel.Close()
	}
	s.g.mu.Lock()
	delete(s.g.sessions, s.cookie)
	s.g.mu.Unlock()
	s.g.seen.add(Event{Kind: kind, User: s.user, Session: s.number, Note: how})
}

func (s *session) ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}

// cut closes the TLS tunnel.
func (s *session) cut() {
	s.mu.Lock()
	p := s.stream
	s.mu.Unlock()
	if p != nil {
		p.Close()
	}
}

// logout ends a session if the client knows what the login said: real gateways keep
// it alive otherwise.
func (g *gate) logout(r *request) reply {
	s, no := g.known(r)
	if s == nil {
		return no
	}
	for field, want := range map[string]string{"domain": s.domain, "computer": s.computer} {
		if got := r.fields.Get(field); got != want {
			g.seen.add(Event{Kind: Refused, User: s.user, Session: s.number, Note: "logout: " + field + " is " + got + ", not " + want})
			return reply{body: ErrorXML("Invalid user name")}
		}
	}
	if got := r.fields.Get("os-version"); got != "" && got != s.osVersion {
		g.seen.add(Event{Kind: Refused, User: s.user, Session: s.number, Note: "logout: os-version is " + got + ", not " + s.osVersion})
		return reply{body: ErrorXML("Invalid user name")}
	}
	s.finish(Logout, "")
	return reply{body: render(logoutPage, values{"portal": s.portal, "domain": s.domain, "user": s.user, "computer": s.computer})}
}

var logoutPage = page(`<?xml version='1.0' encoding='UTF-8'?>
<response status="success">
<portal>{{.portal}}</portal>
<domain>{{.domain}}</domain>
<user>{{.user}}</user>
<computer>{{.computer}}</computer>
</response>
`)
