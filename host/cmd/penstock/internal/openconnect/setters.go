package openconnect

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock-vpn/penstock/sdk/secret"
)

// errVersion ends the parsing with --version.
var errVersion = errors.New("version")

// failure ends the program with the exit status 1, and these words.
type failure string

func (f failure) Error() string { return string(f) }

func failed(format string, args ...any) error { return failure(fmt.Sprintf(format, args...)) }

type setter = func(*Request, string) error

func flag(do func(*Request)) setter {
	return func(r *Request, _ string) error {
		do(r)
		return nil
	}
}

func text(do func(*Request, string)) setter {
	return func(r *Request, v string) error {
		do(r, v)
		return nil
	}
}

// to sets an option of the host or of the plugin.
func to(key string) setter { return text(func(r *Request, v string) { r.set[key] = v }) }

// on switches one on.
func on(key string) setter { return flag(func(r *Request) { r.set[key] = "true" }) }

// file sets one to a path; what is no file, a URI, stays.
func file(key string) setter {
	return text(func(r *Request, v string) {
		if !strings.HasPrefix(v, "pkcs11:") {
			if path, err := filepath.Abs(v); err == nil {
				v = path
			}
		}
		r.set[key] = v
	})
}

// no is an option that cannot be honoured, and why.
func no(name string, letter byte, argument bool, group int, why string) option {
	return option{name: name, letter: letter, argument: argument, group: group, refused: true, help: why, value: "...",
		set: func(*Request, string) error { return failed("The option --%s cannot be honoured: %s", name, why) }}
}

// number is what C's atoi reads: leading digits, 0 without any.
func number(v string) int {
	v = strings.TrimLeft(v, " \t")
	end := 0
	for end < len(v) && end < 9 && (v[end] >= '0' && v[end] <= '9' || end == 0 && v[end] == '-') {
		end++
	}
	n, _ := strconv.Atoi(v[:end])
	return n
}

// smallestMTU is what OpenConnect takes for smaller ones.
const smallestMTU = 576

func size(key string) setter {
	return func(r *Request, v string) error {
		n := number(v)
		if n < smallestMTU {
			r.note("MTU %d too small", n)
			n = smallestMTU
		}
		r.set[key] = strconv.Itoa(min(n, 65535))
		return nil
	}
}

// seconds sets a duration of at least so many; 0 leaves it to the gateway.
func seconds(key string, least int) setter {
	return text(func(r *Request, v string) {
		if n := number(v); n > 0 {
			r.set[key] = fmt.Sprintf("%ds", max(n, least))
		}
	})
}

func days(key string) setter {
	return text(func(r *Request, v string) { r.set[key] = strconv.Itoa(max(number(v), 0)) })
}

func prints(what printed) setter { return flag(func(r *Request) { r.print = what }) }

// setReconnect gives one moment where OpenConnect would not try again: 0 is without end.
func setReconnect(r *Request, v string) error {
	r.set["reconnect-timeout"] = fmt.Sprintf("%ds", max(number(v), 1))
	return nil
}

func setQueue(r *Request, v string) error {
	n := number(v)
	if n <= 0 {
		r.note("Queue length zero not permitted; using 1")
		n = 1
	}
	r.set["queue-len"] = strconv.Itoa(n)
	return nil
}

func setCookie(r *Request, v string) error {
	r.cookie = secret.New(v)
	return nil
}

func setKeyPassword(r *Request, v string) error {
	s := secret.New(v)
	r.keySecret = &s
	return nil
}

func readCookie(r *Request, _ string) error {
	if r.launched {
		return nil
	}
	line, _ := r.stdin.line()
	r.cookie = secret.New(line)
	return nil
}

func readPassword(r *Request, _ string) error {
	r.stdinAllowed = true
	if r.launched {
		return nil
	}
	line, ok := r.stdin.line()
	if !ok {
		return failure("fgets (stdin): no password came")
	}
	r.password = &line
	return nil
}

func setCompression(r *Request, v string) error {
	switch v {
	case "none", "off", "stateless":
		return nil
	case "all":
		return failure("The option --compression=all cannot be honoured: packets are never compressed")
	}
	return failed("Invalid compression mode '%s'", v)
}

func setCiphers(r *Request, v string) error {
	r.set["dtls-ciphers"] = strings.ReplaceAll(v, ":", ",")
	return nil
}

func setResolve(r *Request, v string) error {
	if !strings.Contains(v, ":") {
		return failure("Missing colon in resolve option")
	}
	if before := r.set["resolve"]; before != "" {
		v = before + "," + v
	}
	r.set["resolve"] = v
	return nil
}

func setProxy(r *Request, v string) error {
	r.proxy, r.libproxy = v, false
	return nil
}

func setProxyAuth(r *Request, v string) error {
	for method := range strings.SplitSeq(v, ",") {
		r.proxyBasic = r.proxyBasic || strings.EqualFold(strings.TrimSpace(method), "basic")
	}
	if !r.proxyBasic {
		return failed("The option --proxy-auth=%s cannot be honoured: of the ways to log in to a proxy only Basic is known here", v)
	}
	return nil
}

var systems = []string{"linux", "linux-64", "win", "mac-intel", "android", "apple-ios"}

func setOS(r *Request, v string) error {
	if !slices.Contains(systems, v) {
		return failed("Invalid OS identity \"%s\"\nAllowed values: %s", v, strings.Join(systems, ", "))
	}
	r.set["os"] = v
	return nil
}

// protocols are OpenConnect's names.
var protocols = []string{"anyconnect", "nc", "gp", "pulse", "f5", "fortinet", "array"}

func setProtocol(r *Request, v string) error {
	if !slices.Contains(protocols, v) {
		return failed("Unknown VPN protocol '%s'", v)
	}
	r.protocol = v
	return nil
}

func setTokenMode(r *Request, v string) error {
	switch mode := strings.ToLower(v); mode {
	case "totp", "hotp":
		r.tokenMode = mode
		return nil
	case "rsa", "yubioath", "oidc":
		return failed("The option --token-mode=%s cannot be honoured: totp and hotp are known here", mode)
	}
	return failed("Invalid software token mode \"%s\"", v)
}

func setFormEntry(r *Request, v string) error {
	where, value, ok := strings.Cut(v, "=")
	form, field, both := strings.Cut(where, ":")
	if !ok || !both || form == "" {
		return failure("Form field invalid. Use --form-entry=FORM_ID:OPT_NAME=VALUE")
	}
	r.entries = append(r.entries, entry{form, field, value})
	return nil
}
