package gpgate

import (
	"net/netip"
	"slices"

	"github.com/penstock-vpn/penstock/host/internal/testlab/endpoint"
)

// insidePing is an address inside that nobody has but the gateway itself.
const (
	insidePing  = "10.99.7.7"
	insidePing6 = "fd99:7::7"
)

// gatewayConfig hands out the network, and keys of ESP in place of those before.
func (g *gate) gatewayConfig(r *request) reply {
	s, no := g.known(r)
	if s == nil {
		return no
	}
	s.mu.Lock()
	s.asked++
	again := s.asked > 1
	s.mu.Unlock()
	if r.c.NoRestore && again {
		g.seen.add(Event{Kind: Refused, User: s.user, Session: s.number, Note: "getconfig a second time"})
		return reply{body: ErrorXML("Allow Automatic Restoration of SSL VPN is disabled")}
	}
	s.prefer(r)
	s.answerPings(r.c.pings(r.stream.Info().Local.Addr()))
	if err := s.open(r.c); err != nil {
		return reply{status: 500, body: err.Error()}
	}
	k, err := s.newKeys(r)
	if err != nil {
		return reply{status: 500, body: err.Error()}
	}
	return reply{body: render(configPage, r.c.network(s, k))}
}

// prefer gives the session another address, if the client asks for one that is free
// before it has a tunnel.
func (s *session) prefer(r *request) {
	s.mu.Lock()
	fresh := s.tunnel == nil
	s.mu.Unlock()
	if !fresh {
		return
	}
	s.g.mu.Lock()
	defer s.g.mu.Unlock()
	if want := r.fields.Get("preferred-ip"); want != s.v4 && s.g.address(want, endpoint.V4, func(s *session) string { return s.v4 }) == want {
		s.v4 = want
	}
}

// open gives the session its tunnel, when it has none.
func (s *session) open(c Config) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tunnel != nil || s.over {
		return nil
	}
	v4, v6 := s.v4, s.v6
	if c.Network.NoIPv4 {
		v4 = ""
	}
	s.tunnel, err = endpoint.Open(endpoint.MTU, v4, v6)
	return err
}

// network is the whole answer.
func (c Config) network(s *session, k *keys) values {
	n := c.Network
	need := "yes"
	if n.NoTunnel {
		need = "no"
	}
	v := values{
		"need": need, "url": n.TunnelURL, "portal": s.portal, "user": s.user,
		"lifetime": itoa(n.Lifetime), "timeout": itoa(n.Timeout), "idle": itoa(n.Idle),
		"v4": s.v4, "netmask": n.Netmask, "v6": s.v6, "ping": s.pingAddress(0), "ping6": s.pingAddress(1),
		"dns": slices.Concat(n.DNS, n.DNS6), "dns6": n.DNS6, "wins": n.WINS, "suffixes": n.Suffixes, "mtu": itoa(n.MTU),
		"routes": n.Routes, "routes6": n.Routes6, "exclude": n.Exclude, "exclude6": n.Exclude6, "extra": raw(n.Extra),
		"ipsec": raw(""),
	}
	if n.NoIPv4 {
		v["v4"] = ""
	}
	if k != nil {
		v["ipsec"] = raw(k.page(c.ESP))
	}
	return v
}

// pings are the addresses, of either family, that clients send their magic pings to:
// the gateway's own, as the client reached it, or one inside.
func (c Config) pings(own netip.Addr) []netip.Addr {
	all := []netip.Addr{netip.MustParseAddr(insidePing), netip.MustParseAddr(insidePing6)}
	switch {
	case c.Network.InsidePing:
	case own.Is4():
		all[0] = own
	default:
		all[1] = own
	}
	return all
}

func (s *session) answerPings(to []netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ping = to
}

func (s *session) pingAddress(family int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ping[family].String()
}

var configPage = page(`<?xml version='1.0' encoding='UTF-8'?>
<response status="success">
<need-tunnel>{{.need}}</need-tunnel>
<ssl-tunnel-url>{{.url}}</ssl-tunnel-url>
<portal>{{.portal}}</portal>
<user>{{.user}}</user>
<lifetime>{{.lifetime}}</lifetime>
<timeout>{{.timeout}}</timeout>
<disconnect-on-idle>{{.idle}}</disconnect-on-idle>
<bw-c2s>1000</bw-c2s>
<bw-s2c>1000</bw-s2c>
{{if .v4}}<gw-address>{{.ping}}</gw-address>
<ip-address>{{.v4}}</ip-address>
<netmask>{{.netmask}}</netmask>
{{end}}{{if .v6}}<ipv6-connection>no</ipv6-connection>
<gw-address-v6>{{.ping6}}</gw-address-v6>
<ip-address-v6>{{.v6}}</ip-address-v6>
{{end}}<dns>{{range .dns}}<member>{{.}}</member>{{end}}</dns>
{{if .v6}}<dns-v6>{{range .dns6}}<member>{{.}}</member>{{end}}</dns-v6>
{{end}}<wins>{{range .wins}}<member>{{.}}</member>{{end}}</wins>
<default-gateway>` + endpoint.OwnV4 + `</default-gateway>
<mtu>{{.mtu}}</mtu>
<dns-suffix>{{range .suffixes}}<member>{{.}}</member>{{end}}</dns-suffix>
<no-direct-access-to-local-network>no</no-direct-access-to-local-network>
<access-routes>{{range .routes}}<member>{{.}}</member>{{end}}</access-routes>
<exclude-access-routes>{{range .exclude}}<member>{{.}}</member>{{end}}</exclude-access-routes>
{{if .v6}}<access-routes-v6>{{range .routes6}}<member>{{.}}</member>{{end}}</access-routes-v6>
<exclude-access-routes-v6>{{range .exclude6}}<member>{{.}}</member>{{end}}</exclude-access-routes-v6>
{{end}}{{.ipsec}}{{.extra}}</response>
`)
