package openconnect

import (
	"fmt"
	"os"
	"strings"

	"github.com/penstock-vpn/penstock/sdk/secret"
)

// Verbosity, as OpenConnect counts it.
const (
	levelError = iota
	levelInfo
	levelDebug
	levelTrace
)

// printed is what of a session is printed.
type printed int

const (
	printNothing printed = iota
	printCookieOnly
	printCookie // and connect
	printAuthentication
)

// entry is one --form-entry.
type entry struct{ form, field, value string }

// Request is what a command line asks for.
type Request struct {
	protocol string
	server   string // as given
	servers  int    // how often

	user, group, usergroup string
	password               *string // from standard input; nil: not given
	entries                []entry
	noPasswd, nonInter     bool
	stdinAllowed           bool // passwords come from there, whatever nonInter says
	tokenMode, tokenSecret string

	cookie    secret.String
	keySecret *secret.String // passphrase of the key
	keyFSID   bool
	pins      []string
	noSystem  bool

	print      printed
	background bool
	pidFile    string
	setuid     *account
	csdUser    string
	browser    string

	verbosity            int
	syslog, timestamp    bool
	dumpHTTP             bool
	script               string
	scriptTun            bool
	proxy                string // URL, or libproxy's; "": none
	libproxy, proxyBasic bool

	set map[string]string // options of host and plugin

	inFile   bool
	notes    []string // for stderr
	stdin    *input
	launched bool // this process only starts the one in the background: it reads no secrets
}

// input is standard input, line by line.
type input struct{ file *os.File }

// maxInput bounds a line of standard input, in bytes.
const maxInput = 64 << 10

// line reads up to the next end of line, byte for byte: what follows may be for a
// program that this one starts. ok is false at the end.
func (in *input) line() (text string, ok bool) {
	var b strings.Builder
	one := make([]byte, 1)
	for b.Len() < maxInput {
		n, err := in.file.Read(one)
		if n == 1 && one[0] == '\n' {
			return strings.TrimSuffix(b.String(), "\r"), true
		}
		if n == 1 {
			b.WriteByte(one[0])
			continue
		}
		if err != nil {
			return b.String(), b.Len() > 0
		}
	}
	return b.String(), true
}

// parse reads argv.
func parse(program string, args []string, stdin *os.File, launched bool) (*Request, error) {
	r := &Request{protocol: "anyconnect", verbosity: levelInfo, set: map[string]string{}, stdin: &input{file: stdin}, launched: launched,
		proxy: os.Getenv("https_proxy")}
	w := &words{program: program, left: args}
	for {
		o, arg, err := w.next()
		if err != nil {
			return r, err
		}
		if o == nil {
			break
		}
		if err := o.set(r, arg); err != nil {
			return r, err
		}
	}
	for _, operand := range w.operands {
		r.server, r.servers = operand, r.servers+1
	}
	switch {
	case r.servers > 1:
		return r, badUsage("Too many arguments on command line")
	case r.servers == 0:
		return r, badUsage("No server specified")
	}
	if r.dumpHTTP {
		r.verbosity = max(r.verbosity, levelDebug)
	}
	return r, nil
}

func (r *Request) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}
