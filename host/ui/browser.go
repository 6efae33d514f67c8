package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"syscall"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// Browser sends people to web pages: it shows the address, opens the desktop's
// browser, and takes the answer on loopback or from `penstock callback`. Everything
// else is the next Prompter's.
type Browser struct {
	next    Prompter
	out     io.Writer
	gateway string // host that pages may be redirected to, beside the login page's
	open    func(address string) error
	person  func() (desktop, bool)
}

// NewBrowser writes addresses to out. gateway is the host name of the gateway.
func NewBrowser(gateway string, out io.Writer, next Prompter) *Browser {
	return &Browser{next: next, out: out, gateway: gateway, open: openBrowser, person: person}
}

// Ask serves an Sso that ends on loopback or with a scheme.
func (b *Browser) Ask(ctx context.Context, p prompt.Prompt) (prompt.Answer, error) {
	switch {
	case p.Sso != nil && p.Sso.Scheme != "":
		return b.scheme(ctx, p)
	case p.Sso == nil || p.Sso.Loopback == nil:
		return b.next.Ask(ctx, p)
	}
	return AwaitBrowser(ctx, *p.Sso, b.gateway, func(context.Context) (string, error) {
		b.show(p.Sso.URL)
		return "", nil
	})
}

func (b *Browser) show(address string) {
	_, _ = fmt.Fprintf(b.out, "Log in with a browser on this machine:\n  %s\n", Line(address))
	switch err := b.open(address); {
	case errors.Is(err, errNoDesktop):
	case err != nil:
		_, _ = fmt.Fprintf(b.out, "The browser could not be started (%v): open the address yourself.\n", err)
	default:
		_, _ = fmt.Fprintln(b.out, "The browser is being opened. Waiting for the login to end.")
	}
}

// AwaitBrowser has show bring a browser to the login page and waits for its call on
// loopback. show may return the address that a browser elsewhere ended at: then
// nothing is waited for. gateway is the gateway's host name.
func AwaitBrowser(ctx context.Context, s prompt.Sso, gateway string, show func(context.Context) (string, error)) (prompt.Answer, error) {
	page, err := url.Parse(s.URL)
	if err != nil || page.Host == "" || page.Scheme != "https" && page.Scheme != "http" {
		return prompt.Answer{}, diag.New(diag.Protocol, "the gateway's login page has no web address", "nothing was opened")
	}
	l, err := listenLoopback(*s.Loopback, []string{gateway, page.Hostname()})
	if err != nil {
		return prompt.Answer{}, err
	}
	defer l.close()
	address, err := show(ctx)
	if err != nil {
		return prompt.Answer{}, err
	}
	uri := ""
	if ended, err := url.Parse(address); err == nil && ended.Host != "" {
		uri = ended.RequestURI()
	} else if uri, err = l.wait(ctx); err != nil {
		return prompt.Answer{}, err
	}
	return prompt.Answer{Values: map[string]string{"request_uri": uri}}, nil
}

var errNoDesktop = errors.New("there is no graphical session")

// With has the browser be program, as the person at the machine; "" is the desktop's own.
func (b *Browser) With(program string) *Browser {
	if program != "" {
		b.open = func(address string) error {
			who, ok := person()
			if !ok {
				who = desktop{env: rootEnv()}
			}
			return startBrowser(who, program, address)
		}
	}
	return b
}

// openBrowser runs xdg-open as the person at the machine, never as root.
func openBrowser(address string) error {
	who, ok := person()
	if !ok || !who.reachable {
		return errNoDesktop
	}
	return startBrowser(who, "xdg-open", address)
}

func startBrowser(who desktop, program, address string) error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close() //nolint:errcheck // nothing was written
	cmd := exec.Command(program, address)
	cmd.Env, cmd.Dir = who.env, "/"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = null, null, null
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who.credential, Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	go cmd.Wait() //nolint:errcheck // the browser may well outlive us; this only reaps
	return nil
}
