package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

const vpnPlugins = "/usr/lib/NetworkManager/VPN"

// ownPlugins has NetworkManager's VPN folder be the machine's own, which may be written.
func (d *desktop) ownPlugins(t *testing.T) {
	t.Helper()
	_, err := d.nm.Stop(unix.SIGTERM, 10*time.Second)
	must(t, err)
	must(t, d.Client.Do(func() error {
		files := map[string][]byte{}
		names, err := filepath.Glob(vpnPlugins + "/*.name")
		if err != nil {
			return err
		}
		for _, name := range names {
			if files[name], err = os.ReadFile(name); err != nil {
				return err
			}
		}
		if err := unix.Mount("tmpfs", vpnPlugins, "tmpfs", 0, "mode=755"); err != nil {
			return err
		}
		for name, text := range files {
			if err := os.WriteFile(name, text, 0o644); err != nil {
				return err
			}
		}
		return nil
	}))
	must(t, d.nm.Start())
}

// forTakeover is forNetworkManager with plugins of its own, and what NetworkManager
// hears of them in its log.
func forTakeover(t *testing.T) *desktop {
	t.Helper()
	needPenstock(t)
	t.Parallel()
	d := theDesktop(t, lab(t), testlab.NetworkManager{LogLevel: "DEBUG"})
	d.ownPlugins(t)
	d.before = d.snapshot(t)
	return d
}

// takeover runs `penstock takeover` and wants it to say who serves.
func (d *desktop) takeover(t *testing.T, says string, args ...string) {
	t.Helper()
	out, err := d.Client.Run(append([]string{"/usr/bin/penstock", "takeover"}, args...)...)
	must(t, err)
	if !strings.Contains(strings.Join(strings.Fields(out), " "), says) {
		t.Errorf("penstock takeover %q says\n%s\nwant %q in it", args, out, says)
	}
}

// heard does something and waits until NetworkManager has read that file, again if it
// had before.
func (d *desktop) heard(t *testing.T, file string, do func()) {
	t.Helper()
	line := "service file " + vpnPlugins + "/" + file + " created"
	before := strings.Count(d.log(), line)
	do()
	must(t, testlab.Await(within(t, 5*time.Second), "NetworkManager to read "+file, func() bool { return strings.Count(d.log(), line) > before }))
}

// served wants the connection to be up by a program, and to end with nothing left.
func (d *desktop) served(t *testing.T, name, by string) {
	t.Helper()
	reaches(t, d.Lab, testlab.InsideV4)
	services := d.services()
	if len(services) != 1 || !strings.Contains(services[0].Command, by) {
		t.Errorf("%s is served by %v, want %s", name, services, by)
	}
	d.down(t, name)
}

// addOpenConnect makes a connection as NetworkManager-openconnect's editor does.
func (d *desktop) addOpenConnect(t *testing.T) {
	t.Helper()
	d.nmcli(t, "connection", "add", "type", "vpn", "con-name", corp, "vpn-type", "openconnect", "ifname", "*", "vpn.data",
		"gateway="+testlab.GatewayName+", protocol=anyconnect, authtype=password, cacert="+d.PKI.Cert("ca")+
			", cookie-flags=2, gateway-flags=2, gwcert-flags=2, lasthost-flags=0, autoconnect-flags=0, certsigs-flags=0, xmlconfig-flags=0")
}

// session is a passwd-file with what `openconnect --authenticate` says, as scripts
// make it for connections of NetworkManager-openconnect.
func (d *desktop) session(t *testing.T) string {
	t.Helper()
	return d.secretsFile(t, map[string]string{"gateway": testlab.GatewayName, "cookie": cookieOf(t, d.Lab), "gwcert": pinOf(t, d.Lab, "server")})
}

const (
	oursServes   = "nm-penstock-service"
	theirsServes = "nm-openconnect-service"
	theirFile    = theirsServes + ".name"
)

