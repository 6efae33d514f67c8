package netcfg

import (
	"net/url"
	"regexp"
	"strings"
)

// Longest names that are taken: RFC 1035 2.3.4, and what browsers take.
const (
	maxDomain = 253
	maxURL    = 2048
)

var (
	label    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}$`)
	plainURL = regexp.MustCompile(`^https?://[A-Za-z0-9._~:/?#@!&()+,;=%\[\]-]+$`)
)

// Domain is the DNS domain that a gateway wrote: without a wildcard or dot in front
// and a dot behind. It is false for what is no domain.
func Domain(s string) (string, bool) {
	name := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(s, "*"), "."), ".")
	if len(name) > maxDomain {
		return "", false
	}
	for l := range strings.SplitSeq(name, ".") {
		if !label.MatchString(l) {
			return "", false
		}
	}
	return name, true
}

// PAC says whether s can be the address of a proxy configuration: one of http or https
// with nothing in it that a shell or a settings file would take for its own.
func PAC(s string) bool {
	if len(s) > maxURL || !plainURL.MatchString(s) {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && u.Host != ""
}
