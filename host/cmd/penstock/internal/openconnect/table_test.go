package openconnect

import (
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/host"
	schema "github.com/penstock-vpn/penstock/sdk/option"
)

// known is the host's options and those of the two plugins that matter here.
func known() schema.Schema {
	s := host.CommonOptions()
	for _, key := range []string{"cookie", "usergroup", "authgroup", "csd-wrapper", "no-dtls", "disable-ipv6", "useragent", "os", "version-string",
		"local-hostname", "no-xmlpost", "no-http-keepalive", "dtls-ciphers"} {
		o := schema.Option{Key: key, Label: key}
		switch key {
		case "no-dtls", "disable-ipv6", "no-xmlpost", "no-http-keepalive":
			o.Type = schema.Bool
		case "dtls-ciphers":
			o.Type = schema.List
		}
		s = append(s, o)
	}
	return append(s, schema.Option{Key: "force-dpd", Type: schema.Duration, Label: "x", Min: 1, Max: 3600},
		schema.Option{Key: "force-trojan", Type: schema.Duration, Label: "x", Min: 10, Max: 604800})
}

// request parses args with text at standard input.
func request(t *testing.T, text string, args ...string) (*Request, error) {
	t.Helper()
	t.Setenv("https_proxy", "")
	in := filepath.Join(t.TempDir(), "stdin")
	if err := os.WriteFile(in, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(in)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return parse("openconnect", args, f, false)
}

// option is what the profile's option key becomes.
func value(key string) func(*Request) string {
	return func(r *Request) string {
		p, err := r.profile(known(), 7)
		if err != nil {
			return err.Error()
		}
		return p.Options[key]
	}
}

func secretOf(key string) func(*Request) string {
	return func(r *Request) string {
		p, err := r.profile(known(), 7)
		if err != nil {
			return err.Error()
		}
		kept := p.Secrets[key]
		return kept.Reveal()
	}
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func here(t *testing.T) *user.User {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return me
}

// Every option has its effect, or is refused by name.
func TestEveryOption(t *testing.T) {
	t.Setenv("https_proxy", "")
	me := here(t)
	hostname, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		option string
		args   string // "" : none
		got    func(*Request) string
		want   string
	}{
		{"background", "-b", func(r *Request) string { return yes(r.background) }, "yes"},
		{"pid-file", "--pid-file=/run/x", func(r *Request) string { return r.pidFile }, "/run/x"},
		{"setuid", "-U " + me.Username, func(r *Request) string { return yes(r.setuid == nil) }, "yes"},
		{"script-tun", "-S", func(r *Request) string { return yes(r.scriptTun) }, "yes"},
		{"syslog", "-l", func(r *Request) string { return yes(r.syslog) }, "yes"},
		{"csd-user", "--csd-user " + me.Uid, func(r *Request) string { return r.csdUser }, me.Username},
		{"csd-wrapper", "--csd-wrapper=/bin/true", value("csd-wrapper"), "/bin/true"},
		{"external-browser", "--external-browser=firefox", func(r *Request) string { return r.browser }, "firefox"},
		{"pfs", "--pfs", value("protocol"), "anyconnect"},
		{"certificate", "-c /x.pem", value("usercert"), "/x.pem"},
		{"certificate", "-c pkcs11:token=a;id=%01", value("usercert"), "pkcs11:token=a;id=%01"},
		{"sslkey", "-k /x.key", value("userkey"), "/x.key"},
		{"cookie", "-C abc", secretOf("cookie"), "abc"},
		{"compression", "--compression=none", value("protocol"), "anyconnect"},
		{"compression", "--compression=stateless", value("protocol"), "anyconnect"},
		{"no-deflate", "-D", value("protocol"), "anyconnect"},
		{"cert-expire-warning", "-e 10", value("cert-expire-warning"), "10"},
		{"usergroup", "-g staff", value("gateway"), "https://host/staff"},
		{"usergroup", "-g gateway:prelogin-cookie --protocol=gp", value("usergroup"), "gateway:prelogin-cookie"},
		{"interface", "-i tun7", value("interface"), "tun7"},
		{"mtu", "-m 1300", value("mtu"), "1300"},
		{"mtu", "-m 3", value("mtu"), "576"},
		{"base-mtu", "--base-mtu=1400", value("base-mtu"), "1400"},
		{"script", "-s /bin/true", value("script"), "/bin/true"},
		{"timestamp", "--timestamp", func(r *Request) string { return yes(r.timestamp) }, "yes"},
		{"passtos", "--passtos", value("passtos"), "true"},
		{"key-password", "-p secret", secretOf("key-password"), "secret"},
		{"proxy", "-P http://proxy", value("proxy"), "http://proxy:80"},
		{"proxy", "-P proxy:3128", value("proxy"), "http://proxy:3128"},
		{"proxy", "-P socks://u:p@proxy", value("proxy"), "socks5://u@proxy:1080"},
		{"proxy", "-P socks5://u:p@proxy", secretOf("proxy-password"), "p"},
		{"proxy-auth", "-P http://u:p@proxy --proxy-auth=ntlm,Basic", secretOf("proxy-password"), "p"},
		{"user", "-u alice", func(r *Request) string { return r.user }, "alice"},
		{"verbose", "-vv", func(r *Request) string { return yes(r.verbosity == levelTrace) }, "yes"},
		{"cafile", "--cafile=/ca.pem", value("cacert"), "/ca.pem"},
		{"cafile", "--cafile=/ca.pem", value("system-trust"), "yes"},
		{"no-system-trust", "--no-system-trust", value("system-trust"), "no"},
		{"no-dtls", "--no-dtls", value("no-dtls"), "true"},
		{"authenticate", "--authenticate", func(r *Request) string { return yes(r.print == printAuthentication && r.loginOnly()) }, "yes"},
		{"cookieonly", "--cookieonly", func(r *Request) string { return yes(r.print == printCookieOnly && r.loginOnly()) }, "yes"},
		{"printcookie", "--printcookie", func(r *Request) string { return yes(r.print == printCookie && !r.loginOnly()) }, "yes"},
		{"quiet", "-q", func(r *Request) string { return yes(r.verbosity == levelError) }, "yes"},
		{"queue-len", "-Q 32", value("queue-len"), "32"},
		{"queue-len", "-Q 0", value("queue-len"), "1"},
		{"cookie-on-stdin", "--cookie-on-stdin", secretOf("cookie"), "first"},
		{"passwd-on-stdin", "--passwd-on-stdin", func(r *Request) string { return *r.password }, "first"},
		{"no-passwd", "--no-passwd", func(r *Request) string { return yes(r.noPasswd) }, "yes"},
		{"reconnect-timeout", "--reconnect-timeout 60", value("reconnect-timeout"), "1m"},
		{"reconnect-timeout", "--reconnect-timeout 0", value("reconnect-timeout"), "1s"},
		{"dtls-ciphers", "--dtls-ciphers=A:B", value("dtls-ciphers"), "A,B"},
		{"dtls12-ciphers", "--dtls12-ciphers=A", value("dtls-ciphers"), "A"},
		{"authgroup", "--authgroup=staff", value("authgroup"), "staff"},
		{"servercert", "--servercert pin-sha256:AAAA --servercert sha1:bbbb", value("servercert"), "pin-sha256:AAAA,sha1:bbbb"},
		{"servercert", "--servercert sha256:aaaa", value("system-trust"), "no"},
		{"servercert", "--servercert aabbccdd", value("servercert"), "sha1:aabbccdd"},
		{"resolve", "--resolve a:192.0.2.1 --resolve b:2001:db8::1", value("resolve"), "a:192.0.2.1,b:2001:db8::1"},
		{"key-password-from-fsid", "--key-password-from-fsid -c /etc/passwd", func(r *Request) string { return yes(len(secretOf("key-password")(r)) > 1) }, "yes"},
		{"useragent", "--useragent=x", value("useragent"), "x"},
		{"version-string", "--version-string=x", value("version-string"), "x"},
		{"local-hostname", "--local-hostname=x", value("local-hostname"), "x"},
		{"local-hostname", "", value("local-hostname"), hostname},
		{"disable-ipv6", "--disable-ipv6", value("disable-ipv6"), "true"},
		{"no-proxy", "--proxy x --no-proxy", value("proxy"), ""},
		{"no-http-keepalive", "--no-http-keepalive", value("no-http-keepalive"), "true"},
		{"force-dpd", "--force-dpd 30", value("force-dpd"), "30s"},
		{"force-dpd", "--force-dpd 0", value("force-dpd"), ""},
		{"force-trojan", "--force-trojan 3", value("force-trojan"), "10s"},
		{"non-inter", "--non-inter", func(r *Request) string { return yes(r.nonInter) }, "yes"},
		{"token-mode", "--token-mode=TOTP", func(r *Request) string { return r.tokenMode }, "totp"},
		{"token-secret", "--token-secret=@/x", func(r *Request) string { return r.tokenSecret }, "@/x"},
		{"os", "--os=win", value("os"), "win"},
		{"no-xmlpost", "--no-xmlpost", value("no-xmlpost"), "true"},
		{"dump-http-traffic", "--dump-http-traffic", func(r *Request) string { return yes(r.dumpHTTP && r.verbosity == levelDebug) }, "yes"},
		{"protocol", "--protocol gp", value("protocol"), "gp"},
		{"form-entry", "-F main:x=a=b", func(r *Request) string {
			return r.entries[0].form + " " + r.entries[0].field + " " + r.entries[0].value
		}, "main x a=b"},
	}
	tested := map[string]bool{"server": true, "config": true, "help": true, "version": true, "libproxy": true, "no-cert-check": true} // elsewhere
	for _, c := range cases {
		tested[c.option] = true
		r, err := request(t, "first\nsecond\n", append(strings.Fields(c.args), "host")...)
		if err != nil {
			t.Errorf("%s: %v", c.args, err)
			continue
		}
		if got := c.got(r); got != c.want {
			t.Errorf("%s: %q, want %q", c.args, got, c.want)
		}
	}
	for _, o := range table {
		if o.refused {
			args := []string{"--" + o.name, "host"}
			if o.argument {
				args = []string{"--" + o.name, "x", "host"}
			}
			if _, err := request(t, "", args...); err == nil || !strings.HasPrefix(err.Error(), "The option --"+o.name+" cannot be honoured: ") {
				t.Errorf("--%s: %v", o.name, err)
			}
		} else if !tested[o.name] {
			t.Errorf("--%s is not tested", o.name)
		}
	}
}

// Without the wanted words wrappers would not know what is wrong.
func TestWrongValues(t *testing.T) {
	for args, want := range map[string]string{
		"":                            "No server specified",
		"a b":                         "Too many arguments on command line",
		"--server=a b":                "Too many arguments on command line",
		"--protocol=foo x":            "Unknown VPN protocol 'foo'",
		"--token-mode=foo x":          "Invalid software token mode \"foo\"",
		"--token-mode=rsa x":          "The option --token-mode=rsa cannot be honoured: totp and hotp are known here",
		"--resolve=foo x":             "Missing colon in resolve option",
		"-F foo x":                    "Form field invalid. Use --form-entry=FORM_ID:OPT_NAME=VALUE",
		"-F foo=a:b x":                "Form field invalid. Use --form-entry=FORM_ID:OPT_NAME=VALUE",
		"--os=foo x":                  "Invalid OS identity \"foo\"\nAllowed values: linux, linux-64, win, mac-intel, android, apple-ios",
		"--compression=foo x":         "Invalid compression mode 'foo'",
		"--compression=all x":         "The option --compression=all cannot be honoured: packets are never compressed",
		"--no-cert-check x":           noCertCheck,
		"--proxy-auth=ntlm x":         "The option --proxy-auth=ntlm cannot be honoured: of the ways to log in to a proxy only Basic is known here",
		"--setuid nosuch-user x":      "Invalid user \"nosuch-user\": there is none",
		"--setuid 99999 x":            "Invalid user ID \"99999\": there is none",
		"--passwd-on-stdin x":         "fgets (stdin): no password came",
		"-h x":                        "",
		"--version":                   "version",
		"--mtu 1300 -V --nonsense --": "version",
	} {
		_, err := request(t, "", strings.Fields(args)...)
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v", args, err)
		}
	}
}

