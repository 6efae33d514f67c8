// Package settings reads the values of options, which the schema has checked, into what
// plugins work with.
package settings

import (
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Gateway reads host, host:port, or an https address with a path. hint says how its
// path is meant: "[/GROUP]".
func Gateway(text, hint string) (*url.URL, error) {
	text = strings.TrimSpace(text)
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return nil, diag.New(diag.Config, "the gateway's address cannot be used", "It is a host name or address, or https://HOST[:PORT]"+hint+".").With("gateway")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return nil, diag.New(diag.Config, "the gateway's port "+strconv.Quote(port)+" is none", "A port is 1 to 65535.").With("gateway")
		}
	}
	u.Fragment = ""
	if u.Path == "" {
		u.Path = "/"
	}
	return u, nil
}

// True reads a Bool.
func True(value string) bool {
	return slices.Contains([]string{"true", "yes", "on", "1"}, strings.ToLower(value))
}

// Duration reads Go syntax or seconds; 0 for what is neither.
func Duration(value string) time.Duration {
	if n, err := strconv.Atoi(value); err == nil {
		return time.Duration(n) * time.Second
	}
	d, err := time.ParseDuration(value)
	if err != nil {
		return 0
	}
	return d
}

// List reads a List: what stands between commas or spaces.
func List(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
}

// Or is value, or otherwise where that is empty.
func Or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

// HostName is this computer's.
func HostName() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "localhost"
	}
	return name
}
