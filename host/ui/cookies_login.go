package ui

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// errClosed says that the user closed the window.
var errClosed = errors.New("the login window was closed")

// lookAgain is how often the cookies are looked at while no page changes: a script may
// set one at any time.
const lookAgain = 500 * time.Millisecond

// devtoolsCall tells the answers apart: one number a method is enough.
type devtoolsCall int

const (
	callDiscover devtoolsCall = iota + 1
	callAttach
	callNavigate
	callCookies
	callClose
)

// cookieLogin follows a login in a browser:
//
//	setDiscoverTargets -> targetCreated(page) -> attachToTarget -> navigate
//	targetInfoChanged, or time goes by -> getCookies -> the cookie is there: done
//	targetDestroyed, no page is left -> closed
type cookieLogin struct {
	page    string
	final   *url.URL
	cookies prompt.Cookies

	reached  bool            // a page was at the final address
	pages    map[string]bool // open ones, by target
	attached bool
}

// cookie is one of the browser's.
type cookie struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Domain string `json:"domain"` // with a dot before it: of all names below too
}

func (l *cookieLogin) watch(ctx context.Context, b *cookieBrowser) (string, error) {
	l.pages, l.attached = map[string]bool{}, false
	clock := time.NewTicker(lookAgain)
	defer clock.Stop()
	b.send(callDiscover, "", "Target.setDiscoverTargets", map[string]any{"discover": true})
	for {
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-clock.C:
			b.send(callCookies, "", "Storage.getCookies", nil)
		case m, ok := <-b.messages:
			if !ok && !l.attached {
				return "", errNotShown
			}
			if !ok {
				return "", errClosed
			}
			if value, err := l.take(b, m); value != "" || err != nil {
				return value, err
			}
		}
	}
}

func (l *cookieLogin) take(b *cookieBrowser, m devtoolsMessage) (string, error) {
	var is struct {
		TargetID  string   `json:"targetId"`
		SessionID string   `json:"sessionId"`
		Cookies   []cookie `json:"cookies"`
	}
	switch {
	case m.Method == "Target.targetCreated" || m.Method == "Target.targetInfoChanged":
		l.seen(b, m.Params)
	case m.Method == "Target.targetDestroyed" && json.Unmarshal(m.Params, &is) == nil:
		delete(l.pages, is.TargetID)
		if l.attached && len(l.pages) == 0 {
			return "", errClosed
		}
	case m.ID == callAttach && json.Unmarshal(m.Result, &is) == nil:
		b.send(callNavigate, is.SessionID, "Page.navigate", map[string]any{"url": l.page})
	case m.ID == callCookies && json.Unmarshal(m.Result, &is) == nil:
		return l.judge(is.Cookies)
	}
	return "", nil
}

// seen notes a page and where it is; the first one is sent to the login.
func (l *cookieLogin) seen(b *cookieBrowser, params json.RawMessage) {
	var is struct {
		Target struct {
			ID   string `json:"targetId"`
			Type string `json:"type"`
			URL  string `json:"url"`
		} `json:"targetInfo"`
	}
	if json.Unmarshal(params, &is) != nil || is.Target.Type != "page" {
		return
	}
	l.pages[is.Target.ID] = true
	if !l.attached {
		l.attached = true
		b.send(callAttach, "", "Target.attachToTarget", map[string]any{"targetId": is.Target.ID, "flatten": true})
		return
	}
	l.reached = l.reached || l.isFinal(is.Target.URL)
	b.send(callCookies, "", "Storage.getCookies", nil)
}

// isFinal compares addresses without what a page may add: query and fragment.
func (l *cookieLogin) isFinal(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == l.final.Scheme && origin(u) == origin(l.final) &&
		strings.TrimSuffix(u.Path, "/") == strings.TrimSuffix(l.final.Path, "/")
}

func origin(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if u.Scheme == "https" {
		return strings.TrimSuffix(host, ":443")
	}
	return strings.TrimSuffix(host, ":80")
}

func (l *cookieLogin) judge(all []cookie) (string, error) {
	value := ""
	for _, c := range all {
		switch {
		case c.Value == "" || !l.ofGateway(c):
		case c.Name == l.cookies.Cookie:
			value = c.Value
		case c.Name == l.cookies.ErrorCookie:
			return "", diag.New(diag.AuthRefused, "the gateway refused the login in the browser", "it says: "+Line(c.Value[:min(len(c.Value), 500)]))
		}
	}
	if !l.reached {
		return "", nil
	}
	return value, nil
}

// ofGateway keeps out cookies of the same name that other sites on the way set.
func (l *cookieLogin) ofGateway(c cookie) bool {
	host := strings.ToLower(l.final.Hostname())
	domain := strings.ToLower(c.Domain)
	return host == strings.TrimPrefix(domain, ".") || strings.HasPrefix(domain, ".") && strings.HasSuffix(host, domain)
}
