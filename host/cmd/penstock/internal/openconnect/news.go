package openconnect

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/internal/control"
)

// news tells how a connection goes, in the words that wrappers of OpenConnect look for.
type news struct {
	out       *progress
	protocol  string
	noUDP     bool
	connected func() // when the tunnel stands for the first time
	hangsUp   func() bool

	reached map[netip.AddrPort]bool
	last    host.Status
	wasUp   bool
}

// opened is told of each transport.
func (n *news) opened(hostname string, i host.Opened) {
	if i.Kind != "tls" {
		return
	}
	if n.reached == nil {
		n.reached = map[netip.AddrPort]bool{}
	}
	if !n.reached[i.Remote] {
		n.reached[i.Remote] = true
		n.out.say(levelInfo, "Connected to %s", i.Remote)
	}
	n.out.say(levelInfo, "SSL negotiation with %s", hostname)
	n.out.say(levelInfo, "Connected to HTTPS on %s with ciphersuite %s", hostname, suite(i))
}

// suite is "(TLS1.3)-(NAME)".
func suite(i host.Opened) string {
	version := "TLS"
	if i.TLS != nil {
		version = strings.ReplaceAll(i.TLS.Version, " ", "")
	}
	return "(" + version + ")-(" + i.Cipher + ")"
}

// change is told of each new status, in order.
func (n *news) change(now host.Status) {
	last := n.last
	n.last = now
	switch {
	case now.State == control.Disconnecting && last.State != now.State && n.wasUp && n.protocol == "anyconnect" && !n.hangsUp():
		n.out.say(levelInfo, "Send BYE packet: Aborted by caller")
	case now.State != control.Connected || now.Transport == "":
	case last.State == control.Connected && last.Transport == now.Transport:
	default:
		n.standing(last, now)
	}
}

func (n *news) standing(last, now host.Status) {
	fresh := last.State != control.Connected
	if fresh && n.protocol == "anyconnect" {
		n.out.say(levelInfo, "Got CONNECT response: HTTP/1.1 200 CONNECTED")
		n.out.say(levelInfo, "CSTP connected.")
	}
	switch now.Transport {
	case "dtls":
		n.out.say(levelInfo, "Established DTLS connection (using Penstock). Ciphersuite (DTLS1.2)-(%s).", now.Cipher)
	case "esp":
		n.out.say(levelInfo, "ESP session established with server")
		n.out.say(levelInfo, "ESP tunnel connected; exiting HTTPS mainloop.")
	}
	if n.wasUp {
		return
	}
	n.wasUp = true
	n.out.say(levelInfo, "%s", n.configured(now))
	n.connected()
}

// configured is the line that says what the tunnel is.
func (n *news) configured(s host.Status) string {
	ssl, udp := "connected", n.udp(s)
	if s.Transport == "esp" {
		ssl = "disconnected"
	}
	return "Configured as " + addresses(s) + ", with SSL " + ssl + " and " + n.datagrams() + " " + udp
}

func (n *news) datagrams() string {
	if n.protocol == "gp" {
		return "ESP"
	}
	return "DTLS"
}

func (n *news) udp(s host.Status) string {
	switch {
	case s.Transport == "dtls":
		return "connected"
	case s.Transport == "esp":
		return "established"
	case n.noUDP:
		return "disabled"
	}
	return "in progress"
}

// addresses are those of IPv4 as they are, and of IPv6 with their length.
func addresses(s host.Status) string {
	var all []string
	for _, a := range s.Addresses {
		if a.Addr().Is4() {
			all = append(all, a.Addr().String())
		} else {
			all = append(all, a.String())
		}
	}
	return strings.Join(all, " + ")
}

// statistics are what SIGUSR1 asks for.
func (n *news) statistics(s host.Status) {
	n.out.write(levelInfo, n.configured(s))
	n.out.write(levelInfo, fmt.Sprintf("RX: %d packets (%d B); TX: %d packets (%d B)", s.RxPackets, s.RxBytes, s.TxPackets, s.TxBytes))
	if s.Cipher == "" {
		return
	}
	kind := "SSL"
	if s.Transport != "tls" {
		kind = n.datagrams()
	}
	n.out.write(levelInfo, kind+" ciphersuite: "+s.Cipher)
}
