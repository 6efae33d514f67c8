package hip

import (
	"time"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/gp"
	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/xmldoc"
)

// minimal is a report of what is known here: nothing about products that protect the
// computer, as nobody has looked.
func (c Check) minimal() string {
	v4, v6 := c.addresses()
	cookie, id := c.Session.Cookie, c.Identity
	now := time.Now
	if c.Now != nil {
		now = c.Now
	}
	host := entry("host-info",
		leaf("client-version", c.Session.Version(id)), leaf("os", id.OSVersion), leaf("os-vendor", vendors[id.OS]),
		leaf("domain", cookie.Get(gp.Domain)), leaf("host-name", id.Computer), leaf("host-id", id.HostID),
	)
	return `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + string((&xmldoc.Element{
		Name: "hip-report", Attrs: map[string]string{"name": "hip-report"}, Children: []*xmldoc.Element{
			leaf("md5-sum", c.token()), leaf("user-name", cookie.Get(gp.UserName)), leaf("domain", cookie.Get(gp.Domain)),
			leaf("host-name", id.Computer), leaf("host-id", id.HostID), leaf("ip-address", v4), leaf("ipv6-address", v6),
			leaf("generate-time", now().Format("01/02/2006 15:04:05")), leaf("hip-report-version", "4"),
			{Name: "categories", Children: []*xmldoc.Element{host}},
		},
	}).Append(nil))
}

var vendors = map[string]string{"Linux": "Linux", "Windows": "Microsoft", "Mac": "Apple", "iOS": "Apple", "Android": "Google"}

func leaf(name, text string) *xmldoc.Element { return &xmldoc.Element{Name: name, Text: text} }

func entry(name string, children ...*xmldoc.Element) *xmldoc.Element {
	return &xmldoc.Element{Name: "entry", Attrs: map[string]string{"name": name}, Children: children}
}
