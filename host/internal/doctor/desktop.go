package doctor

import (
	"fmt"
	"strings"
)

func networkManager(f Facts) []Finding {
	const topic, why = "desktop", "desktops and nmcli connect through NetworkManager; `penstock connect` needs none of it"
	n := f.NM
	switch {
	case !n.Installed:
		return one(well(topic, "NetworkManager is not installed: connections are made by `penstock connect`"))
	case n.NameFile == "":
		return one(warn(topic, "NetworkManager does not know penstock: nm-penstock-service.name is missing", why, "install the package network-manager-penstock, or run `make install`"))
	case !n.Service:
		return one(fail(topic, n.NameFile+" does not name the service org.freedesktop.NetworkManager.penstock", why, "install the package network-manager-penstock again"))
	case n.Missing != "":
		return one(fail(topic, fmt.Sprintf("NetworkManager cannot start %s: %s", orUnnamed(n.Program), n.Missing), why, "install the package network-manager-penstock again"))
	case n.Policy == "":
		return one(fail(topic, "the D-Bus policy nm-penstock-service.conf is missing", "without it the bus refuses the service its name; "+why, "install the package network-manager-penstock again, then reload D-Bus"))
	case !n.Running:
		return one(warn(topic, "NetworkManager is not running", why, "start it: `systemctl start NetworkManager`"))
	}
	return one(well(topic, "NetworkManager %s runs and knows penstock", n.Version))
}

func orUnnamed(program string) string {
	if program == "" {
		return "the service"
	}
	return program
}

// names goes the way of the bundled script.
func names(f Facts) []Finding {
	const topic, why = "dns", "names of the inside are asked for inside"
	n := f.Names
	switch {
	case n.Resolvectl && n.Stub:
		return one(well(topic, "systemd-resolved: names of the tunnel's domains are asked inside, others outside"))
	case n.Resolvconf != "":
		return one(well(topic, "resolvconf (%s): all names are asked inside while connected", n.Resolvconf))
	case n.Unwritable != "" && f.Root:
		return one(warn(topic, "/etc/resolv.conf cannot be replaced: "+n.Unwritable, why, "let it be written (`chattr -i`, or no read-only mount), or run systemd-resolved"))
	case n.File == "":
		return one(warn(topic, "/etc/resolv.conf is missing: this machine resolves no names", "a gateway is mostly given by its name", "write one, or run systemd-resolved"))
	}
	return one(well(topic, "%s: all names are asked inside while connected", n.File))
}

// leftovers are what connections left that were killed.
func leftovers(f Facts) []Finding {
	const topic, do = "leftovers", "run `penstock connect` again: it cleans up first"
	var found []Finding
	for _, l := range f.Left {
		switch {
		case l.Damaged != "":
			found = append(found, warn(topic, fmt.Sprintf("what the connection %s had set up cannot be read: %s", l.Name, l.Damaged), "the next start cannot undo it", "look for routes and DNS servers that do not belong, then remove "+l.Path))
		case l.Alive:
		default:
			found = append(found, warn(topic, fmt.Sprintf("the connection %s was killed (process %d) and left %s", l.Name, l.PID, strings.Join(left(l.Device, l.Settings), " and ")), "packets and names may still go where the tunnel was", do))
		}
	}
	if len(found) == 0 && len(f.Dead) > 0 {
		found = append(found, warn(topic, "sockets of killed connections are left: "+strings.Join(f.Dead, ", "), "a connection of that name has to clean up first", do))
	}
	if f.Names.Ours && len(f.Connected) == 0 {
		found = append(found, warn(topic, "/etc/resolv.conf is still a tunnel's, and no tunnel is up", "the name servers of the inside do not answer from outside", do))
	}
	if len(found) == 0 {
		return one(well(topic, "nothing is left of killed connections"))
	}
	return found
}

func left(device string, settings bool) []string {
	var parts []string
	if device != "" {
		parts = append(parts, "the device "+device)
	}
	if settings {
		parts = append(parts, "network settings: routes, and DNS servers if it had some")
	}
	if len(parts) == 0 {
		parts = append(parts, "its journal")
	}
	return parts
}

// others are VPNs of other programs.
func others(f Facts) []Finding {
	var found []Finding
	for _, t := range f.Foreign {
		switch {
		case !t.Held:
			found = append(found, warn("others", fmt.Sprintf("the device %s belongs to no program", t.Name), "its addresses and routes lead nowhere", "if nobody wants it, remove it: `ip link delete "+t.Name+"`"))
		case len(t.Routes) > 0:
			found = append(found, warn("others", fmt.Sprintf("%s, a %s device of another program, has the route to %v", t.Name, t.Kind, t.Routes[0]), "two tunnels for all traffic take it from each other", "end the other VPN before, or take the one tunnel within the other as it is"))
		}
	}
	if len(found) == 0 {
		return one(well("others", "no other VPN takes all traffic"))
	}
	return found
}
