package dialog

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/penstock-vpn/penstock/host/ui"
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
	e := entry{Field: ask.Field{Key: ask.KeySso, Secret: true}, asked: true}
	if q.Sso.Loopback {
		e, s.text = d.loopback(ctx, e, page.String())
	} else if e, s.text, err = d.cookie(ctx, e, *q.Sso); err != nil {
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

// cookie watches a browser of its own for the cookie, or has the user copy it.
func (d *Dialog) cookie(ctx context.Context, e entry, s ask.Sso) (entry, string, error) {
	if d.silent() {
		value, err := d.watch(ctx, s)
		if err != nil && !errors.Is(err, errByHand) && d.Args.External && d.agent == gnomeShell {
			value, err = ask.Cancelled, nil // it takes an end without an answer as an empty one
		}
		if err == nil {
			e.value, e.asked = value, false
			return e, "", nil
		}
		if !errors.Is(err, errByHand) {
			return e, "", err
		}
	}
	how := "open"
	if d.open(ctx, s.URL) == nil {
		how = "log in with the browser that is being opened:"
	}
	name := ui.Line(s.Cookie)
	e.Label = "Value of the cookie " + name
	text := "The end of this login is a cookie, which has to be copied by hand here: " + how + "\n  " + ui.Line(s.URL) + "\n"
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
	ctx, cancel := context.WithTimeoutCause(ctx, loginPatience, fmt.Errorf("the login took longer than %s", loginPatience))
	defer cancel()
	answer, err := d.cookies.Ask(ctx, prompt.Prompt{Sso: &prompt.Sso{URL: s.URL,
		Cookies: &prompt.Cookies{Cookie: s.Cookie, FinalURL: s.FinalURL, ErrorCookie: s.ErrorCookie}}})
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err == nil && answer.Cancelled:
		return "", errCancelled
	}
	return answer.Values[s.Cookie], err
}
