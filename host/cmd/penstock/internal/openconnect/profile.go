package openconnect

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/internal/control"
	schema "github.com/penstock-vpn/penstock/sdk/option"
	"github.com/penstock-vpn/penstock/sdk/secret"
)

// names are OpenConnect's, of options that have another one here.
var names = map[string]string{"usercert": "certificate", "userkey": "sslkey", "cacert": "cafile"}

const hostnameKey = "local-hostname"

// profile is the connection that r asks for, by the options that its protocol has.
func (r *Request) profile(known schema.Schema, pid int) (host.Profile, error) {
	p := host.Profile{Protocol: r.protocol, Options: schema.Values{}, Secrets: map[string]secret.String{}, Source: "command line"}
	gateway, err := r.gateway()
	if err != nil {
		return p, err
	}
	p.Name = connectionName(gateway.Hostname(), pid)
	p.Options["protocol"], p.Options["gateway"] = r.protocol, gateway.String()
	for key, value := range r.set {
		if _, there := known.Find(key); !there {
			return p, failed("The option --%s cannot be honoured: the protocol %s has nothing that it would change", spelled(key), r.protocol)
		}
		p.Options[key] = value
	}
	if _, there := known.Find(hostnameKey); there && p.Options[hostnameKey] == "" {
		p.Options[hostnameKey], _ = os.Hostname() // or else the sandbox's
	}
	r.trust(p.Options)
	if r.protocol == "gp" && strings.Trim(gateway.Path, "/") == "" && r.usergroup != "" {
		p.Options["usergroup"] = r.usergroup
	}
	if r.group != "" {
		p.Options["authgroup"] = r.group
	}
	if r.script != "" {
		p.Options["script"] = r.script
	}
	if err := r.secrets(p); err != nil {
		return p, err
	}
	if err := r.throughProxy(p, gateway); err != nil {
		return p, err
	}
	values, problems := known.Normalise(p.Options)
	for i := range problems {
		if !problems[i].Warning {
			return p, failed("The option --%s: %s. %s", spelled(problems[i].Option), problems[i].Summary, problems[i].Detail)
		}
	}
	p.Options = values
	return p, nil
}

func spelled(key string) string {
	if name, ok := names[key]; ok {
		return name
	}
	return key
}

// connectionName names the connection for `penstock status`: several may be to one gateway.
func connectionName(hostname string, pid int) string {
	suffix := "-" + strconv.Itoa(pid)
	name := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' {
			return c
		}
		return '-'
	}, strings.Trim(hostname, "."))
	if name = name[:min(len(name), 64-len(suffix))] + suffix; control.ValidName(name) {
		return name
	}
	return "openconnect" + suffix
}

// gateway is the server as a URL: HOST, HOST/GROUP, HOST:PORT or https://HOST:PORT/GROUP. A
// group in it comes before the option.
func (r *Request) gateway() (*url.URL, error) {
	if scheme, _, ok := strings.Cut(r.server, "://"); ok && scheme != "https" {
		return nil, failure("Only https:// permitted for server URL")
	}
	u, err := host.GatewayURL(r.server)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.ContainsAny(u.Hostname(), " _\\") {
		return nil, failed("Failed to parse server URL '%s'", r.server)
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return nil, failed("Failed to parse server URL '%s'", r.server)
		}
	}
	if u.Path == "" {
		u.Path = "/"
	}
	if u.Path == "/" && r.usergroup != "" && r.protocol != "gp" {
		u.Path = "/" + strings.TrimPrefix(r.usergroup, "/")
	}
	return u, nil
}

// trust says which certificates are good. A pin alone decides, as OpenConnect's page says.
func (r *Request) trust(o schema.Values) {
	var pins []string
	for _, pin := range r.pins {
		if !strings.Contains(pin, ":") {
			pin = "sha1:" + pin // of old
		}
		pins = append(pins, pin)
	}
	if len(pins) > 0 {
		o["servercert"] = strings.Join(pins, ",")
	}
	o["system-trust"] = "yes"
	if r.noSystem || len(pins) > 0 {
		o["system-trust"] = "no"
	}
}

func (r *Request) secrets(p host.Profile) error {
	if !r.cookie.Empty() {
		p.Secrets["cookie"] = r.cookie
	}
	if r.keySecret != nil {
		p.Secrets["key-password"] = *r.keySecret
	}
	if !r.keyFSID {
		return nil
	}
	key := p.Options["userkey"]
	if key == "" {
		key = p.Options["usercert"]
	}
	var st unix.Statfs_t
	if err := unix.Statfs(key, &st); err != nil {
		return failed("The option --key-password-from-fsid: %s: %s", key, errnoText(err))
	}
	id := uint64(uint32(st.Fsid.Val[0])) | uint64(uint32(st.Fsid.Val[1]))<<32
	p.Secrets["key-password"] = secret.New(strconv.FormatUint(id, 16))
	return nil
}

// proxyPorts are what proxies listen on whose URL names no port.
var proxyPorts = map[string]string{"http": "80", "socks5": "1080"}

// throughProxy sets the proxy of the command line, of libproxy or of $https_proxy.
func (r *Request) throughProxy(p host.Profile, gateway *url.URL) error {
	text := r.proxy
	if r.libproxy {
		found, err := askLibproxy(gateway)
		if err != nil {
			return err
		}
		text = found
	}
	if text == "" {
		return nil
	}
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return failed("Failed to parse proxy '%s'", r.withoutUser(text))
	}
	if slices.Contains([]string{"socks", "socks5h"}, u.Scheme) {
		u.Scheme = "socks5"
	}
	port := proxyPorts[u.Scheme]
	if port == "" {
		return failed("Failed to parse proxy '%s'\nOnly http or socks(5) proxies supported", u.Redacted())
	}
	if u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), port)
	}
	if password, has := u.User.Password(); has {
		if u.Scheme == "http" && !r.proxyBasic {
			return failure("The proxy's password would be sent by Basic, as it is: add --proxy-auth=Basic to have that, which is the one way known here")
		}
		p.Secrets["proxy-password"] = secret.New(password)
		u.User = url.User(u.User.Username())
	}
	u.Path, u.RawQuery, u.Fragment = "", "", ""
	p.Options["proxy"] = u.String()
	return nil
}

// withoutUser keeps a password out of a message about a URL that cannot be read.
func (r *Request) withoutUser(text string) string {
	if i := strings.LastIndex(text, "@"); i >= 0 {
		return "..." + text[i:]
	}
	return text
}

const libproxyPatience = 20 * time.Second

// askLibproxy asks libproxy's own program, which finds out what the desktop says.
func askLibproxy(gateway *url.URL) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), libproxyPatience)
	defer cancel()
	program, err := exec.LookPath("proxy")
	if err != nil {
		return "", failure("The option --libproxy cannot be honoured: the program `proxy` is missing; install libproxy-tools, or name the proxy with --proxy")
	}
	out, err := exec.CommandContext(ctx, program, (&url.URL{Scheme: "https", Host: gateway.Host, Path: "/"}).String()).Output()
	if err != nil {
		return "", failed("The option --libproxy: %s failed: %v", program, err)
	}
	return firstProxy(string(out))
}

// firstProxy takes the first proxy of a kind that is known here; "": none is needed.
func firstProxy(answer string) (string, error) {
	for _, word := range strings.Fields(answer) {
		switch scheme, _, _ := strings.Cut(word, "://"); scheme {
		case "direct":
			return "", nil
		case "http", "socks", "socks5":
			return word, nil
		}
	}
	return "", failure(fmt.Sprintf("The option --libproxy: among %q is no proxy of a kind that is known here", answer))
}
