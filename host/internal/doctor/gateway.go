package doctor

import (
	"fmt"
	"net"
	"strconv"
	"time"
)

const (
	skewWarn    = 30 * time.Second // one-time codes
	skewFail    = 5 * time.Minute
	leastPath   = 1280 // bytes; with IPv6 inside it takes more
	usualTunnel = 1400
)

// gateway looks at one, from its name to its path.
func gateway(f Facts) []Finding {
	g := f.Gateway
	switch {
	case g == nil:
		return nil
	case g.Proxy:
		return one(well("gateway", "%s is reached through the connection's proxy: the way to it is not looked at", g.Name))
	case g.Unknown != "":
		return one(fail("gateway", fmt.Sprintf("the name %s has no address: %s", g.Name, g.Unknown), "without an address nothing is reached", "check the spelling, and that this machine is online and resolves names"))
	}
	return append(append(append(reached(*g), validity(*g, f.Clock.Now)...), datagrams(*g)...), path(*g)...)
}

func reached(g Gateway) []Finding {
	const topic, why = "gateway", "the login goes that way"
	at := net.JoinHostPort(g.Name, strconv.Itoa(g.Port))
	do := "check the port, and that no firewall is in between: `penstock connect` to another network's gateway, or a browser, tells more"
	switch {
	case g.Refused != "" && g.Datagram:
		return one(well(topic, "%s does not take TCP (%s): this protocol needs none", at, g.Refused))
	case g.Refused != "":
		return one(fail(topic, fmt.Sprintf("no connection to %s (%v): %s", at, g.Resolved[0], g.Refused), why, do))
	case g.TLS != "" && !g.Datagram:
		return one(fail(topic, fmt.Sprintf("%s takes TCP, but there is no TLS: %s", at, g.TLS), why, "check the port; a device on the way may break TLS"))
	case g.TLS != "" || g.Plain:
		return one(well(topic, "%s takes TCP in %v", at, g.Took.Round(time.Millisecond)))
	}
	return one(well(topic, "%s (%v) takes TCP and TLS, in %v", at, g.Resolved[0], g.Took.Round(time.Millisecond)))
}

// validity compares clocks and dates; who signed the certificate is for connect to judge.
func validity(g Gateway, now time.Time) []Finding {
	const why = "a certificate that is not good now is refused"
	var found []Finding
	if skew := now.Sub(g.Date); !g.Date.IsZero() && skew.Abs() > skewWarn {
		text := fmt.Sprintf("this machine is %v %s the gateway's clock", skew.Abs().Round(time.Second), map[bool]string{true: "ahead of", false: "behind"}[skew > 0])
		do := "set the clock: `timedatectl set-ntp true`"
		if skew.Abs() > skewFail {
			found = append(found, fail("clock", text, "certificates and one-time codes depend on it", do))
		} else {
			found = append(found, warn("clock", text, "one-time codes are good for half a minute", do))
		}
	}
	const day = "2006-01-02"
	switch {
	case g.To.IsZero():
	case now.Before(g.From):
		found = append(found, fail("certificate", "the gateway's certificate is good from "+g.From.Format(day)+" on only", why, "check this machine's clock first, then ask the gateway's administrator"))
	case now.After(g.To):
		found = append(found, fail("certificate", "the gateway's certificate has expired on "+g.To.Format(day), why, "check this machine's clock first, then ask the gateway's administrator"))
	case g.To.Sub(now) < 14*24*time.Hour:
		found = append(found, warn("certificate", "the gateway's certificate expires on "+g.To.Format(day), why, "tell the gateway's administrator"))
	default:
		found = append(found, well("certificate", "the gateway's certificate is good until %s", g.To.Format(day)))
	}
	return found
}

func datagrams(g Gateway) []Finding {
	const topic, why = "gateway udp", "over UDP a tunnel is faster; some protocols have nothing else"
	switch {
	case g.UDP == "closed" && g.Datagram:
		return one(fail(topic, fmt.Sprintf("UDP port %d is closed", g.UDPPort), why, "check the gateway's address and protocol; a firewall may refuse UDP"))
	case g.UDP == "closed":
		return one(warn(topic, fmt.Sprintf("UDP port %d is closed", g.UDPPort), why, "nothing, if the gateway has no UDP: the tunnel goes over TLS; else ask for the port to be opened"))
	case g.UDP == "answers":
		return one(well(topic, "UDP port %d answers", g.UDPPort))
	case g.UDPPort == 0:
		return nil
	}
	return one(well(topic, "UDP port %d is not refused; whether it answers shows with a connection", g.UDPPort))
}

func path(g Gateway) []Finding {
	const topic = "path"
	var found []Finding
	if g.Tunnel {
		found = append(found, warn(topic, fmt.Sprintf("packets to the gateway leave by %s, a tunnel", g.Device), "a tunnel inside a tunnel is smaller and slower, and ends with the outer one", "if that is not meant, disconnect the other VPN"))
	}
	switch {
	case g.PathMTU == 0:
	case g.PathMTU < leastPath:
		found = append(found, fail(topic, fmt.Sprintf("the way to the gateway carries packets of %d bytes", g.PathMTU), "there is hardly room for a tunnel's packets, and none for IPv6 inside", "look for a tunnel or link on the way with such an MTU"))
	case g.PathMTU < usualTunnel:
		found = append(found, warn(topic, fmt.Sprintf("the way to the gateway carries packets of %d bytes", g.PathMTU), "packets inside are smaller than usual; some servers do not cope", "nothing, if it works; else set --mtu lower"))
	default:
		found = append(found, well(topic, "the way to the gateway, by %s, carries packets of %d bytes", g.Device, g.PathMTU))
	}
	return found
}
