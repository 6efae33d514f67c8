package doctor

import (
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/journal"
)

var update = flag.Bool("update", false, "write the golden file anew")

var now = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// healthy is a machine that lacks nothing, with a gateway that lacks nothing.
func healthy() Facts {
	return Facts{
		Root: true, Capabilities: ^uint64(0), State: State{Dir: "/run/penstock"}, Kernel: "6.1.0-18-amd64", TUN: TUN{Offload: true},
		Landlock: Landlock{ABI: 5}, Seccomp: true, UDP: UDP{true, true}, Named: 2, Script: "/usr/sbin/ip",
		Plugins: []Plugin{{Name: "anyconnect", Version: "1.0", Protocols: "anyconnect"}},
		NM: NetworkManager{Installed: true, Running: true, Version: "1.42.4", NameFile: "/usr/lib/NetworkManager/VPN/nm-penstock-service.name",
			Service: true, Program: "/usr/libexec/nm-penstock-service", Policy: "/usr/share/dbus-1/system.d/nm-penstock-service.conf"},
		Names: Names{File: "/run/systemd/resolve/stub-resolv.conf", Resolvectl: true, Stub: true},
		Left:  []journal.Left{{Name: "home", Path: "/run/penstock/home.journal", PID: 7, Alive: true, Device: "tun0", Settings: true}},
		Clock: Clock{Now: now, Built: now.AddDate(0, -1, 0), Synchronised: true},
		Gateway: &Gateway{Name: "vpn.example.com", Resolved: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, Port: 443, Took: 23 * time.Millisecond,
			From: now.AddDate(0, -1, 0), To: now.AddDate(0, 2, 0), Date: now.Add(time.Second), UDPPort: 443, PathMTU: 1500, Device: "eth0"},
	}
}

func TestHealthy(t *testing.T) {
	r := Examine(healthy())
	if r.Level != OK {
		t.Errorf("a healthy machine: %+v", r)
	}
	for _, f := range r.Findings {
		if f.Level != OK || f.Found == "" || f.Why != "" || f.Do != "" {
			t.Errorf("%+v", f)
		}
	}
}

