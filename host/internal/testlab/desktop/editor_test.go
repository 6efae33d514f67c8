package desktop

import (
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
	d.fill(name)
	d.Shot(shots, "nm-connection-editor")
	d.Click(d.Find("push button", "Save"))
	d.there(name)
	d.wants(name, map[string]string{"protocol": "anyconnect", "gateway": testlab.GatewayName, "username": testlab.User,
		"cacert": d.PKI.Cert("ca"), "otp-flags": "2", "mtu": "", "no-dtls": ""})
	_, _ = editor.Stop(15, 5*time.Second)

	editor = d.begin("/usr/bin/nm-connection-editor", "--edit="+d.nmcli("-g", "connection.uuid", "connection", "show", name))
	d.edit()
	d.Click(d.Find("push button", "Save"))
	d.await("the MTU to be saved", func() bool { return d.data(name)["mtu"] == "1300" })
	_, _ = editor.Stop(15, 5*time.Second)
	d.switchOn(name)
}

// fill types what a connection to the lab's gateway needs.
func (d *desk) fill(name string) {
	d.t.Helper()
	d.Fill("", name) // the connection's own
	d.Fill("Gateway", testlab.GatewayName)
	d.Fill("User name", testlab.User)
	d.Fill("CA certificate", d.PKI.Cert("ca"))
}

// edit types a value that is wrong, is told so, and types a right one.
func (d *desk) edit() {
	d.t.Helper()
	d.Click(d.Find("page tab", "Advanced"))
	d.Fill("MTU", "12")
	d.Words(`"12" is not allowed; mtu takes a whole number from 576 to 65535`)
	d.await("nothing to be saved", func() bool { return !d.Find("push button", "Save").Sensitive() })
	d.Shot(shots, "validation")
	d.Fill("MTU", "1300")
	d.await("it to be saved", func() bool { return d.Find("push button", "Save").Sensitive() })
}

// switchOn activates the connection and types the password that is asked for.
func (d *desk) switchOn(name string) {
	d.t.Helper()
	d.begin("/usr/bin/nm-applet")
	up, password := d.asked(name)
	d.Shot(shots, "nm-applet")
	d.Type(password, testlab.Password)
	d.Keys("Return")
	code, err := up.Wait(patience)
	must(d.t, err)
	if code != 0 {
		d.t.Fatalf("nmcli connection up: %d: %s", code, up.Output())
	}
	p, err := d.Client.Ping(testlab.InsideV4, 200*time.Millisecond)
	must(d.t, err)
	select {
	case <-p.Answered():
	case <-within(d.t, patience).Done():
		d.t.Error("nothing answers through the tunnel")
	}
	d.nmcli("connection", "down", name)
}

// asked activates the connection, anew as long as nm-applet is not there yet to ask
// for the password, and returns the field for it.
func (d *desk) asked(name string) (up *testlab.Process, password Thing) {
	d.t.Helper()
	d.await("the password to be asked for", func() (seen bool) {
		if up == nil || over(up) {
			var err error
			up, err = d.Client.Start(testlab.Command{Args: []string{"/usr/bin/nmcli", "connection", "up", name}})
			must(d.t, err)
		}
		password, seen = d.look(func(t Thing) bool { return t.Role == "password text" })
		return seen
	})
	return up, password
}

func over(p *testlab.Process) bool {
	select {
	case <-p.Done():
		return true
	default:
		return false
	}
}

// What another VPN program's file says arrives in the editor, and what it says in vain
// is shown; a plugin that was never heard of is drawn as all are.
func TestImportAndStrangers(t *testing.T) {
	d := newDesk(t)
	file, err := filepath.Abs("../../../foreign/testdata/corporate.xml")
	must(t, err)
	d.nmcli("connection", "import", "type", "penstock", "file", file)
	const name = "Head office"
	d.wants(name, map[string]string{"protocol": "anyconnect", "gateway": "https://vpn.example.com:8443/staff", "disable-ipv6": "true"})
	d.begin("/usr/bin/nm-connection-editor", "--edit="+d.nmcli("-g", "connection.uuid", "connection", "show", name))
	d.Words("Not taken over from the file")
	d.Words("The file has the connection Branch too")
	d.Shot(shots, "import")
	d.Press(d.Find("push button", "Dismiss"))
	d.Choose("Acme Tunnel")
	d.Fill("Retries", "11")
	d.Words(`"11" is not allowed; retries takes a whole number from 1 to 9`)
	d.Fill("Retries", "7")
	if d.See("Token file") {
		t.Error("the token's file is shown, and the mode is plain")
	}
	d.Choose("token")
	d.Fill("Token file", "/etc/token")
	d.Click(d.Find("push button", "Save"))
	d.await("it to be saved", func() bool { return d.data(name)["protocol"] == "acme" })
	d.wants(name, map[string]string{"mode": "token", "retries": "7", "token-file": "/etc/token", "disable-ipv6": "",
		"gateway": "https://vpn.example.com:8443/staff"})
	kept, err := d.Client.ReadFile("/etc/NetworkManager/system-connections/" + name + ".nmconnection")
	must(t, err)
	if strings.Contains(kept, "import-notes") {
		t.Errorf("the notes are dismissed, and kept:\n%s", kept)
	}
}
