package openconnect

import (
	"fmt"
	"io"
	"strings"
)

// OpenConnect's version whose command line this is.
const speaks = "v9.01"

func usage(w io.Writer, program string) {
	_, _ = fmt.Fprintf(w, "Usage:  %s [options] <server>\nOpenConnect's command line (%s), by Penstock.\n", program, speaks)
	for g, title := range groups {
		lines := optionLines(g, false)
		if lines != "" {
			_, _ = fmt.Fprintf(w, "\n%s:\n%s", title, lines)
		}
	}
	_, _ = fmt.Fprintf(w, "\nRefused, because they cannot be honoured:\n")
	for g := range groups {
		_, _ = io.WriteString(w, optionLines(g, true))
	}
}

// optionLines are those of a group, a line each.
func optionLines(group int, refused bool) string {
	var b strings.Builder
	for _, o := range table {
		if o.group != group || o.refused != refused || o.help == "" {
			continue
		}
		word := "      "
		if o.letter != 0 {
			word = fmt.Sprintf("  -%c, ", o.letter)
		}
		word += "--" + o.name
		if o.argument {
			word += "=" + o.value
		}
		fmt.Fprintf(&b, "%-36s%s\n", word+" ", o.help)
	}
	return b.String()
}

func printVersion(w io.Writer, version string) {
	_, _ = fmt.Fprintf(w, "OpenConnect version %s (Penstock %s)\n", speaks, version)
	_, _ = fmt.Fprintln(w, "Features present: PKCS#11, HOTP software token, TOTP software token, DTLS, ESP")
	_, _ = fmt.Fprintln(w, "Supported protocols: anyconnect (default), gp")
	_, _ = fmt.Fprintln(w, "Default vpnc-script (override with --script): built in")
}
