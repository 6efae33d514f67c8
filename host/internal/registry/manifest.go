package registry

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/option"
)

// Manifest is one installed plugin.
type Manifest struct {
	Path      string // of the manifest
	Name      string // [a-z0-9-]{1,32}, as the file's
	Version   string
	Protocols []Protocol
	Exec      string   // absolute path of the program or script
	Args      []string // for it, without its own name
	SHA256    string   // of Exec, lower-case hex
	Needs     []string // what the host must offer: sdk.NeedTLS, ...
	Options   option.Schema
	Auth      Auth
}

// Protocol is one value of the option `protocol`.
type Protocol struct {
	Name    string `toml:"name"`
	Label   string `toml:"label"`
	TLSPort int    `toml:"tls-port,omitempty"` // of the first transport, see sdk.Protocol; 0: it is no TLS
}

// Auth is how host and plugin know that they speak with each other. The socket lies
// in a directory that only the two of them reach in either case.
type Auth string

const (
	AuthMTLS     Auth = "mtls"     // certificates made for this run
	AuthPeerCred Auth = "peercred" // the kernel's word on the process behind the socket
)

// Limits of a manifest.
const (
	maxFile      = 256 << 10 // bytes
	maxProtocols = 32
	maxArgs      = 32
	maxText      = 1024 // bytes of any string
)

var (
	namePattern    = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)
	versionPattern = regexp.MustCompile(`^[0-9A-Za-z.+~-]{1,64}$`)
	sumPattern     = regexp.MustCompile(`^[0-9a-f]{64}$`)
	known          = []string{sdk.NeedTCP, sdk.NeedTLS, sdk.NeedUDP, sdk.NeedDTLS, sdk.NeedRaw, sdk.NeedESP, sdk.NeedClientCertificate}
)

// check says everything that is wrong with m, joined.
func (m Manifest) check() error {
	var all []error
	wrong := func(is bool, format string, args ...any) {
		if is {
			all = append(all, fmt.Errorf(format, args...))
		}
	}
	wrong(!namePattern.MatchString(m.Name), "name: 1 to 32 of a-z, 0-9 and -")
	wrong(!versionPattern.MatchString(m.Version), "version: 1 to 64 of letters, digits and .+~-")
	wrong(!sumPattern.MatchString(m.SHA256), "sha256: 64 lower-case hex digits")
	wrong(!filepath.IsAbs(m.Exec) || !plain(m.Exec), "exec: the path of the plugin's program")
	wrong(m.Auth != AuthMTLS && m.Auth != AuthPeerCred, "auth: %s or %s", AuthMTLS, AuthPeerCred)
	wrong(len(m.Args) > maxArgs || !slices.EqualFunc(m.Args, m.Args, func(a, _ string) bool { return plain(a) }),
		"args: at most %d texts of at most %d bytes without control characters", maxArgs, maxText)
	for _, need := range m.Needs {
		wrong(!slices.Contains(known, need), "needs: this host has no %.32q, update penstock", need)
	}
	if err := m.Options.Check(); err != nil {
		all = append(all, err)
	}
	return errors.Join(append(all, m.checkProtocols())...)
}

func (m Manifest) checkProtocols() error {
	if len(m.Protocols) == 0 || len(m.Protocols) > maxProtocols {
		return fmt.Errorf("protocol: there must be 1 to %d", maxProtocols)
	}
	seen := map[string]bool{}
	for _, p := range m.Protocols {
		if !namePattern.MatchString(p.Name) || seen[p.Name] || !plain(p.Label) {
			return fmt.Errorf("protocol %.32q: names are unique, 1 to 32 of a-z, 0-9 and -, labels plain text", p.Name)
		}
		if p.TLSPort < 0 || p.TLSPort > 65535 {
			return fmt.Errorf("protocol %.32q: tls-port is no port", p.Name)
		}
		seen[p.Name] = true
	}
	return nil
}

// plain is a text of one line, of bounded length.
func plain(s string) bool {
	return len(s) <= maxText && strings.ToValidUTF8(s, "\x00") == s && !strings.ContainsFunc(s, unicode.IsControl)
}
