package gpgate

import (
	"maps"
	"slices"
	"strings"
)

// portalConfig is the portal's login and what it hands out, in one.
func (g *gate) portalConfig(r *request) reply {
	user, no := g.admit(r, r.c.Portal, true)
	if user == "" {
		return no
	}
	v := values{"version": r.c.Version, "interval": itoa(r.c.HIPInterval), "name": r.c.PortalName,
		"list": raw(offers(r.c.Offers)), "userauth": "empty", "prelogon": "empty"}
	if r.c.CookieName != "" && (!r.c.CookieHostID || r.fields.Get("host-id") != "") {
		field := "userauth"
		if r.c.CookieName == "portal-prelogonuserauthcookie" {
			field = "prelogon"
		}
		v[field] = g.mint(r.c.CookieName, standIn{user: user})
	}
	return reply{body: render(portalPage, v)}
}

var portalPage = page(`<?xml version="1.0" encoding="UTF-8" ?>
<policy>
<portal-name>{{.name}}</portal-name>
<portal-config-version>4100</portal-config-version>
<version>{{.version}}</version>
<client-role>global-protect-full</client-role>
<agent-user-override-key>****</agent-user-override-key>
<connect-method>on-demand</connect-method>
<gateways>
<cutoff-time>5</cutoff-time>
<external>
<list>
{{.list}}</list>
</external>
</gateways>
<hip-collection>
<hip-report-interval>{{.interval}}</hip-report-interval>
<max-wait-time>20</max-wait-time>
</hip-collection>
<portal-userauthcookie>{{.userauth}}</portal-userauthcookie>
<portal-prelogonuserauthcookie>{{.prelogon}}</portal-prelogonuserauthcookie>
</policy>
`)

// offers are the entries of the portal's list.
func offers(all []Offer) string {
	var b strings.Builder
	for _, o := range all {
		b.WriteString(`<entry name="` + escape(o.Address) + `">` + "\n")
		if len(o.Priorities) > 0 {
			b.WriteString("<priority-rule>\n")
			for _, region := range slices.Sorted(maps.Keys(o.Priorities)) {
				b.WriteString(`<entry name="` + escape(region) + `"><priority>` + itoa(o.Priorities[region]) + "</priority></entry>\n")
			}
			b.WriteString("</priority-rule>\n")
		}
		b.WriteString("<manual>yes</manual>\n<description>" + escape(o.Label) + "</description>\n</entry>\n")
	}
	return b.String()
}
