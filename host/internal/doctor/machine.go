package doctor

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

func rights(f Facts) []Finding {
	const topic, why = "rights", "a connection makes a device, sets routes and gives plugins users of their own"
	var lacking []string
	for _, c := range []struct {
		bit  int
		name string
	}{{unix.CAP_NET_ADMIN, "CAP_NET_ADMIN"}, {unix.CAP_NET_RAW, "CAP_NET_RAW"}, {unix.CAP_SYS_ADMIN, "CAP_SYS_ADMIN"}, {unix.CAP_SETUID, "CAP_SETUID"}, {unix.CAP_SETGID, "CAP_SETGID"}} {
		if f.Capabilities&(1<<c.bit) == 0 {
			lacking = append(lacking, c.name)
		}
	}
	switch {
	case !f.Root:
		return one(warn(topic, "this is not root", why, "use sudo, or connect through NetworkManager"))
	case len(lacking) > 0:
		return one(fail(topic, "this is root without "+strings.Join(lacking, ", "), why, "in a container, add these capabilities; a unit of systemd may take them away by CapabilityBoundingSet="))
	}
	return one(well(topic, "this is root, with the capabilities that connections need"))
}

func state(f Facts) []Finding {
	if f.State.Wrong != "" {
		return one(fail("state", f.State.Dir+" cannot be used: "+f.State.Wrong, "a connection is found there by `penstock status`, and cleaned up after",
			"make it a folder of root's that others cannot write, or remove it"))
	}
	return one(well("state", "%s can be used", f.State.Dir))
}

// The kernel that is needed: the sandbox closes ranges of descriptors on exec.
const leastMajor, leastMinor = 5, 11

func kernel(f Facts) []Finding {
	const topic, why = "kernel", "plugins are shut in by what Linux has from 5.11 on, and are not started otherwise"
	var major, minor int
	switch n, _ := fmt.Sscanf(f.Kernel, "%d.%d", &major, &minor); {
	case n < 2:
		return one(warn(topic, fmt.Sprintf("the kernel calls itself %q", f.Kernel), why, "if connections fail to start their plugin, use a kernel of Linux"))
	case major < leastMajor || major == leastMajor && minor < leastMinor:
		return one(fail(topic, "Linux "+f.Kernel+" is too old", why, "use a newer kernel"))
	}
	return one(well(topic, "Linux %s", f.Kernel))
}

func tunDevice(f Facts) []Finding {
	const topic, why = "tun", "packets come from and go to a TUN device"
	switch {
	case f.TUN.Forbidden && !f.Root:
		return one(warn(topic, "/dev/net/tun is for root alone", why, "use sudo, or connect through NetworkManager"))
	case f.TUN.Wrong != "":
		return one(fail(topic, "/dev/net/tun cannot be opened: "+f.TUN.Wrong, why, "load the module with `modprobe tun`; in a container, pass the device in"))
	case !f.TUN.Offload:
		return one(warn(topic, "/dev/net/tun takes packets one by one", "without offload a tunnel costs several times the processor", "use a kernel with IFF_VNET_HDR, from 2.6.27 on"))
	}
	return one(well(topic, "/dev/net/tun can be opened, and has offload"))
}

func sandbox(f Facts) []Finding {
	const topic, why = "sandbox", "a plugin is shut in, and is not started otherwise"
	var found []Finding
	if len(f.Namespaces) > 0 {
		found = append(found, fail(topic, "the kernel has no namespaces of these kinds: "+strings.Join(f.Namespaces, ", "), why, "use a kernel with them"))
	}
	if !f.Seccomp {
		found = append(found, fail(topic, "the kernel has no seccomp filters", why, "use a kernel with CONFIG_SECCOMP_FILTER"))
	}
	if f.Landlock.Wrong != "" {
		found = append(found, warn(topic, "landlock is not available: "+f.Landlock.Wrong, "it is one of the walls around a plugin; the others stand", "add landlock to the kernel's parameter lsm="))
	}
	if len(found) == 0 {
		return one(well(topic, "namespaces, seccomp filters and landlock (ABI %d) are there", f.Landlock.ABI))
	}
	return found
}

func udp(f Facts) []Finding {
	var lacking []string
	if !f.UDP.Segment {
		lacking = append(lacking, "UDP_SEGMENT")
	}
	if !f.UDP.Receive {
		lacking = append(lacking, "UDP_GRO")
	}
	if len(lacking) > 0 {
		return one(warn("udp", "sockets have no "+strings.Join(lacking, " and "), "without them a tunnel over UDP costs more of the processor", "use Linux 5.0 or later"))
	}
	return one(well("udp", "sockets send and receive datagrams in batches (UDP_SEGMENT, UDP_GRO)"))
}

func raw(f Facts) []Finding {
	switch {
	case f.Raw == "":
		return one(well("raw", "raw sockets can be made"))
	case !f.Root:
		return one(warn("raw", "raw sockets are for root alone", "PPTP and ESP without UDP need them", "use sudo, or connect through NetworkManager"))
	}
	return one(warn("raw", "raw sockets cannot be made: "+f.Raw, "PPTP and ESP without UDP need them; other protocols do not", "add the capability CAP_NET_RAW"))
}

func plugins(f Facts) []Finding {
	const topic, why = "plugins", "each protocol is a plugin, and one that was changed is not run"
	var found []Finding
	for _, p := range f.Plugins {
		if p.Note.Level != "" {
			found = append(found, Finding{topic, p.Note.Level, p.Note.Found, why, p.Note.Do})
			continue
		}
		found = append(found, well(topic, "%s %s is what was installed (%s)", p.Name, p.Version, p.Protocols))
	}
	if len(found) == 0 {
		return one(fail(topic, "no plugin is installed", why, "install one, or name its folder with --plugin-dir"))
	}
	return found
}

func configured(f Facts) []Finding {
	var found []Finding
	for _, n := range f.Config {
		found = append(found, Finding{"config", n.Level, n.Found, "what is written there is used by name", n.Do})
	}
	if len(found) == 0 {
		return one(well("config", "%d connections are described", f.Named))
	}
	return found
}

func script(f Facts) []Finding {
	if f.Script == "" {
		return one(fail("script", "the program ip is missing", "the bundled script sets addresses and routes with it", "install iproute2, or use --script with a script that does without"))
	}
	return one(well("script", "%s is there", f.Script))
}

func clock(f Facts) []Finding {
	const topic, why = "clock", "certificates are good between two dates, and one-time codes for half a minute"
	c := f.Clock
	switch {
	case !c.Built.IsZero() && c.Now.Before(c.Built.AddDate(0, 0, -1)):
		return one(fail(topic, fmt.Sprintf("it is %s here, before this program was built", c.Now.UTC().Format("2006-01-02 15:04 MST")), why, "set the clock: `timedatectl set-ntp true`, or `date -s`"))
	case !c.Synchronised:
		return one(warn(topic, "no time service sets the clock", why, "switch one on: `timedatectl set-ntp true`"))
	}
	return one(well(topic, "a time service sets the clock"))
}

func proxies(f Facts) []Finding {
	if len(f.Proxies) == 0 {
		return nil
	}
	return one(warn("proxy", "the environment names a proxy: "+strings.Join(f.Proxies, ", "), "penstock does not follow these variables: it connects directly",
		"if the gateway is reached by the proxy alone, write it with the option proxy"))
}
