package doctor

import (
	"net/netip"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/journal"
)

// Facts are what the checks look at. Errors are texts, "" when there is none.
type Facts struct {
	Root         bool
	Capabilities uint64 // in force, as bits
	State        State

	Kernel     string // its release
	TUN        TUN
	Namespaces []string // that are missing
	Landlock   Landlock
	Seccomp    bool
	UDP        UDP
	Raw        string // why there are no raw sockets

	Plugins []Plugin
	Config  []Note // of the files of connections; empty: all is well
	Named   int    // connections in them
	Script  string // the program ip, "" when it is missing

	NM        NetworkManager
	Names     Names
	Left      []journal.Left
	Dead      []string // control sockets that nobody serves
	Foreign   []Tunnel
	Clock     Clock
	Proxies   []string // names of variables
	Gateway   *Gateway // nil: none was named
	Connected []string // connections that are up
}

// State is the folder that connections keep their state in.
type State struct {
	Dir   string
	Wrong string // why it is not safe or cannot be written
}

// TUN is what /dev/net/tun can do.
type TUN struct {
	Wrong     string // why it cannot be opened
	Forbidden bool   // it is only for root
	Offload   bool   // IFF_VNET_HDR
}

// Landlock is the version of its interface, or why there is none.
type Landlock struct {
	ABI   int
	Wrong string
}

// UDP is what sockets can do.
type UDP struct{ Segment, Receive bool }

// Note is somebody else's finding, in a line.
type Note struct {
	Level     Level
	Found, Do string
}

// Plugin is one that is installed.
type Plugin struct {
	Name, Version, Protocols string
	Note                     Note // Level "" when it is what was installed
}

// NetworkManager is what it takes to be one of its VPN services.
type NetworkManager struct {
	Installed bool
	Running   bool
	Version   string
	NameFile  string // path; "" when there is none
	Service   bool   // it names our service
	Program   string // that it starts
	Missing   string // why the program cannot be started
	Policy    string // path of the D-Bus policy; "" when there is none
}

// Names is how the machine resolves names.
type Names struct {
	File       string // what /etc/resolv.conf is; "" when there is none
	Unwritable string // why it cannot be replaced
	Resolvectl bool   // there, and answered by systemd-resolved
	Stub       bool   // programs ask systemd-resolved
	Resolvconf string // the program; "" when it is missing or only resolvectl
	Ours       bool   // its first line says that a tunnel wrote it
}

// Tunnel is a device of another program's.
type Tunnel struct {
	Name, Kind string
	Held       bool           // a program is behind it
	Routes     []netip.Prefix // that lead into it, of half the world or more
}

// Clock is this machine's.
type Clock struct {
	Now          time.Time
	Built        time.Time // of this program; zero: not known
	Synchronised bool
}

// Gateway is what could be learnt of one.
type Gateway struct {
	Name     string // as given
	Proxy    bool   // the connection goes through one: the rest is empty
	Datagram bool   // its protocol begins with UDP: TCP may be closed
	Plain    bool   // its protocol has no TLS
	Resolved []netip.Addr
	Unknown  string // why the name has no address
	Port     int
	Refused  string // why TCP failed
	Took     time.Duration
	TLS      string // why the handshake failed
	From, To time.Time
	Date     time.Time // the gateway's own; zero: not told
	UDPPort  int
	UDP      string // "closed", "answers", or "" when nothing was heard
	PathMTU  int    // 0: not known
	Device   string // that packets to it leave by
	Tunnel   bool   // that device is a tunnel
}
