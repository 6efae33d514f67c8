package testlab

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

//go:embed testdata/networkmanager
var nmFiles embed.FS

var nmConf = template.Must(template.ParseFS(nmFiles, "testdata/networkmanager/NetworkManager.conf.tmpl"))

// BaseConnection is NetworkManager's connection on the client's cable.
const BaseConnection = "base"

// NetworkManager says how the client's NetworkManager is to be.
type NetworkManager struct {
	Usr      string // folder that `make install` filled, laid over /usr; none
	Dnsmasq  bool   // split DNS by a dnsmasq that NetworkManager runs
	LogLevel string // NetworkManager's own choice, INFO
}

// NM is a running NetworkManager on a system bus of its own.
type NM struct {
	*Process
	machine *Machine
	bus     *dbus.Conn
	Bus     *Process // the dbus-daemon
}

// StartNetworkManager gives the client's network to NetworkManager, for good, and
// waits until the base connection is up. All that it keeps is the machine's own.
func (l *Lab) StartNetworkManager(o NetworkManager) (*NM, error) {
	n := &NM{machine: l.Client}
	for _, step := range []func() error{
		func() error { return l.Client.Do(o.mount) },
		func() error { return o.write(l.Client) },
		func() error { return l.Client.flush(outside) },
		n.startBus,
		n.Start,
	} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("NetworkManager: %w", err)
		}
	}
	return n, nil
}

// mount runs inside the machine. NetworkManager takes devices as they are, without
// asking udev, when /sys is read-only.
func (o NetworkManager) mount() error {
	for _, m := range []struct{ kind, at, options string }{
		{"sysfs", "/sys", ""}, {"tmpfs", "/etc/NetworkManager", "mode=755"}, {"tmpfs", "/var/lib/NetworkManager", "mode=755"},
	} {
		var flags uintptr
		if m.kind == "sysfs" {
			flags = unix.MS_RDONLY
		}
		if err := unix.Mount(m.kind, m.at, m.kind, flags, m.options); err != nil {
			return fmt.Errorf("%s: %w", m.at, err)
		}
	}
	if o.Usr == "" {
		return nil
	}
	if err := unix.Mount("overlay", "/usr", "overlay", unix.MS_RDONLY, "lowerdir="+filepath.Join(o.Usr, "usr")+":/usr"); err != nil {
		return fmt.Errorf("%s over /usr: %w", o.Usr, err)
	}
	return nil
}

func (o NetworkManager) write(m *Machine) error {
	var conf bytes.Buffer
	if err := nmConf.Execute(&conf, o); err != nil {
		return err
	}
	if err := m.WriteFile("/etc/NetworkManager/NetworkManager.conf", conf.String(), 0o644); err != nil {
		return err
	}
	for name, to := range map[string]string{
		"bus.conf":                              "/run/dbus/system.conf",
		"org.freedesktop.nm_dispatcher.service": "/run/dbus/services/org.freedesktop.nm_dispatcher.service",
		"base.nmconnection":                     "/etc/NetworkManager/system-connections/base.nmconnection",
	} {
		text, err := nmFiles.ReadFile("testdata/networkmanager/" + name)
		if err != nil {
			return err
		}
		if err := m.WriteFile(to, string(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// flush takes all addresses, and the routes with them, from a device.
func (m *Machine) flush(name string) error {
	link, err := m.link.LinkByName(name)
	if err != nil {
		return err
	}
	list, err := m.link.AddrList(link, netlink.FAMILY_ALL)
	if err != nil {
		return err
	}
	for _, a := range list {
		if err := m.link.AddrDel(link, &a); err != nil {
			return err
		}
	}
	return nil
}

func (n *NM) startBus() (err error) {
	n.Bus, err = n.machine.Start(Command{Args: []string{"/usr/bin/dbus-daemon", "--config-file=/run/dbus/system.conf", "--nofork", "--nopidfile"}})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err = Await(ctx, "the system bus", func() bool {
		n.bus, err = dbus.Connect("unix:path=" + n.machine.Path("/run/dbus/system_bus_socket"))
		return err == nil || n.Bus.ended()
	})
	if n.bus == nil {
		return fmt.Errorf("no system bus: %w: %s", err, n.Bus.Tail(20))
	}
	return nil
}

// Start starts NetworkManager again after its end.
func (n *NM) Start() (err error) {
	// its own words and those of the services it starts stay in order
	n.Process, err = n.machine.Start(Command{Args: []string{"/bin/sh", "-c", "exec /usr/sbin/NetworkManager --debug 2>&1"}})
	if err != nil {
		return err
	}
	const connectedGlobally = 70
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	err = Await(ctx, "the base connection", func() bool {
		state, err := n.bus.Object("org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager").GetProperty("org.freedesktop.NetworkManager.State")
		return err == nil && state.Value() == uint32(connectedGlobally) && n.machine.addressed(outside) || n.ended()
	})
	if err == nil && n.ended() {
		err = fmt.Errorf("it ended: %s", n.Tail(20))
	}
	return err
}

// Nmcli runs nmcli to its end and returns what it said.
func (n *NM) Nmcli(args ...string) (string, error) {
	return n.machine.Run(append([]string{"/usr/bin/nmcli"}, args...)...)
}

// Names are the well-known names on the bus.
func (n *NM) Names() ([]string, error) {
	var all []string
	err := n.bus.BusObject().Call("org.freedesktop.DBus.ListNames", 0).Store(&all)
	return slices.DeleteFunc(all, func(name string) bool { return strings.HasPrefix(name, ":") }), err
}
