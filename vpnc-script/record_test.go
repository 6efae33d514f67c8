package vpncscript

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/netcfg"
)

// The files in testdata/openconnect are environments that openconnect 9.01 gave to
// its script with ocserv 1.1.6 as the gateway. They hold what the gateway sent
// (CISCO_CSTP_OPTIONS), so our environment is made from that and compared.

// deviations are where ours differs on purpose.
var deviations = map[string]string{
	// 9.01 clears the host bits of IPv4 routes only; no kernel takes this one.
	"CISCO_IPV6_SPLIT_INC_0_ADDR=fd98::77": "CISCO_IPV6_SPLIT_INC_0_ADDR=fd98::",
}

func TestEnvironmentIsOpenConnects(t *testing.T) {
	files, err := filepath.Glob("testdata/openconnect/*.env")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d records, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
			for i, line := range want {
				if ours, ok := deviations[line]; ok {
					want[i] = ours
				}
			}
			theirs := lookup(want)
			pid, err := strconv.Atoi(theirs("VPNPID"))
			if err != nil {
				t.Fatal(err)
			}
			c := said(t, strings.Split(theirs("CISCO_CSTP_OPTIONS"), `\n`))
			c.Interface = theirs("TUNDEV")
			c.Gateway = netip.MustParseAddr(theirs("VPNGATEWAY"))
			got := escaped(environment(reason(theirs("reason")), c, pid, 2))
			for _, line := range got {
				if !slices.Contains(want, line) {
					t.Errorf("only ours:   %s", line)
				}
			}
			for _, line := range want {
				if !slices.Contains(got, line) {
					t.Errorf("only theirs: %s", line)
				}
			}
		})
	}
}

func lookup(env []string) func(string) string {
	return func(name string) string {
		for _, e := range env {
			if v, ok := strings.CutPrefix(e, name+"="); ok {
				return v
			}
		}
		return ""
	}
}

// escaped are the entries in the form of the files: sorted, one a line.
func escaped(env []string) []string {
	out := slices.Clone(env)
	for i := range out {
		out[i] = strings.ReplaceAll(strings.ReplaceAll(out[i], `\`, `\\`), "\n", `\n`)
	}
	slices.Sort(out)
	return out
}

// said makes a Config of a gateway's words, as a plugin does.
func said(t *testing.T, lines []string) netcfg.Config {
	t.Helper()
	var c netcfg.Config
	var address string
	seconds := func(v string) time.Duration { n, _ := strconv.Atoi(v); return time.Duration(n) * time.Second }
	for _, line := range lines {
		key, v, _ := strings.Cut(line, "=")
		c.ScriptOptions = append(c.ScriptOptions, netcfg.Pair{Key: key, Value: v})
		switch strings.TrimPrefix(key, "X-CSTP-") {
		case "Address":
			address = v
		case "Netmask":
			c.Addresses = append(c.Addresses, prefix(t, address+"/"+v))
		case "Address-IP6":
			c.Addresses = append(c.Addresses, prefix(t, v))
		case "DNS":
			c.DNS = append(c.DNS, netip.MustParseAddr(v))
		case "NBNS":
			c.NBNS = append(c.NBNS, netip.MustParseAddr(v))
		case "Default-Domain":
			c.Search = strings.Fields(v)
		case "Split-DNS":
			c.SplitDNS = append(c.SplitDNS, v)
		case "Split-Include", "Split-Include-IP6":
			c.Routes = append(c.Routes, prefix(t, v))
		case "Split-Exclude", "Split-Exclude-IP6":
			c.Excludes = append(c.Excludes, prefix(t, v))
		case "MSIE-Proxy-PAC-URL":
			c.ProxyPAC = v
		case "Idle-Timeout":
			c.IdleTimeout = seconds(v)
		case "MTU":
			c.MTU, _ = strconv.Atoi(v)
		case "Banner":
			c.Banner = v
		}
	}
	for _, all := range []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")} {
		of := func(p netip.Prefix) bool { return p.Addr().Is4() == all.Addr().Is4() }
		if !slices.ContainsFunc(c.Routes, of) {
			c.Routes = append(c.Routes, all)
		}
	}
	return c
}

// prefix takes ADDRESS/LENGTH and ADDRESS/NETMASK.
func prefix(t *testing.T, s string) netip.Prefix {
	t.Helper()
	addr, mask, _ := strings.Cut(s, "/")
	if ip := net.ParseIP(mask).To4(); ip != nil {
		ones, _ := net.IPMask(ip).Size()
		return netip.PrefixFrom(netip.MustParseAddr(addr), ones)
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
