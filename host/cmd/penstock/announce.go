package main

import (
	"strings"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/internal/control"
)

// announcer tells people of changes. Scripts look for "Connected as", "Configured
// as" and "Established DTLS connection": they stay.
type announcer struct {
	out       *output
	connected func() // each time the connection stands
	last      host.Status
	wasUp     bool
}

// change is called with each new status, in order.
func (n *announcer) change(now host.Status) {
	last := n.last
	n.last = now
	if now.State == control.Connected {
		n.standing(last, now)
		return
	}
	if now.State == control.Disconnecting && last.State != now.State {
		n.out.say("Disconnecting")
	}
}

func (n *announcer) standing(last, now host.Status) {
	switch {
	case last.State == control.Connected:
		n.moved(last, now)
		return
	case n.wasUp && now.Transport == "":
		return // a path that died as it came
	case n.wasUp:
		n.out.say("Connected again%s", through(now))
	default:
		n.out.say("Connected as %s", addresses(now))
		n.out.say("Configured as %s on %s, MTU %d,%s", addresses(now), now.Interface, now.MTU, through(now))
	}
	if now.Transport == "dtls" {
		n.out.say("Established DTLS connection (%s)", now.Cipher)
	}
	n.wasUp = true
	n.connected()
}

// moved tells of packets that take another way.
func (n *announcer) moved(last, now host.Status) {
	switch {
	case now.Transport == last.Transport || now.Transport == "":
	case now.Transport == "dtls":
		n.out.say("Established DTLS connection (%s)", now.Cipher)
	default:
		n.out.say("Packets go%s", through(now))
	}
}

func through(s host.Status) string {
	if s.Transport == "" {
		return " with no path yet"
	}
	text := " through " + strings.ToUpper(s.Transport)
	if s.Cipher != "" {
		text += " (" + s.Cipher + ")"
	}
	return text
}

func addresses(s host.Status) string {
	var all []string
	for _, p := range s.Addresses {
		all = append(all, p.Addr().String())
	}
	return strings.Join(all, ", ")
}