// Each thing is broken by itself, and its check says so.
func TestEachThingBroken(t *testing.T) {
	g := func(change func(*Gateway)) func(*Facts) { return func(f *Facts) { change(f.Gateway) } }
	for name, test := range map[string]struct {
		breaks func(*Facts)
		topic  string
		level  Level
		says   string
	}{
		"no root":        {func(f *Facts) { f.Root = false }, "rights", Warn, "not root"},
		"a capability":   {func(f *Facts) { f.Capabilities &^= 1 << 12 }, "rights", Fail, "CAP_NET_ADMIN"},
		"state":          {func(f *Facts) { f.State.Wrong = "others can write it (mode 777)" }, "state", Fail, "mode 777"},
		"an old kernel":  {func(f *Facts) { f.Kernel = "5.10.0-28-amd64" }, "kernel", Fail, "Linux 5.10.0-28-amd64 is too old"},
		"another kernel": {func(f *Facts) { f.Kernel = "unknown" }, "kernel", Warn, "unknown"},
		"no TUN":         {func(f *Facts) { f.TUN.Wrong = "no such file or directory" }, "tun", Fail, "no such file"},
		"TUN for root":   {func(f *Facts) { f.Root, f.TUN.Wrong, f.TUN.Forbidden = false, "permission denied", true }, "tun", Warn, "root alone"},
		"no offload":     {func(f *Facts) { f.TUN.Offload = false }, "tun", Warn, "one by one"},
		"namespaces":     {func(f *Facts) { f.Namespaces = []string{"net", "pid"} }, "sandbox", Fail, "net, pid"},
		"seccomp":        {func(f *Facts) { f.Seccomp = false }, "sandbox", Fail, "seccomp"},
		"landlock":       {func(f *Facts) { f.Landlock = Landlock{Wrong: "not implemented"} }, "sandbox", Warn, "landlock"},
		"UDP_SEGMENT":    {func(f *Facts) { f.UDP.Segment = false }, "udp", Warn, "UDP_SEGMENT"},
		"UDP_GRO":        {func(f *Facts) { f.UDP.Receive = false }, "udp", Warn, "UDP_GRO"},
		"raw":            {func(f *Facts) { f.Raw = "operation not permitted" }, "raw", Warn, "not permitted"},
		"no plugin":      {func(f *Facts) { f.Plugins = nil }, "plugins", Fail, "no plugin"},
		"changed plugin": {func(f *Facts) {
			f.Plugins[0].Note = Note{Fail, "it is not the one that was installed", "install it again"}
		}, "plugins", Fail, "not the one"},
		"config":               {func(f *Facts) { f.Config = []Note{{Warn, "connection home: no such option", ""}} }, "config", Warn, "home"},
		"no ip":                {func(f *Facts) { f.Script = "" }, "script", Fail, "ip is missing"},
		"no .name file":        {func(f *Facts) { f.NM.NameFile = "" }, "desktop", Warn, ".name"},
		"another service":      {func(f *Facts) { f.NM.Service = false }, "desktop", Fail, "does not name"},
		"no service program":   {func(f *Facts) { f.NM.Missing = "it is no program" }, "desktop", Fail, "/usr/libexec/nm-penstock-service"},
		"no policy":            {func(f *Facts) { f.NM.Policy = "" }, "desktop", Fail, "policy"},
		"NetworkManager ended": {func(f *Facts) { f.NM.Running = false }, "desktop", Warn, "not running"},
		"no resolv.conf":       {func(f *Facts) { f.Names = Names{} }, "dns", Warn, "missing"},
		"fixed resolv.conf":    {func(f *Facts) { f.Names = Names{File: "/etc/resolv.conf", Unwritable: "read-only"} }, "dns", Warn, "read-only"},
		"a killed host":        {func(f *Facts) { f.Left[0].Alive = false }, "leftovers", Warn, "home was killed (process 7) and left the device tun0 and network settings"},
		"a damaged journal":    {func(f *Facts) { f.Left[0].Damaged = "others could have written it" }, "leftovers", Warn, "others could"},
		"a dead socket":        {func(f *Facts) { f.Dead = []string{"office"} }, "leftovers", Warn, "office"},
		"a tunnel's DNS":       {func(f *Facts) { f.Names.Ours = true }, "leftovers", Warn, "resolv.conf"},
		"a device of nobody's": {func(f *Facts) { f.Foreign = []Tunnel{{Name: "tun3", Kind: "tun"}} }, "others", Warn, "tun3"},
		"another VPN": {func(f *Facts) {
			f.Foreign = []Tunnel{{"wg0", "wireguard", true, []netip.Prefix{netip.MustParsePrefix("0.0.0.0/1")}}}
		}, "others", Warn, "wg0, a wireguard device of another program, has the route to 0.0.0.0/1"},
		"an old clock":      {func(f *Facts) { f.Clock.Now = now.AddDate(-3, 0, 0); f.Gateway = nil }, "clock", Fail, "2023-07-01"},
		"no time service":   {func(f *Facts) { f.Clock.Synchronised = false }, "clock", Warn, "time service"},
		"a proxy":           {func(f *Facts) { f.Proxies = []string{"https_proxy"} }, "proxy", Warn, "https_proxy"},
		"no such name":      {g(func(g *Gateway) { g.Unknown = "no such host" }), "gateway", Fail, "no such host"},
		"refused":           {g(func(g *Gateway) { g.Refused = "connection refused" }), "gateway", Fail, "connection refused"},
		"no PPTP":           {g(func(g *Gateway) { g.Plain, g.Port, g.Refused = true, 1723, "connection refused" }), "gateway", Fail, "1723"},
		"no TLS":            {g(func(g *Gateway) { g.TLS = "EOF" }), "gateway", Fail, "no TLS"},
		"expired":           {g(func(g *Gateway) { g.To = now.AddDate(0, 0, -1) }), "certificate", Fail, "2026-06-30"},
		"not good yet":      {g(func(g *Gateway) { g.From = now.AddDate(0, 0, 1) }), "certificate", Fail, "from 2026-07-02"},
		"good for a week":   {g(func(g *Gateway) { g.To = now.AddDate(0, 0, 7) }), "certificate", Warn, "expires on 2026-07-08"},
		"a minute ahead":    {g(func(g *Gateway) { g.Date = now.Add(-time.Minute) }), "clock", Warn, "1m0s ahead of"},
		"an hour behind":    {g(func(g *Gateway) { g.Date = now.Add(time.Hour) }), "clock", Fail, "1h0m0s behind"},
		"UDP closed":        {g(func(g *Gateway) { g.UDP = "closed" }), "gateway udp", Warn, "UDP port 443 is closed"},
		"IKE closed":        {g(func(g *Gateway) { g.UDP, g.UDPPort, g.Datagram = "closed", 500, true }), "gateway udp", Fail, "UDP port 500 is closed"},
		"a narrow path":     {g(func(g *Gateway) { g.PathMTU = 1300 }), "path", Warn, "1300 bytes"},
		"too narrow a path": {g(func(g *Gateway) { g.PathMTU = 1000 }), "path", Fail, "1000 bytes"},
		"a way by a tunnel": {g(func(g *Gateway) { g.Tunnel, g.Device = true, "wg0" }), "path", Warn, "wg0"},
	} {
		f := healthy()
		test.breaks(&f)
		r := Examine(f)
		if r.Level != test.level {
			t.Errorf("%s: the whole is %s, want %s", name, r.Level, test.level)
		}
		if !slices.ContainsFunc(r.Findings, func(found Finding) bool {
			return found.Topic == test.topic && found.Level == test.level && strings.Contains(found.Found, test.says) && found.Why != "" && (found.Do != "" || test.topic == "config")
		}) {
			t.Errorf("%s: nothing of %s says %q in %+v", name, test.topic, test.says, r.Findings)
		}
	}
}

// The script's way to set DNS, as the script chooses it.
func TestWhoResolvesNames(t *testing.T) {
	for _, test := range []struct {
		names Names
		want  string
	}{
		{Names{File: "/etc/resolv.conf", Resolvectl: true, Stub: true, Resolvconf: "/sbin/resolvconf"}, "systemd-resolved"},
		{Names{File: "/etc/resolv.conf", Resolvectl: true, Resolvconf: "/sbin/resolvconf"}, "resolvconf (/sbin/resolvconf)"},
		{Names{File: "/etc/resolv.conf", Resolvectl: true}, "/etc/resolv.conf: all names"},
	} {
		if got := names(Facts{Root: true, Names: test.names}); len(got) != 1 || got[0].Level != OK || !strings.Contains(got[0].Found, test.want) {
			t.Errorf("%+v: %+v, want %s", test.names, got, test.want)
		}
	}
}

// What programs read stays as it is.
func TestJSON(t *testing.T) {
	f := healthy()
	f.TUN.Wrong, f.Clock.Synchronised, f.Left[0].Alive, f.Gateway.PathMTU = "no such file or directory", false, false, 1300
	f.Proxies = []string{"https_proxy"}
	text, err := json.MarshalIndent(Examine(f), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	const golden = "testdata/report.golden"
	if *update {
		if err := os.WriteFile(golden, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != string(text) {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}
