package vpncscript

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/penstock-vpn/penstock/host/netcfg"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Bounds of what goes into an environment; the kernel takes 128 KiB a variable.
const (
	maxNetworks = 4096
	maxDomains  = 256
	maxText     = 32 << 10
)

var deviceName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$`)

// check refuses settings that no script can be run with.
func check(c netcfg.Config) error {
	problem := ""
	switch {
	case !deviceName.MatchString(c.Interface):
		problem = fmt.Sprintf("%q is no name of a network device", c.Interface)
	case len(c.Routes)+len(c.Excludes) > maxNetworks:
		problem = fmt.Sprintf("%d routes, at most %d are allowed", len(c.Routes)+len(c.Excludes), maxNetworks)
	default:
		return nil
	}
	return diag.New(diag.Protocol, "the network settings are unusable", problem)
}

// doubts are the settings that scripts will not see as the gateway sent them.
func doubts(c netcfg.Config) []string {
	var out []string
	for _, list := range []struct {
		what string
		in   []string
	}{{"search domain", c.Search}, {"split DNS domain", c.SplitDNS}} {
		if left := len(list.in) - len(domains(list.in)); left > 0 {
			out = append(out, fmt.Sprintf("%d values that are no domain names, or too many, were left out: %s", left, list.what))
		}
	}
	if c.ProxyPAC != "" && pac(c.ProxyPAC) == "" {
		out = append(out, "the address of the proxy configuration is no plain http URL and was left out")
	}
	if len(c.DNS) > maxServers || len(c.NBNS) > maxServers {
		out = append(out, fmt.Sprintf("only the first %d name servers are used", maxServers))
	}
	if four, six := families(c); len(c.Addresses) > count(four.IsValid(), six.IsValid()) {
		out = append(out, "only the first address of each family is used")
	}
	return out
}

func count(flags ...bool) int {
	n := 0
	for _, f := range flags {
		if f {
			n++
		}
	}
	return n
}

// domains keeps what is a host name.
func domains(in []string) []string {
	var out []string
	for _, s := range in[:min(len(in), maxDomains)] {
		if name, ok := netcfg.Domain(s); ok {
			out = append(out, name)
		}
	}
	return out
}

func pac(s string) string {
	if !netcfg.PAC(s) {
		return ""
	}
	return s
}

// banner keeps text and newlines: no control characters, no marks that reorder it.
func banner(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return cut(strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")))
}

// words are the gateway's own words, one option a line.
func words(pairs []netcfg.Pair) string {
	var lines []string
	for _, p := range pairs {
		key, value := oneLine(p.Key), oneLine(p.Value)
		if key != "" {
			lines = append(lines, key+"="+value)
		}
	}
	return cut(strings.Join(lines, "\n"))
}

func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// cut shortens s to maxText, at a character.
func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "")
}
