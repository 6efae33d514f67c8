package cstp

import (
	"net/netip"
	"strconv"
	"strings"
)

// address takes X-CSTP-Address, which comes once for each family.
func (r *reader) address(name, value string) error {
	a, err := parseAddr(value)
	if err != nil || !usable(a) {
		return headerError(name, "is %q, which is no address for this computer", value)
	}
	if a.Is4() {
		r.v4 = a
	} else {
		r.v6 = a
	}
	return nil
}

func usable(a netip.Addr) bool {
	return !a.IsUnspecified() && !a.IsMulticast() && !a.IsLoopback()
}

// netmask takes X-CSTP-Netmask: dotted for IPv4; network/length for IPv6, by older gateways.
func (r *reader) netmask(name, value string) error {
	if strings.Contains(value, ":") {
		r.prefix6, r.prefixIn = value, name
	} else {
		r.mask4, r.mask4In = value, name
	}
	return nil
}

// address6 takes X-CSTP-Address-IP6: address/length.
func (r *reader) address6(name, value string) error {
	p, err := parsePrefix(value)
	address, _, _ := strings.Cut(value, "/")
	a, _ := parseAddr(strings.TrimSpace(address))
	if err != nil || p.Addr().Is4() || !usable(a) {
		return headerError(name, "is %q, which is no IPv6 address with its prefix length", value)
	}
	r.v6, r.prefix6, r.prefixIn = a, value, name
	return nil
}

func (r *reader) joinAddresses() error {
	if r.v4.IsValid() {
		length := 32
		if r.mask4 != "" {
			n, err := maskBits(r.mask4, r.v4)
			if err != nil {
				return headerError(r.mask4In, "is %q, which is no netmask", r.mask4)
			}
			length = n
		}
		r.c.Addresses = append(r.c.Addresses, netip.PrefixFrom(r.v4, length))
	}
	if r.v6.IsValid() {
		length := 128
		if r.prefix6 != "" {
			p, err := parsePrefix(r.prefix6)
			if err != nil {
				return headerError(r.prefixIn, "is %q, which is no IPv6 network", r.prefix6)
			}
			length = p.Bits()
		}
		r.c.Addresses = append(r.c.Addresses, netip.PrefixFrom(r.v6, length))
	}
	return nil
}

func (r *reader) port(name, value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 || n > 65535 {
		return headerError(name, "is %q, which is no port", value)
	}
	r.c.DTLS.Port = n
	return nil
}

func (r *reader) sessionID(name, value string) error {
	id, ok := parseHex(value, sessionIDSize)
	if !ok || len(id) != sessionIDSize {
		return headerError(name, "is not of %d hex digits", 2*sessionIDSize)
	}
	r.c.DTLS.SessionID = id
	return nil
}

func (r *reader) appID(name, value string) error {
	id, ok := parseHex(value, sessionIDSize)
	if !ok {
		return headerError(name, "is not of 2 to %d hex digits", 2*sessionIDSize)
	}
	r.c.DTLS.AppID = id
	return nil
}

// suite takes the gateway's choice. One that was not offered means no DTLS: some
// gateways name one whatever was offered, and the tunnel works without.
func (r *reader) suite(value string, twelve bool) error {
	if value == pskNegotiate && !twelve {
		r.c.DTLS.PSK = true
		return nil
	}
	r.c.DTLS.Suite, _ = findSuite(value, twelve)
	return nil
}