func TestGateway(t *testing.T) {
	for args, want := range map[string]string{
		"vpn.example.com":                           "https://vpn.example.com/",
		"vpn.example.com/group":                     "https://vpn.example.com/group",
		"vpn.example.com:8443":                      "https://vpn.example.com:8443/",
		"https://vpn.example.com:8443/g -g ignored": "https://vpn.example.com:8443/g",
		"https://[2001:db8::1]:8443":                "https://[2001:db8::1]:8443/",
		"--server https://vpn.example.com/x?y=z":    "https://vpn.example.com/x?y=z",
		"http://vpn.example.com":                    "Only https:// permitted for server URL",
		"https://":                                  "Failed to parse server URL 'https://'",
		"https://u:p@host/":                         "Failed to parse server URL 'https://u:p@host/'",
		"host:99999":                                "Failed to parse server URL 'host:99999'",
		"--protocol=gp host/gateway -g portal":      "https://host/gateway",
	} {
		r, err := request(t, "", strings.Fields(args)...)
		if err != nil {
			t.Fatal(err)
		}
		if got := value("gateway")(r); got != want {
			t.Errorf("%s: %s, want %s", args, got, want)
		}
	}
}

// What a protocol has no use for is refused, too.
func TestOptionsOfTheProtocol(t *testing.T) {
	r, err := request(t, "", "--no-xmlpost", "host")
	if err != nil {
		t.Fatal(err)
	}
	var wrong failure
	if _, err := r.profile(host.CommonOptions(), 7); !errors.As(err, &wrong) || !strings.Contains(string(wrong), "--no-xmlpost cannot be honoured: the protocol anyconnect") {
		t.Error(err)
	}
	r, err = request(t, "", "--cafile", "relative.pem", "host")
	if err != nil {
		t.Fatal(err)
	}
	if got := value("cacert")(r); !filepath.IsAbs(got) {
		t.Error(got)
	}
}

