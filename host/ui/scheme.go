package ui

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"

	"github.com/penstock-vpn/penstock/host/ui/callback"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// SchemeAnswer is the value of the answer to an Sso that ends with a Scheme.
const SchemeAnswer = "address"

// scheme sends people to a page at whose end the desktop calls `penstock callback`.
// The next Prompter may bring the same address from the user; the first one counts.
func (b *Browser) scheme(ctx context.Context, p prompt.Prompt) (prompt.Answer, error) {
	l, err := callback.Listen(p.Sso.Scheme, b.user())
	if err != nil {
		_, _ = fmt.Fprintf(b.out, "The end of this login will not be noticed: %s.\n", Line(err.Error()))
	} else {
		defer l.Close()
	}
	end, err := b.showSso(*p.Sso)
	if err != nil {
		return prompt.Answer{}, err
	}
	defer end()
	if l == nil {
		return b.next.Ask(ctx, p)
	}
	return b.eitherWay(ctx, p, l)
}

// showSso shows the page of s by its address, or itself. Without a desktop a page goes
// into its address, for a browser elsewhere.
func (b *Browser) showSso(s prompt.Sso) (end func(), err error) {
	if s.HTML == "" {
		b.show(s.URL)
		return func() {}, nil
	}
	if who, ok := b.person(); !ok || !who.reachable {
		b.show("data:text/html;base64," + base64.StdEncoding.EncodeToString([]byte(s.HTML)))
		return func() {}, nil
	}
	address, end, err := ServePage(s.HTML)
	if err == nil {
		b.show(address)
	}
	return end, err
}

// eitherWay waits for the desktop and for the user.
func (b *Browser) eitherWay(ctx context.Context, p prompt.Prompt, l *callback.Listener) (prompt.Answer, error) {
	if _, nobody := b.next.(Nobody); nobody {
		return schemeAnswer(l.Wait(ctx))
	}
	asking, cancel := context.WithCancel(ctx)
	defer cancel()
	came := make(chan string, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if address, err := l.Wait(asking); err == nil {
			came <- address
			cancel()
		}
	}()
	answer, err := b.next.Ask(asking, p)
	cancel()
	<-ended
	select {
	case address := <-came:
		return schemeAnswer(address, nil)
	default:
		return answer, err
	}
}

func schemeAnswer(address string, err error) (prompt.Answer, error) {
	return prompt.Answer{Values: map[string]string{SchemeAnswer: address}}, err
}

// user is whose desktop hands addresses over.
func (b *Browser) user() int {
	if who, ok := b.person(); ok && who.credential != nil {
		return int(who.credential.Uid)
	}
	return os.Geteuid()
}
