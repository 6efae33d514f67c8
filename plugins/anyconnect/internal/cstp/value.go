package cstp

import (
	"encoding/hex"
	"math/bits"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	sessionIDSize = 32
	maxSeconds    = 10 * 365 * 24 * 3600
)

func takeMTU(target *int, name, value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < minMTU || n > maxMTU {
		return headerError(name, "is %q; an MTU is %d to %d", value, minMTU, maxMTU)
	}
	*target = n
	return nil
}

// takeSeconds reads a time; "none" and the like are 0.
func takeSeconds(target *time.Duration, name, value string) error {
	switch strings.ToLower(value) {
	case "", "none", "unlimited":
		*target = 0
		return nil
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 {
		return headerError(name, "is %q, which is no number of seconds", value)
	}
	*target = time.Duration(min(n, maxSeconds)) * time.Second
	return nil
}

func takeAddr(list *[]netip.Addr, name, value string) error {
	a, err := parseAddr(value)
	if err != nil {
		return headerError(name, "is %q, which is no IP address", value)
	}
	if len(*list) < maxServers && !slices.Contains(*list, a) {
		*list = append(*list, a)
	}
	return nil
}

func parseAddr(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	return a.Unmap().WithZone(""), err
}

// takeNames reads domains between commas or blanks.
func takeNames(list *[]string, name, value string) error {
	for _, domain := range strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
		domain = strings.Trim(strings.TrimPrefix(domain, "*"), ".")
		if !isDomain(domain) {
			return headerError(name, "is %q, which has no domain in it", value)
		}
		if len(*list) < maxNames && !slices.Contains(*list, domain) {
			*list = append(*list, domain)
		}
	}
	return nil
}

// isDomain keeps out what means something to a shell or a resolver's file.
func isDomain(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || strings.ContainsFunc(label, notInLabel) {
			return false
		}
	}
	return len(s) <= 253
}

func notInLabel(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
}

// takePrefix reads address/bits, address/mask or a bare address, host bits zeroed.
func takePrefix(list *[]netip.Prefix, name, value string) error {
	p, err := parsePrefix(value)
	if err != nil {
		return headerError(name, "is %q, which is no network", value)
	}
	*list = append(*list, p.Masked())
	return nil
}

func parsePrefix(text string) (netip.Prefix, error) {
	address, mask, hasMask := strings.Cut(text, "/")
	a, err := parseAddr(strings.TrimSpace(address))
	if err != nil {
		return netip.Prefix{}, err
	}
	if !hasMask {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	n, err := maskBits(strings.TrimSpace(mask), a)
	if err != nil {
		return netip.Prefix{}, err
	}
	return a.Prefix(n)
}

// maskBits reads the length of a mask for a: "24" or "255.255.255.0".
func maskBits(mask string, a netip.Addr) (int, error) {
	if n, err := strconv.Atoi(mask); err == nil && n >= 0 && n <= a.BitLen() {
		return n, nil
	}
	m, err := netip.ParseAddr(mask)
	if err != nil || m.BitLen() != a.BitLen() {
		return 0, strconv.ErrSyntax
	}
	ones, ended := 0, false
	for _, b := range m.AsSlice() {
		lead := bits.LeadingZeros8(^b)
		if b != ^byte(0)<<(8-lead) || ended && b != 0 {
			return 0, strconv.ErrSyntax
		}
		ones += lead
		ended = lead < 8
	}
	return ones, nil
}

func parseHex(value string, limit int) ([]byte, bool) {
	b, err := hex.DecodeString(value)
	return b, err == nil && len(b) > 0 && len(b) <= limit
}

// unescape decodes %xx of a banner; what is no such code stays.
func unescape(s string) string {
	s = s[:min(len(s), maxBanner)]
	if text, err := url.PathUnescape(s); err == nil {
		s = text
	}
	return strings.ToValidUTF8(s, "?")
}

// webAddress is s if that is a web page, else nothing: a tunnel works without.
func webAddress(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || len(s) > 2048 || strings.ContainsAny(s, " \t'\"`$\\") {
		return ""
	}
	return s
}
