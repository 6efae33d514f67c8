package machine

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// What has another login take a session's place.

// sameAddresses asks for addresses that there were before.
func sameAddresses(c *ike.Config, addresses []netip.Addr) *ike.Config {
	for i := range c.Attributes {
		c.Attributes[i].Value = wantedAddress(c.Attributes[i].Kind, addresses)
	}
	return c
}

// wantedAddress is the first of the attribute's family; nil: any.
func wantedAddress(k ike.AttributeKind, addresses []netip.Addr) []byte {
	for _, a := range addresses {
		switch {
		case k == ike.InternalIP4Address && a.Is4():
			return a.AsSlice()
		case k == ike.InternalIP6Address && a.Is6():
			return append(a.AsSlice(), 128)
		}
	}
	return nil
}

// shortest is the least time between logins that a gateway gets.
const shortest = 20 * time.Second

// limit has a new login take the place of the session in time, when the gateway wants one
// (RFC 4478), and ends the session when there was none. The last word of a gateway counts.
func (m *Machine) limit(payloads []ike.Payload) {
	n := notification(payloads, ike.AuthLifetime)
	if n == nil || len(n.Data) != 4 {
		return
	}
	life := max(time.Duration(binary.BigEndian.Uint32(n.Data))*time.Second, shortest)
	m.limits++
	current := m.limits
	m.after(life-min(life/4, 5*time.Minute), func() error {
		if current == m.limits && !m.leaving {
			m.emit(Reauthenticate{})
		}
		return nil
	})
	m.after(life, func() error {
		if current != m.limits || m.leaving {
			return nil
		}
		return sdk.Fail(sdk.Now, diag.New(diag.SessionEnded, "the gateway wants a new login", "Connecting again."))
	})
}
