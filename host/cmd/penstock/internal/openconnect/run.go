package openconnect

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/cmd/penstock/internal/asroot"
	"github.com/penstock-vpn/penstock/host/cmd/penstock/internal/daemon"
	"github.com/penstock-vpn/penstock/host/cmd/penstock/internal/scripttun"
	"github.com/penstock-vpn/penstock/host/netcfg"
	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/sdk/diag"
	schema "github.com/penstock-vpn/penstock/sdk/option"
	vpncscript "github.com/penstock-vpn/penstock/vpnc-script"
)

// run is one connection, or one login.
type run struct {
	p      *Program
	r      *Request
	out    *progress
	news   *news
	asker  *asker
	pid    daemon.PIDFile
	login  *host.Login    // once handed out
	root   *asroot.Helper // does for --setuid what needs root; nil: this process does
	hangup atomic.Bool    // a signal asked for that
}

func (p *Program) progress(r *Request) *progress {
	return &progress{out: p.Out, err: p.Err, verbosity: r.verbosity, timestamp: r.timestamp, aside: r.print != printNothing, now: time.Now}
}

func (p *Program) run(ctx context.Context, r *Request, known schema.Schema) int {
	profile, err := r.profile(known, os.Getpid())
	if err != nil {
		return p.complain(&Request{}, err)
	}
	c := &run{p: p, r: r, out: p.progress(r)}
	var t *token
	if r.tokenMode != "" {
		if t, err = newToken(r.tokenMode, r.tokenSecret); err != nil {
			return p.complain(&Request{}, err)
		}
	}
	if r.scriptTun && r.script == "" {
		return p.complain(&Request{}, failure("The option --script-tun needs a program that takes the packets: name it with --script"))
	}
	c.news = &news{out: c.out, protocol: r.protocol, noUDP: profile.Options["no-dtls"] == "true" || profile.Options["proxy"] != "", connected: c.up, hangsUp: c.hangup.Load}
	c.asker = newAsker(r, c.out, t, maps.Clone(profile.Secrets), c.others(profile))
	if r.pidFile != "" && p.Ready != nil {
		c.pid.Path = absolute(r.pidFile)
	}
	defer c.pid.Remove()
	if r.setuid != nil && !r.loginOnly() {
		if err := c.giveUpRoot(ctx, profile); err != nil {
			return p.complain(&Request{}, err)
		}
		if c.root != nil {
			defer c.root.Close() //nolint:errcheck // it has told of what the script did
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if r.protocol == "anyconnect" && r.cookie.Empty() {
		c.out.say(levelInfo, "POST %s", profile.Options["gateway"])
	}
	return c.finish(c.hold(ctx, profile, c.signals(ctx, cancel, profile.Name)))
}

// tunMTU is the device's until the gateway has said what it is to be.
const tunMTU = 1400

// giveUpRoot makes this process the user's for good. What needs root is done first, or
// stays with a process of root's own.
func (c *run) giveUpRoot(ctx context.Context, profile host.Profile) error {
	c.writePID() // the user may not be allowed to
	if !c.r.scriptTun {
		script := c.script()
		if err := vpncscript.New(script).Prepare(ctx, netcfg.Config{Interface: profile.Options["interface"]}); err != nil {
			return err
		}
		device, err := host.OpenTUN(profile.Options, tunMTU)
		if err != nil {
			return err
		}
		if c.root, err = asroot.Start(device, script); err != nil {
			return errors.Join(err, device.Close())
		}
	}
	if err := c.r.setuid.become(); err != nil {
		return failed("Failed to set uid %d: %v", c.r.setuid.uid, err)
	}
	return nil
}

func (c *run) script() vpncscript.Options {
	return vpncscript.Options{Script: c.r.script, PID: os.Getpid(), Logger: slog.New(c.out)}
}

func (c *run) hold(ctx context.Context, profile host.Profile, commands <-chan host.Command) error {
	settings := host.Settings{Logger: slog.New(c.out), Commands: commands, OnState: c.news.change, OnOpen: c.news.opened, Trust: c.asker.trust, LoginOnly: c.r.loginOnly()}
	if c.r.dumpHTTP {
		settings.Trace = func(text string) { c.out.say(levelDebug, "%s", strings.TrimRight(ui.Clean(text), "\n")) }
	}
	if c.r.print != printNothing {
		settings.OnLogin = c.loggedIn
	}
	var applier netcfg.Applier = scripttun.Applier{}
	switch {
	case c.r.loginOnly():
	case c.r.scriptTun:
		settings.OpenDevice = scripttun.Opener(c.script())
	case c.root != nil:
		settings.OpenDevice, applier = c.root.Device, c.root
	default:
		applier = vpncscript.New(c.script())
	}
	return c.p.Host(ctx, profile, c.asker, applier, settings)
}

// others answers what is no form: programs, browsers.
func (c *run) others(profile host.Profile) ui.Prompter {
	var last ui.Prompter = ui.Nobody{}
	if !c.r.nonInter {
		if t, ok := ui.OpenTerminal(); ok {
			last = t
		}
		last = ui.NewCookies(ui.NewBrowser(hostname(profile), c.p.Err, last).With(c.r.browser))
	}
	return ui.NewPrograms(profile.Options, c.r.csdUser, last)
}

func hostname(profile host.Profile) string {
	u, err := url.Parse(profile.Options["gateway"])
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// up is called when the tunnel stands for the first time.
func (c *run) up() {
	c.asker.up.Store(true)
	c.writePID()
	if c.r.syslog {
		c.out.useSyslog()
	}
	if c.p.Ready != nil {
		c.p.Ready.Announce(func() {})
	}
}

func (c *run) writePID() {
	if err := c.pid.Write(); err != nil {
		c.out.say(levelError, "Failed to open '%s' for write: %s", c.r.pidFile, errnoText(err))
	}
}

func (c *run) loggedIn(l host.Login) {
	c.login = &l
	if c.r.print == printCookie {
		_, _ = fmt.Fprintln(c.p.Out, l.Cookie.Reveal())
	}
}

// session prints what another program needs to go on with the session.
func (c *run) session() {
	l := c.login
	if c.r.print == printCookieOnly {
		_, _ = fmt.Fprintln(c.p.Out, l.Cookie.Reveal())
		return
	}
	name := l.Gateway.Hostname()
	where, resolve := name, ""
	if l.Address.IsValid() {
		where, resolve = bracketed(l.Address), name+":"+l.Address.String()
	}
	pin := ""
	if l.Certificate != nil {
		pin = host.Pin(l.Certificate)
	}
	for _, v := range [][2]string{
		{"COOKIE", l.Cookie.Reveal()}, {"HOST", where}, {"CONNECT_URL", connectURL(l.Gateway)}, {"FINGERPRINT", pin}, {"RESOLVE", resolve},
	} {
		_, _ = fmt.Fprintf(c.p.Out, "%s=%s\n", v[0], quoted(v[1]))
	}
}

// connectURL leaves out the port that needs no saying.
func connectURL(u *url.URL) string {
	return "https://" + strings.TrimSuffix(u.Host, ":443") + "/"
}

func bracketed(a netip.Addr) string {
	if a.Is6() {
		return "[" + a.String() + "]"
	}
	return a.String()
}

// quoted is a word for a shell: a gateway may say what it likes.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// finish says how it ended and returns the exit status.
func (c *run) finish(err error) int {
	switch {
	case err != nil && c.news.wasUp:
		return c.lost(diag.Of(err))
	case err != nil:
		return c.neverUp(diag.Of(err))
	case c.r.loginOnly() && c.login != nil:
		c.session()
		return 0
	case !c.news.wasUp:
		c.p.say("Failed to complete authentication")
		return exitFailed
	case c.hangup.Load():
		c.out.say(levelInfo, "User detached from session (SIGHUP); exiting.")
	default:
		c.out.say(levelInfo, "User cancelled (SIGINT/SIGTERM); exiting.")
	}
	return 0
}

// lost is the end of a tunnel that nobody asked for.
func (c *run) lost(d *diag.Diagnostic) int {
	switch {
	case d.Code == diag.AuthRefused:
		c.out.say(levelError, "Cookie was rejected by server; exiting.")
		return exitCookieRejected
	case d.Code == diag.SessionEnded:
		c.reason(d)
		c.out.say(levelError, "Session terminated by server; exiting.")
	case c.r.scriptTun && d.Code == diag.Unspecified:
		c.out.say(levelError, "Client connection terminated; exiting")
	default:
		c.reason(d)
		c.out.say(levelError, "%s; exiting", d.Summary)
	}
	return exitFailed
}

var pinIn = regexp.MustCompile(`pin-sha256:[A-Za-z0-9+/=]+`)

// neverUp is the end of a login or of a cookie.
func (c *run) neverUp(d *diag.Diagnostic) int {
	if d.Code == diag.Certificate && len(c.r.pins) > 0 {
		c.out.say(levelError, "None of the %d fingerprint(s) specified via --servercert match server's certificate: %s", len(c.r.pins), pinIn.FindString(d.Detail))
	} else {
		c.reason(d)
	}
	name := ""
	if gateway, err := c.r.gateway(); err == nil {
		name = gateway.Hostname()
	}
	if d.Code == diag.Unreachable {
		c.p.say("Failed to connect to host " + name)
	}
	if d.Code == diag.Unreachable || d.Code == diag.Certificate {
		c.p.say("Failed to open HTTPS connection to " + name)
	}
	if c.r.cookie.Empty() {
		c.p.say("Failed to complete authentication")
		return exitFailed
	}
	c.p.say("Creating SSL connection failed")
	// A gateway that is busy, or says no more than that, has rejected nothing.
	if d.Code == diag.AuthRefused && !strings.Contains(d.Summary, "refuses the tunnel") {
		c.out.say(levelError, "Cookie was rejected by server; exiting.")
		return exitCookieRejected
	}
	c.out.say(levelError, "Unknown error; exiting.")
	return exitFailed
}

func (c *run) reason(d *diag.Diagnostic) {
	c.out.say(levelError, "%s", ui.Line(d.Summary))
	if d.Detail != "" {
		c.out.say(levelError, "  %s", ui.Line(d.Detail))
	}
}
