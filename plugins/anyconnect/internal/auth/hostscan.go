package auth

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/aggregate"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// check has the host run the user's program, waits until the gateway has what it
// wants, and goes on with the login from its start.
func (l *login) check(ctx context.Context, s aggregate.HostScan) (*aggregate.Document, error) {
	l.scanned, l.scanToken = true, s.Token
	if !l.cfg.CSDWrapper {
		return nil, diag.New(diag.AuthRefused, "the gateway wants this computer checked (host scan)",
			"Name a program that reports to it: the option `csd-wrapper`, for example OpenConnect's csd-post.sh.").With("csd-wrapper")
	}
	l.cfg.User.Info("The gateway wants this computer checked; running the host-scan program.")
	if err := l.runWrapper(ctx, s); err != nil {
		return nil, err
	}
	l.http.Cookies.Set(l.url.Hostname(), "sdesktop", s.Token)
	if err := l.waitForScan(ctx, s.WaitURI); err != nil {
		return nil, err
	}
	return l.begin(ctx)
}

func (l *login) runWrapper(ctx context.Context, s aggregate.HostScan) error {
	answer, err := l.cfg.User.Ask(ctx, s.Program(l.url.Hostname(), l.answers.Chosen(), l.peer().PeerChain))
	if err != nil {
		return err
	}
	warning, err := aggregate.Scanned(answer)
	if warning != "" {
		l.cfg.User.Warn("%s", warning)
	}
	return err
}

// waitForScan asks the wait page, which refreshes itself until the gateway is done:
// then it is XML or a redirect.
func (l *login) waitForScan(ctx context.Context, waitURI string) error {
	page, err := l.url.Parse(waitURI)
	if err != nil || page.Hostname() != l.url.Hostname() {
		return diag.Newf(diag.Protocol, "the gateway's host-scan page is no address of the gateway")
	}
	for range l.pauses() {
		done, err := l.scanDone(ctx, page)
		if done || err != nil {
			return err
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return diag.New(diag.AuthRefused, "the gateway did not accept the host scan in time", "Check what the program named by `csd-wrapper` reports.").With("csd-wrapper")
}

func (l *login) pauses() int {
	if l.cfg.WaitPagePauses > 0 {
		return l.cfg.WaitPagePauses
	}
	return 600
}

func (l *login) scanDone(ctx context.Context, page *url.URL) (bool, error) {
	r, err := l.http.Do(ctx, "GET", page, nil, nil)
	if err != nil {
		return false, err
	}
	body := bytes.ToLower(bytes.TrimSpace(r.Body))
	switch {
	case r.Status/100 == 3, r.Status == 200 && bytes.HasPrefix(body, []byte("<?xml")):
		return true, nil
	case r.Status == 200 && bytes.Contains(body, []byte(`http-equiv="refresh"`)):
		return false, nil
	}
	return false, diag.New(diag.Protocol, fmt.Sprintf("the gateway's host-scan page answers with status %d and no sign of progress", r.Status), "Check what the program named by `csd-wrapper` reports.")
}
