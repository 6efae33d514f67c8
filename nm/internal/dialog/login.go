package dialog

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/host/ui/callback"
	"github.com/penstock-vpn/penstock/nm/internal/ask"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// loginPatience is how long a login in a window of ours may take: NetworkManager gives
// an agent 120 s.
const loginPatience = 110 * time.Second

var errCancelled = errors.New("the login was cancelled")

// login brings the user to the page of q. What comes of it is given back without a
// question if the agent takes that, and asked for otherwise.
func (d *Dialog) login(ctx context.Context, q ask.Question) (sheet, error) {
	s := sheet{title: "Authenticate VPN " + ui.Line(d.Args.Name), text: q.Message()}
	page, err := url.Parse(q.Sso.URL)
	if err != nil || page.Host == "" || page.Scheme != "https" && page.Scheme != "http" {
		return s, errors.New("the login page has no web address")
	}
	if !d.Args.Interact {
		return s, nil
	}
	e := entry{Field: ask.Field{Key: q.Keys()[0], Secret: true}, asked: true}
	switch {
	case q.Sso.Loopback:
		e, s.text = d.loopback(ctx, e, page.String())
	case q.Sso.Scheme != "":
		e, s.text, err = d.scheme(ctx, e, page.String(), q.Sso.Scheme)
	default:
		e, s.text, err = d.cookie(ctx, e, *q.Sso)
	}
	if err != nil {
		return s, err
	}
	if text := q.Message(); text != "" {
		s.text = text + "\n" + s.text
	}
	s.entries = []entry{e}
	return s, nil
}

// silent says whether what we find out arrives without a question.
func (d *Dialog) silent() bool { return !d.Args.External || d.agent.takesSilent() }

// loopback needs no more than the browser: the service sees it end.
func (d *Dialog) loopback(ctx context.Context, e entry, page string) (entry, string) {
	err := d.open(ctx, page)
	if err == nil && d.silent() {
		e.value, e.asked = ask.Opened, false
		return e, ""
	}
	how := "Log in with a browser on this machine"
	if err == nil {
		how = "Log in with the browser that is being opened"
	}
	e.Label = `"done", or the address that the browser ended at`
	return e, how + ":\n  " + page + "\n" +
		`and type "done" here when the page is there; the login itself may take its time.` + "\n" +
		"With a browser on another machine, log in first and paste the address that it ended at."
}

// found has look find out what the login ends with. Without an answer it is asked for.
func (d *Dialog) found(ctx context.Context, e entry, look func(context.Context) (string, error)) (_ entry, done bool, err error) {
	if !d.silent() {
		return e, false, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, loginPatience, fmt.Errorf("the login took longer than %s", loginPatience))
	defer cancel()
	value, err := look(ctx)
	if errors.Is(err, errByHand) {
		return e, false, nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil && d.Args.External && d.agent == gnomeShell {
		value, err = ask.Cancelled, nil // it takes an end without an answer as an empty one
	}
	e.value, e.asked = value, false
	return e, true, err
}

// scheme waits for what the browser has the desktop open, or has the user copy it.
func (d *Dialog) scheme(ctx context.Context, e entry, page, scheme string) (entry, string, error) {
	e, done, err := d.found(ctx, e, func(ctx context.Context) (string, error) {
		l, err := callback.Listen(scheme, os.Getuid())
		if err != nil {
			return "", errByHand
		}
		defer l.Close()
		if err := d.open(ctx, page); err != nil {
			return "", errByHand
		}
		return l.Wait(ctx)
	})
	if done {
		return e, "", err
	}
	e.Label = "Address of the last link"
	return e, "The end of this login has to be copied by hand here: " + d.how(ctx, page) + "The last page has a link that begins with " + ui.Line(scheme) + ": - copy its address to here.", nil
}

// how says what a person does with a page, and opens it.
func (d *Dialog) how(ctx context.Context, page string) string {
	how := "open"
	if d.open(ctx, page) == nil {
		how = "log in with the browser that is being opened:"
	}
	return how + "\n  " + ui.Line(page) + "\n"
}

// cookie watches a browser of its own for the cookie, or has the user copy it.
func (d *Dialog) cookie(ctx context.Context, e entry, s ask.Sso) (entry, string, error) {
	e, done, err := d.found(ctx, e, func(ctx context.Context) (string, error) { return d.watch(ctx, s) })
	if done {
		return e, "", err
	}
	name := ui.Line(s.Cookie)
	e.Label = "Value of the cookie " + name
	text := "The end of this login is a cookie, which has to be copied by hand here: " + d.how(ctx, s.URL)
	if final := ui.Line(s.FinalURL); final != "" {
		text += "When the page is\n  " + final + "\n"
	}
	return e, text + "open the browser's developer tools (F12), Storage or Application, Cookies, and copy the value of " + name + ".", nil
}

// errByHand says that no browser can be watched here.
var errByHand = errors.New("no browser can be watched here")

// byHand is the Prompter after ui.Cookies.
type byHand struct{}

func (byHand) Ask(context.Context, prompt.Prompt) (prompt.Answer, error) {
	return prompt.Answer{}, errByHand
}

func (d *Dialog) watch(ctx context.Context, s ask.Sso) (string, error) {
	answer, err := d.cookies.Ask(ctx, prompt.Prompt{Sso: &prompt.Sso{URL: s.URL,
		Cookies: &prompt.Cookies{Cookie: s.Cookie, FinalURL: s.FinalURL, ErrorCookie: s.ErrorCookie}}})
	if err == nil && answer.Cancelled {
		return "", errCancelled
	}
	return answer.Values[s.Cookie], err
}
