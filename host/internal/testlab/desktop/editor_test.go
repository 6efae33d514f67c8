package desktop

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// A connection from nothing, in nm-connection-editor (GTK 3): made, saved, edited, and
// switched on with the password typed into nm-applet's dialog.
func TestConnectionEditor(t *testing.T) {
	d := newDesk(t)
	_, err := d.StartOcserv(testlab.Ocserv{})
	must(t, err)
	const name = "Corp"
	editor := d.begin("/usr/bin/nm-connection-editor", "--create", "--type=vpn")
	d.Choose("Penstock")
	d.Press(d.Find("push button", "Create…"))
	d.fill("", name)
	const often = "Ask for this password every time"
	d.Press(d.Find("radio button", often))
	d.await("the menu to close", func() bool { return !d.See(often) })
	d.Shot(shots, "nm-connection-editor")
	d.Click(d.Find("push button", "Save"))
	d.filled(name)
	d.ends(editor)

	editor = d.open(name)
	d.Click(d.Find("page tab", "Advanced"))
	d.edit("push button", "Save")
	d.Shot(shots, "validation")
	d.mend(name, "push button", "Save")
	d.ends(editor)

	password := d.asked(name, func() {
		_, err := d.Client.Start(testlab.Command{Args: []string{"/usr/bin/nmcli", "connection", "up", name}})
		must(t, err)
	})
	d.Shot(shots, "nm-applet")
	d.answer(name, password)
}

// fill types what a connection to the lab's gateway needs; its name is in the program's
// own field.
func (d *desk) fill(field, name string) {
	d.t.Helper()
	d.Fill(field, name)
	d.Fill("Gateway", testlab.GatewayName)
	d.Fill("User name", testlab.User)
	d.Browse("CA certificate", d.PKI.Cert("ca"))
	d.Store("Password")
}

// filled is what has become of it, once the password is to be asked for every time.
func (d *desk) filled(name string) {
	d.t.Helper()
	d.there(name)
	d.wants(name, map[string]string{"protocol": "anyconnect", "gateway": testlab.GatewayName, "username": testlab.User,
		"cacert": d.PKI.Cert("ca"), "password-flags": "2", "otp-flags": "2", "mtu": "", "no-dtls": ""})
}

// edit types a value that is wrong and is told so, which nothing saves.
func (d *desk) edit(role, save string) {
	d.t.Helper()
	d.Fill("MTU", "12")
	d.Words(`"12" is not allowed; mtu takes a whole number from 576 to 65535`)
	d.await("nothing to be saved", func() bool { return !d.Find(role, save).Sensitive() })
}

// mend types one that is right, and saves it.
func (d *desk) mend(name, role, save string) {
	d.t.Helper()
	d.Fill("MTU", "1300")
	d.await("a change to save", func() bool { return d.Find(role, save).Sensitive() })
	d.Click(d.Find(role, save))
	d.await("the MTU to be saved", func() bool { return d.data(name)["mtu"] == "1300" })
}

// asked activates the connection, anew as long as nm-applet is not there yet to ask for
// the password, and returns the field for it.
func (d *desk) asked(name string, activate func()) (password Thing) {
	d.t.Helper()
	d.begin("/usr/bin/nm-applet")
	d.await("the password to be asked for", func() (seen bool) {
		if d.state(name) == "" {
			activate()
		}
		password, seen = d.look(func(t Thing) bool { return t.Role == "password text" })
		return seen
	})
	return password
}

// answer types the password and waits until something answers through the tunnel.
func (d *desk) answer(name string, password Thing) {
	d.t.Helper()
	d.Type(password, testlab.Password)
	d.Keys("Return")
	d.await("the connection to be up", func() bool { return d.state(name) == "activated" })
	p, err := d.Client.Ping(testlab.InsideV4, 200*time.Millisecond)
	must(d.t, err)
	select {
	case <-p.Answered():
	case <-within(d.t, patience).Done():
		d.t.Error("nothing answers through the tunnel")
	}
}

// state is that of a connection, "" of one that is switched off.
func (d *desk) state(name string) string {
	d.t.Helper()
	return d.nmcli("-g", "GENERAL.STATE", "connection", "show", name)
}

// What another VPN program's file says arrives in the editor, and what it says in vain
// is shown; a plugin that was never heard of is drawn as all are. What is exported of that
// is the same when it comes back.
func TestImportAndStrangers(t *testing.T) {
	d := newDesk(t)
	profile, err := os.ReadFile("../../../foreign/testdata/corporate.xml")
	must(t, err)
	file := filepath.Join(d.Client.Dir, "tmp", "profile.xml")
	must(t, d.Client.WriteFile(file, string(profile), 0o644))
	editor := d.begin("/usr/bin/nm-connection-editor", "--create", "--type=vpn")
	d.Choose("Import a saved VPN configuration…")
	create := d.Find("push button", "Create…")
	d.window() // is there to be left
	d.File(file, func() { d.Press(create) })
	const name = "Head office"
	d.Words("Not taken over from the file")
	d.Words("The file has the connection Branch too")
	d.Shot(shots, "import")
	d.Click(d.Find("push button", "Save"))
	d.there(name)
	d.wants(name, map[string]string{"protocol": "anyconnect", "gateway": "https://vpn.example.com:8443/staff", "disable-ipv6": "true"})
	d.ends(editor)

	editor = d.open(name)
	d.Press(d.Find("push button", "Dismiss"))
	d.strange()
	d.Click(d.Find("push button", "Save"))
	d.await("it to be saved", func() bool { return d.data(name)["protocol"] == "acme" })
	d.ends(editor)
	want := map[string]string{"protocol": "acme", "mode": "token", "retries": "7", "token-file": "/etc/token", "disable-ipv6": "",
		"gateway": "https://vpn.example.com:8443/staff"}
	d.wants(name, want)
	kept, err := d.Client.ReadFile("/etc/NetworkManager/system-connections/" + name + ".nmconnection")
	must(t, err)
	if strings.Contains(kept, "import-notes") {
		t.Errorf("the notes are dismissed, and kept:\n%s", kept)
	}
	editor = d.open(name)
	exported := filepath.Join(d.Client.Dir, "tmp", "exported.toml")
	export := d.Find("push button", "Export…")
	d.File(exported, func() { d.Click(export) })
	d.Click(d.Find("push button", "Cancel"))
	d.ends(editor)
	d.nmcli("connection", "delete", name)
	d.nmcli("connection", "import", "type", "penstock", "file", exported)
	d.wants("Head-office", want) // in the letters that a name in penstock.toml has
}

// open edits a connection in nm-connection-editor.
func (d *desk) open(name string) *testlab.Process {
	d.t.Helper()
	return d.begin("/usr/bin/nm-connection-editor", "--edit="+d.nmcli("-g", "connection.uuid", "connection", "show", name))
}

// ends waits for a program to take everything down by itself.
func (d *desk) ends(p *testlab.Process) {
	d.t.Helper()
	code, err := p.Wait(patience)
	must(d.t, err)
	if code != 0 {
		d.t.Fatalf("%s: exit status %d: %s", p, code, p.Output())
	}
}

// strange fills the options of a plugin that nobody knows.
func (d *desk) strange() {
	d.t.Helper()
	d.Choose("Acme Tunnel")
	d.Fill("Retries", "11")
	d.Words(`"11" is not allowed; retries takes a whole number from 1 to 9`)
	d.Fill("Retries", "7")
	if d.See("Token file") {
		d.t.Error("the token's file is shown, and the mode is plain")
	}
	d.Choose("token")
	d.Fill("Token file", "/etc/token")
}
