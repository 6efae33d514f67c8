package e2e

import (
	"testing"
	"time"
)

const (
	ownName   = "/etc/NetworkManager/VPN/nm-penstock-service.name"
	rightName = "org.freedesktop.NetworkManager.penstock"
)

// What NetworkManager needs to start the service is looked at piece by piece, each of
// them broken once.
func TestDoctorOfADesktop(t *testing.T) {
	d := forNetworkManager(t)
	check := func(level, says string) {
		t.Helper()
		doctor(t, d.Client).wants(t, "desktop", level, says)
	}
	check("ok", "runs and knows penstock")
	for _, c := range []struct{ service, program, level, says string }{
		{"org.example.vpn", "/usr/libexec/nm-penstock-service", "fail", ownName + " does not name the service"},
		{rightName, "/usr/libexec/none", "fail", "cannot start /usr/libexec/none"},
		{rightName, "/usr/libexec/nm-penstock-service", "ok", "runs and knows penstock"},
	} {
		must(t, d.Client.WriteFile(ownName, "[VPN Connection]\nname=penstock\nservice="+c.service+"\nprogram="+c.program+"\n", 0o644))
		check(c.level, c.says)
	}
	const policies = "/usr/share/dbus-1/system.d"
	_, err := d.Client.Run("mount", "-t", "tmpfs", "none", policies)
	must(t, err)
	check("fail", "the D-Bus policy nm-penstock-service.conf is missing")
	_, err = d.Client.Run("umount", policies)
	must(t, err)
	_, err = d.nm.Stop(15, 10*time.Second)
	must(t, err)
	check("warn", "NetworkManager is not running")
}

// Who answers for names is found as the bundled script finds it, and a tunnel's own file
// without the tunnel is a leftover.
func TestDoctorOfNames(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	const resolv, tools = "/etc/resolv.conf", "/usr/local/sbin"
	check := func(topic, level, says string) {
		t.Helper()
		doctor(t, l.Client).wants(t, topic, level, says)
	}
	run := func(command string) {
		t.Helper()
		_, err := l.Client.Run("sh", "-ec", command)
		must(t, err)
	}
	run("mount -t tmpfs none " + tools)
	must(t, l.Client.WriteFile(resolv, "nameserver 10.77.0.1\n", 0o644))
	check("dns", "ok", resolv+": all names are asked inside")
	must(t, l.Client.WriteFile(resolv, "# penstock wrote this\nnameserver 10.99.0.1\n", 0o644))
	check("leftovers", "warn", "/etc/resolv.conf is still a tunnel's")
	run("printf '#!/bin/sh\\n' >" + tools + "/resolvconf; chmod 755 " + tools + "/resolvconf")
	check("dns", "ok", "resolvconf ("+tools+"/resolvconf)")
	run("mv " + tools + "/resolvconf " + tools + "/resolvectl")
	check("dns", "ok", resolv+": all names are asked inside") // it runs, and nothing asks it
	must(t, l.Client.WriteFile(resolv, "nameserver 127.0.0.53\n", 0o644))
	check("dns", "ok", "systemd-resolved")
	run("rm " + tools + "/resolvectl; mount -o remount,ro,bind /etc || mount --bind /etc /etc && mount -o remount,ro,bind /etc")
	check("dns", "warn", "/etc/resolv.conf cannot be replaced")
}