// Connections of two other plugins, made as for those, come up by penstock when it has
// taken them over, and by their own plugin before and after.
func TestNMTakeover(t *testing.T) {
	d := forTakeover(t)
	ocserv(t, d.Lab, testlab.Ocserv{})
	d.addOpenConnect(t)
	made := d.nmcli(t, "-g", "vpn.data", "connection", "show", corp)
	d.takeover(t, "openconnect "+vpnPlugins+"/"+theirFile, "list")
	d.up(t, corp, "passwd-file", d.session(t))
	d.served(t, corp, theirsServes)

	d.heard(t, "nm-penstock-takeover-strongswan.name", func() {
		d.takeover(t, "openconnect penstock "+vpnPlugins+"/"+theirFile, "enable", "openconnect", "strongswan")
	})
	d.up(t, corp, "passwd-file", d.session(t))
	d.served(t, corp, oursServes)
	if now := d.nmcli(t, "-g", "vpn.data", "connection", "show", corp); now != made {
		t.Errorf("the connection was\n%s\nand is\n%s", made, now)
	}

	strongswan(t, d.Lab, testlab.Strongswan{})
	d.nmcli(t, "connection", "add", "type", "vpn", "con-name", branch, "vpn-type", "strongswan", "ifname", "*", "vpn.data",
		"address="+testlab.GatewayName+", method=psk, user=alice@vpn.test, password-flags=0, virtual=yes, encap=no, ipcomp=no, proposal=no",
		"vpn.secrets", password)
	d.up(t, branch)
	d.served(t, branch, oursServes)

	// what is taken over stays so, and a stored password is as good as a session
	_, err := d.nm.Stop(unix.SIGTERM, 10*time.Second)
	must(t, err)
	must(t, d.nm.Start())
	d.nmcli(t, "connection", "modify", corp, "vpn.secrets", "form:main:username="+testlab.User+", form:main:password="+testlab.Password)
	d.up(t, corp)
	d.served(t, corp, oursServes)

	d.heard(t, theirFile, func() { d.takeover(t, "openconnect "+vpnPlugins+"/"+theirFile+" -", "disable", "all") })
	d.up(t, corp, "passwd-file", d.session(t))
	d.served(t, corp, theirsServes)
	if out, err := d.nm.Nmcli("connection", "up", branch); err == nil || !strings.Contains(err.Error()+out, "not installed") {
		t.Errorf("without a plugin: %s, %v", out, err)
	}
}

// A connection of a plugin that is not installed, whose secrets have its own names.
func TestNMTakeoverVpnc(t *testing.T) {
	d := forTakeover(t)
	strongswan(t, d.Lab, aggressive())
	d.heard(t, "nm-penstock-takeover-vpnc.name", func() { d.takeover(t, "vpnc penstock -", "enable", "vpnc") })
	d.nmcli(t, "connection", "add", "type", "vpn", "con-name", branch, "vpn-type", "vpnc", "ifname", "*", "vpn.data",
		"IPSec gateway="+testlab.GatewayName+", IPSec ID=staff, Xauth username="+testlab.User+", IKE DH Group=dh14, NAT Traversal Mode=natt, "+
			"Perfect Forward Secrecy=server, Vendor=cisco, Local Port=0, DPD idle timeout (our side)=0, IPSec secret-flags=0, Xauth password-flags=2",
		"vpn.secrets", "IPSec secret="+groupKey)
	d.up(t, branch, "passwd-file", d.secretsFile(t, map[string]string{"Xauth password": testlab.Password}))
	d.served(t, branch, oursServes)
	// what is weak needs its name said here, too, and the journal says how
	d.heard(t, "nm-penstock-takeover-pptp.name", func() { d.takeover(t, "pptp penstock -", "enable", "pptp") })
	d.nmcli(t, "connection", "add", "type", "vpn", "con-name", corp, "vpn-type", "pptp", "ifname", "*", "vpn.data",
		"gateway="+testlab.GatewayName+", user="+testlab.User+", require-mppe=yes, password-flags=0", "vpn.secrets", password)
	const how = "nmcli connection modify '" + corp + "' +vpn.data allow-insecure=true"
	if out, err := d.nm.Nmcli("connection", "up", corp); err == nil || !strings.Contains(d.log(), how) {
		t.Errorf("PPTP: %s, %v; want %q in the log:\n%s", out, err, how, d.log())
	}
	d.nmcli(t, "connection", "modify", corp, "+vpn.data", "allow-insecure=true")
	if out, err := d.nm.Nmcli("connection", "up", corp); err == nil || strings.Count(d.log(), how) != 1 { // there is no such server
		t.Errorf("PPTP that is allowed: %s, %v", out, err)
	}
	// what the package's removal does
	prerm, err := filepath.Abs("../../../../packaging/scripts/network-manager-penstock.prerm")
	must(t, err)
	_, err = d.Client.Run(prerm, "remove")
	must(t, err)
	d.takeover(t, "pptp nobody - sstp nobody - strongswan nobody - vpnc nobody -", "list")
	d.nothingLeft(t)
	if log := d.log(); strings.Contains(log, testlab.Password) || strings.Contains(log, groupKey) {
		t.Error("a secret is in the log")
	}
}
