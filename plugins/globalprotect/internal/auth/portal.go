package auth

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/form"
	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/gp"
	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/xmldoc"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// portal is what a portal tells after the login.
type portal struct {
	name        string
	version     string // of the client that it wants
	hipInterval time.Duration
	cookies     form.Fields // for the gateway
	gateways    []gateway
}

// gateway is one that a portal lists.
type gateway struct {
	address    string // host or host:port
	label      string
	priorities map[string]int // by region; lower is better
}

const maxGateways = 1024

func parsePortal(answer gp.Answer) (portal, error) {
	root := answer.Root
	if root == nil || root.Name != "policy" {
		return portal{}, malformed("the portal's settings are something else")
	}
	p := portal{name: root.Value("portal-name"), version: root.Value("version")}
	if seconds, err := strconv.Atoi(root.Value("hip-collection", "hip-report-interval")); err == nil && seconds > 0 && seconds <= 7*86400 {
		p.hipInterval = time.Duration(seconds) * time.Second
	}
	for _, name := range []string{userAuthCookie, prelogonCookie} {
		if value := root.Value(name); value != noCookie {
			p.cookies = p.cookies.With(name, value)
		}
	}
	for _, e := range root.Find("gateways", "external", "list").All("entry") {
		if g, ok := parseGateway(e); ok && len(p.gateways) < maxGateways {
			p.gateways = append(p.gateways, g)
		}
	}
	return p, nil
}

func parseGateway(e *xmldoc.Element) (gateway, bool) {
	g := gateway{address: e.Attrs["name"], label: e.Value("description"), priorities: map[string]int{}}
	if _, err := g.url(); err != nil {
		return g, false
	}
	if g.label == "" {
		g.label = g.address
	}
	for _, rule := range e.Find("priority-rule").All("entry") {
		if n, err := strconv.Atoi(rule.Value("priority")); err == nil && n >= 0 {
			g.priorities[rule.Attrs["name"]] = n
		}
	}
	return g, true
}

// url is where the gateway is.
func (g gateway) url() (*url.URL, error) {
	u, err := url.Parse("https://" + g.address)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.ContainsAny(g.address, "/?# ") {
		return nil, malformed("the portal lists a gateway without an address")
	}
	return u, nil
}

// priority is the best that the rules give in a region; false: none.
func (g gateway) priority(region string) (int, bool) {
	best, found := 0, false
	for name, n := range g.priorities {
		if (name == region || strings.EqualFold(name, "any")) && (!found || n < best) {
			best, found = n, true
		}
	}
	return best, found
}

func (p portal) empty() error {
	return diag.New(diag.AuthRefused, "the portal lists no gateway for this user", "Ask its administrator, or name a gateway with the option gateway and usergroup=gateway.").With("gateway")
}