// Users are found by name and by number; the last one counts, and who this is already is none.
func TestSetuid(t *testing.T) {
	const nobody = 65534
	for args, want := range map[string]int{"-U nobody host": nobody, "-U 65534 -S -s x host": nobody, "-U 65534 -U " + here(t).Uid + " host": -1} {
		r, err := request(t, "", strings.Fields(args)...)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.setuid; (got != nil) != (want >= 0) || got != nil && got.uid != want {
			t.Errorf("%s: %+v", args, got)
		}
	}
}

func TestProxies(t *testing.T) {
	for text, want := range map[string]string{
		"ftp://x:3":        "Failed to parse proxy 'ftp://x:3'\nOnly http or socks(5) proxies supported",
		"http://u:p@x":     "The proxy's password would be sent by Basic, as it is: add --proxy-auth=Basic to have that, which is the one way known here",
		"http://u:p@x:%zz": "Failed to parse proxy '...@x:%zz'",
	} {
		r, err := request(t, "", "--proxy", text, "host")
		if err != nil {
			t.Fatal(err)
		}
		if got := value("proxy")(r); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
	r, err := request(t, "", "host")
	if err != nil {
		t.Fatal(err)
	}
	r.proxy = "http://env:3128"
	if got := value("proxy")(r); got != "http://env:3128" {
		t.Error(got)
	}
	for answer, want := range map[string]string{"direct://\n": "", "wpad:// socks://x:1 direct://": "socks://x:1", "http://p:8 direct://": "http://p:8"} {
		if got, err := firstProxy(answer); got != want || err != nil {
			t.Errorf("%q: %q %v", answer, got, err)
		}
	}
	if _, err := firstProxy("pac+http://x"); err == nil {
		t.Error("a kind that is not known was taken")
	}
	r.libproxy = true
	t.Setenv("PATH", t.TempDir())
	if got := value("proxy")(r); !strings.HasPrefix(got, "The option --libproxy cannot be honoured") {
		t.Error(got)
	}
}

func TestConnectionName(t *testing.T) {
	for in, want := range map[string]string{
		"vpn.example.com": "vpn.example.com-7", "2001:db8::1": "2001-db8--1-7", "": "-7", strings.Repeat("a", 90): strings.Repeat("a", 62) + "-7",
	} {
		if got := connectionName(in, 7); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}
