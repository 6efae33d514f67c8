package openconnect

// option is one of OpenConnect 9.01's. The order is its own: that is how several that
// an abbreviation may mean are listed.
type option struct {
	name     string
	letter   byte // 0: none
	argument bool
	value    string // the argument's word in the help
	group    int
	help     string // "": not shown, as OpenConnect does not
	set      func(*Request, string) error
	refused  bool
}

// Groups of the help.
const (
	groupGeneral = iota
	groupLogin
	groupServer
	groupInternet
	groupTwoPhase
	groupProcess
	groupLogging
	groupScript
	groupTunnel
	groupSystem
	groupScan
	groupBugs
	groupTwoCertificates
)

var groups = []string{"General", "Authentication", "Server validation", "Internet connectivity", "Authentication (two-phase)",
	"Process control", "Logging", "VPN configuration script", "Tunnel control", "Local system information",
	"Host check (CSD, HIP)", "Server bugs", "Two certificates"}

// table is filled in by init: its functions find options in it.
var table []option

func init() {
	table = []option{
		{name: "background", letter: 'b', group: groupProcess, help: "Go on in the background once connected", set: flag(func(r *Request) { r.background = true })},
		{name: "pid-file", argument: true, value: "FILE", group: groupProcess, help: "Write the id of the process in the background", set: text(func(r *Request, v string) { r.pidFile = v })},
		{name: "setuid", letter: 'U', argument: true, value: "USER", group: groupProcess, help: "Hold the connection as USER; only the script stays root's", set: setUser},
		{name: "script-tun", letter: 'S', group: groupScript, help: "Give packets to the script's program, in place of a TUN device", set: flag(func(r *Request) { r.scriptTun = true })},
		{name: "syslog", letter: 'l', group: groupLogging, help: "Tell the system's log how it goes, once connected", set: flag(func(r *Request) { r.syslog = true })},
		{name: "csd-user", argument: true, value: "USER", group: groupScan, help: "Run the host check as USER", set: setCSDUser},
		{name: "csd-wrapper", argument: true, value: "SCRIPT", group: groupScan, help: "Program that does the host check", set: file("csd-wrapper")},
		{name: "external-browser", argument: true, value: "PROGRAM", group: groupLogin, help: "Browser for logins in a web page", set: text(func(r *Request, v string) { r.browser = v })},
		{name: "pfs", group: groupTunnel, help: "Insist on forward secrecy, which is always so here", set: flag(func(*Request) {})},
		no("allow-insecure-crypto", 0, false, groupBugs, "3DES and RC4 are not there to be allowed"),
		{name: "certificate", letter: 'c', argument: true, value: "CERT", group: groupLogin, help: "Client certificate: PEM, PKCS#12, or a pkcs11: URI", set: file("usercert")},
		{name: "sslkey", letter: 'k', argument: true, value: "KEY", group: groupLogin, help: "Its private key, where that stands elsewhere", set: file("userkey")},
		{name: "cookie", letter: 'C', argument: true, value: "COOKIE", group: groupTwoPhase, help: "Go on with the session of this cookie", set: setCookie},
		{name: "compression", argument: true, value: "MODE", group: groupTunnel, help: "none, or stateless, which leaves it to the gateway", set: setCompression},
		no("deflate", 'd', false, groupTunnel, "packets are never compressed"),
		no("juniper", 0, false, groupGeneral, "write --protocol=nc"),
		{name: "no-deflate", letter: 'D', group: groupTunnel, help: "Do not compress, which is always so here", set: flag(func(*Request) {})},
		{name: "cert-expire-warning", letter: 'e', argument: true, value: "DAYS", group: groupLogin, help: "Warn of a client certificate that ends sooner", set: days("cert-expire-warning")},
		{name: "usergroup", letter: 'g', argument: true, value: "GROUP", group: groupLogin, help: "Group, as in the path of the server's address", set: text(func(r *Request, v string) { r.usergroup = v })},
		{name: "help", letter: 'h', group: groupGeneral, help: "Show this help", set: func(*Request, string) error { return badUsage("") }},
		no("http-auth", 0, true, groupLogin, "gateways are logged in to by their forms alone"),
		{name: "interface", letter: 'i', argument: true, value: "NAME", group: groupScript, help: "Name of the TUN device", set: to("interface")},
		{name: "mtu", letter: 'm', argument: true, value: "MTU", group: groupTunnel, help: "Largest packet inside the tunnel", set: size("mtu")},
		{name: "base-mtu", argument: true, value: "MTU", group: groupTunnel, help: "Largest packet on the way to the gateway", set: size("base-mtu")},
		{name: "script", letter: 's', argument: true, value: "SCRIPT", group: groupScript, help: "vpnc-script, a shell command; Penstock's own when absent", set: text(func(r *Request, v string) { r.script = v })},
		{name: "timestamp", group: groupLogging, help: "Put the time before each line", set: flag(func(r *Request) { r.timestamp = true })},
		{name: "passtos", group: groupInternet, help: "Show the TOS of inner packets outside too", set: on("passtos")},
		{name: "key-password", letter: 'p', argument: true, value: "PASS", group: groupLogin, help: "Passphrase of the private key", set: setKeyPassword},
		{name: "proxy", letter: 'P', argument: true, value: "URL", group: groupInternet, help: "Proxy: http://[user:pass@]host:port or socks5://", set: setProxy},
		{name: "proxy-auth", argument: true, value: "METHODS", group: groupInternet, help: "Ways to log in to the proxy, of which Basic is known", set: setProxyAuth},
		{name: "user", letter: 'u', argument: true, value: "NAME", group: groupLogin, help: "User name", set: text(func(r *Request, v string) { r.user = v })},
		{name: "verbose", letter: 'v', group: groupLogging, help: "Say more; may be repeated", set: flag(func(r *Request) { r.verbosity++ })},
		{name: "version", letter: 'V', group: groupGeneral, help: "Show the version", set: func(*Request, string) error { return errVersion }},
		{name: "cafile", argument: true, value: "FILE", group: groupServer, help: "Authorities to trust beside the system's", set: file("cacert")},
		{name: "config", argument: true, value: "FILE", group: groupGeneral, help: "Read options from FILE, without the dashes", set: func(r *Request, v string) error { return r.readConfigFile(v) }},
		{name: "no-dtls", group: groupTunnel, help: "Send all packets over TLS", set: on("no-dtls")},
		{name: "authenticate", group: groupTwoPhase, help: "Log in, print the session as shell variables, and end", set: prints(printAuthentication)},
		{name: "cookieonly", group: groupTwoPhase, help: "Log in, print the session's cookie, and end", set: prints(printCookieOnly)},
		{name: "printcookie", group: groupTwoPhase, help: "Print the session's cookie before connecting", set: prints(printCookie)},
		{name: "quiet", letter: 'q', group: groupLogging, help: "Say nothing but errors", set: flag(func(r *Request) { r.verbosity = levelError })},
		{name: "queue-len", letter: 'Q', argument: true, value: "LEN", group: groupTunnel, help: "Most packets taken from the device at a time", set: setQueue},
		no("xmlconfig", 'x', true, groupTunnel, "name the gateway itself; the profile that it hands out is read by itself"),
		{name: "cookie-on-stdin", group: groupTwoPhase, help: "Read the cookie from standard input", set: readCookie},
		{name: "passwd-on-stdin", group: groupLogin, help: "Read the password from standard input", set: readPassword},
		{name: "no-passwd", group: groupLogin, help: "Never answer a form that wants a password", set: flag(func(r *Request) { r.noPasswd = true })},
		{name: "reconnect-timeout", argument: true, value: "SECONDS", group: groupInternet, help: "How long to try again after the path was lost (300)", set: setReconnect},
		{name: "dtls-ciphers", argument: true, value: "LIST", group: groupTunnel, help: "DTLS cipher suites to offer", set: setCiphers}, {name: "dtls12-ciphers", argument: true, set: setCiphers},
		{name: "authgroup", argument: true, value: "GROUP", group: groupLogin, help: "Group to choose at the login", set: text(func(r *Request, v string) { r.group = v })},
		{name: "servercert", argument: true, value: "PIN", group: groupServer, help: "Accept only this certificate: pin-sha256:, sha256: or sha1:; may be repeated", set: text(func(r *Request, v string) { r.pins = append(r.pins, v) })},
		{name: "resolve", argument: true, value: "HOST:IP", group: groupInternet, help: "Address of a name, without asking for it", set: setResolve},
		{name: "key-password-from-fsid", group: groupLogin, help: "The key's passphrase is the id of its file system", set: flag(func(r *Request) { r.keyFSID = true })},
		{name: "useragent", argument: true, value: "TEXT", group: groupSystem, help: "What the client calls itself", set: to("useragent")},
		{name: "version-string", argument: true, value: "TEXT", group: groupSystem, help: "Version that the gateway is told", set: to("version-string")},
		{name: "local-hostname", argument: true, value: "NAME", group: groupSystem, help: "Host name that the gateway is told", set: to("local-hostname")},
		{name: "disable-ipv6", group: groupTunnel, help: "Ask for IPv4 only", set: on("disable-ipv6")},
		{name: "no-proxy", group: groupInternet, help: "Use no proxy, whatever $https_proxy says", set: flag(func(r *Request) { r.proxy, r.libproxy = "", false })},
		{name: "libproxy", group: groupInternet, help: "Ask libproxy's program `proxy` for the proxy", set: flag(func(r *Request) { r.proxy, r.libproxy = "", true })},
		{name: "no-http-keepalive", group: groupBugs, help: "A connection of its own for each request", set: on("no-http-keepalive")},
		{name: "no-cert-check", set: func(*Request, string) error { return failure(noCertCheck) }},
		{name: "force-dpd", argument: true, value: "SECONDS", group: groupTunnel, help: "How long the gateway may be silent before it is asked", set: seconds("force-dpd", 1)},
		{name: "force-trojan", argument: true, value: "SECONDS", group: groupScan, help: "How often the host check is done", set: seconds("force-trojan", 10)},
		{name: "non-inter", group: groupLogin, help: "Never ask anybody", set: flag(func(r *Request) { r.nonInter = true })},
		no("dtls-local-port", 0, true, groupInternet, "the kernel chooses the local port"),
		{name: "token-mode", argument: true, value: "MODE", group: groupLogin, help: "One-time codes to make: totp or hotp", set: setTokenMode},
		{name: "token-secret", argument: true, value: "TEXT", group: groupLogin, help: "Their secret: text, 0xHEX, base32:TEXT, each with ,COUNTER for hotp, or @FILE", set: text(func(r *Request, v string) { r.tokenSecret = v })},
		{name: "os", argument: true, value: "NAME", group: groupSystem, help: "linux, linux-64, win, mac-intel, android or apple-ios", set: setOS},
		{name: "no-xmlpost", group: groupBugs, help: "Log in by plain forms", set: on("no-xmlpost")},
		{name: "dump-http-traffic", group: groupLogging, help: "Show the conversation with the gateway, without secrets", set: flag(func(r *Request) { r.dumpHTTP = true })},
		{name: "no-system-trust", group: groupServer, help: "Do not trust the system's authorities", set: flag(func(r *Request) { r.noSystem = true })},
		{name: "protocol", argument: true, value: "NAME", group: groupGeneral, help: "anyconnect (default) or gp; nc, pulse, f5, fortinet and array where a plugin speaks them", set: setProtocol},
		{name: "form-entry", letter: 'F', argument: true, value: "FORM:FIELD=TEXT", group: groupLogin, help: "Answer to a field of a form", set: setFormEntry},
		no("gnutls-debug", 0, true, groupLogging, "there is no GnuTLS here; use --verbose"),
		no("gnutls-priority", 0, true, groupServer, "there is no GnuTLS here"),
		{name: "server", argument: true, value: "SERVER", group: groupInternet, help: "The gateway: host, host/group or https://host:port/group", set: text(func(r *Request, v string) { r.server, r.servers = v, r.servers+1 })},
	}
	for _, name := range []string{"mca-certificate", "mca-key", "mca-key-password"} {
		table = append(table, no(name, 0, true, groupTwoCertificates, "logins with two certificates are not known here"))
	}
}

const noCertCheck = "The --no-cert-check option was insecure and has been removed.\nFix your server's certificate or use --servercert to trust it."
