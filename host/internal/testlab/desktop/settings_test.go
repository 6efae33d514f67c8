package desktop

import (
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// The same in GNOME Settings (GTK 4), whose own switch makes the connection.
func TestSettings(t *testing.T) {
	d := newDesk(t)
	_, err := d.StartOcserv(testlab.Ocserv{})
	must(t, err)
	const name = "Corp"
	d.begin("/usr/bin/gnome-control-center", "network")
	d.Click(d.Find("button", "Add connection"))
	d.Click(d.Find("label", "Penstock"))
	d.stranger()
	d.fill("Name", name)
	d.Words("Ask for this password every time")
	d.Keys("Down") // from where all users share it
	d.Shot(shots, "gnome-settings")
	d.Click(d.Find("label", "Add"))
	d.filled(name)

	d.Find("list item", name)
	d.Click(d.Find("button", "Options…"))
	d.Click(d.Find("label", "Identity"))
	d.Click(d.Find("label", "Advanced"))
	d.edit("button", "_Apply Apply")
	d.mend(name, "button", "_Apply Apply")

	toggle := func() {
		d.Click(d.find("the switch", func(t Thing) bool { return t.Role == "switch" && strings.HasSuffix(t.Name, name) }))
	}
	d.answer(name, d.asked(name, toggle))
	toggle()
	d.await("the connection to end", func() bool { return d.state(name) == "" })
}

// stranger draws a plugin that was never heard of, and goes back.
func (d *desk) stranger() {
	d.t.Helper()
	d.Pick("Protocol", "Acme Tunnel")
	d.Fill("Retries", "11")
	d.Words(`"11" is not allowed; retries takes a whole number from 1 to 9`)
	if d.See("Token file") {
		d.t.Error("the token's file is shown, and the mode is plain")
	}
	d.Pick("Mode", "token")
	d.Fill("Token file", "/etc/token")
	d.Pick("Protocol", "Cisco AnyConnect")
}
