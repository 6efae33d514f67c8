package vpncscript

import (
	"net/url"
	"slices"
	"strings"
)

// ours are the names that mean something to scripts: what the caller had under them
// must not reach a script as if a gateway had said it.
var ours = []string{"reason", "VPNGATEWAY", "VPNPID", "VPNFD", "TUNDEV", "LOG_LEVEL", "IDLE_TIMEOUT"}

// addressed are the names whose values belong to the host process alone: systemd's
// sockets, watchdog and credentials.
var addressed = []string{"NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "WATCHDOG_PID", "WATCHDOG_USEC", "CREDENTIALS_DIRECTORY"}

// withheldPrefixes are of both kinds; PLUGIN_ is what plugins are started with.
var withheldPrefixes = []string{"CISCO_", "INTERNAL_IP", "PENSTOCK_", "PLUGIN_"}

// secrets are parts of names by which people hand over secrets.
var secrets = []string{"PASSW", "PASSPHRASE", "SECRET", "TOKEN", "COOKIE", "CREDENTIAL", "PRIVATE_KEY", "API_KEY", "APIKEY"}

// inherited is the part of the caller's environment that a script gets. Of a
// variable that stands there twice the first counts, as for a shell.
func inherited(caller []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, entry := range caller {
		name, value, ok := strings.Cut(entry, "=")
		if !ok || name == "" || seen[name] || withheld(name) || holdsPassword(value) {
			continue
		}
		seen[name] = true
		out = append(out, entry)
	}
	if !seen["PATH"] {
		out = append(out, "PATH=/usr/sbin:/usr/bin:/sbin:/bin")
	}
	return out
}

func withheld(name string) bool {
	upper := strings.ToUpper(name)
	return slices.Contains(ours, name) || slices.Contains(addressed, name) ||
		slices.ContainsFunc(withheldPrefixes, func(p string) bool { return strings.HasPrefix(name, p) }) ||
		slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(upper, s) })
}

// holdsPassword finds a proxy's URL with a password in it.
func holdsPassword(value string) bool {
	if !strings.Contains(value, "://") || !strings.Contains(value, "@") {
		return false
	}
	u, err := url.Parse(value)
	if err != nil {
		return true // it looks like one
	}
	_, has := u.User.Password()
	return has
}
