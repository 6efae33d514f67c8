package pppcall

import (
	"context"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ppp"
	"github.com/penstock-vpn/penstock/sdk"
)

// do carries out what the machine wants, in order.
func (c *Call) do(effects []ppp.Effect) error {
	for _, e := range effects {
		if c.carrier.Over() {
			return nil
		}
		if err := c.effect(e); err != nil {
			return err
		}
	}
	return nil
}

func (c *Call) effect(e ppp.Effect) error {
	switch e := e.(type) {
	case ppp.Send:
		return c.carrier.Send(e)
	case ppp.Authenticated:
		return c.authenticated(e)
	case ppp.Encrypt:
		c.encrypted = true
		return c.carrier.Encrypt(e.Encryption)
	case ppp.Up:
		return c.up(e.Network)
	case ppp.AskPassword:
		c.person(c.o.NewPassword, e.Text, c.machine.NewPassword)
	case ppp.Ask:
		c.person(c.o.Ask, e.Text, c.machine.Answered)
	case ppp.Await:
		c.later(func() Answer { return c.await(e) })
	case ppp.Note:
		c.host.Info("%s", e.Text)
	case ppp.Trace:
		c.host.TraceText(e.Text + "\n")
	case ppp.Ended:
		return c.carrier.Ended(e.Err)
	}
	return nil
}

func (c *Call) await(e ppp.Await) Answer {
	if e.Do != nil {
		e.Do(c.ctx)
	}
	select {
	case <-e.Done:
	case <-c.ctx.Done():
	}
	return c.machine.Awaited
}

// authenticated binds the first login. What the gateway asks for later is within it.
func (c *Call) authenticated(a ppp.Authenticated) error {
	if c.carrier.Connected() {
		return nil
	}
	if a.Method == ppp.NoLogin {
		c.host.Warn("The gateway wants no login.")
	}
	c.Wait("with an address")
	if err := c.host.Phase(sdk.Negotiating); err != nil {
		return err
	}
	return c.carrier.Bind(a)
}

// person has somebody answer, who may take time.
func (c *Call) person(ask func(context.Context, string) (string, error), text string, answer func(time.Time, string, error) []ppp.Effect) {
	c.expires.Stop()
	c.later(func() Answer {
		said, err := ask(c.ctx, text)
		return func(now time.Time) []ppp.Effect {
			if c.waiting {
				c.expires.Reset(stepTime)
			}
			return answer(now, said, err)
		}
	})
}

// later has the machine get an answer when it is there.
func (c *Call) later(give func() Answer) {
	c.work.Go(func() {
		answer := give()
		select {
		case c.answers <- answer:
		case <-c.ctx.Done():
		}
	})
}

// up makes the tunnel: settings first, then the path. Later it is the settings alone.
func (c *Call) up(n ppp.Network) error {
	if err := c.host.Configure(c.ctx, c.settings(n)); err != nil {
		return sdk.Fail(sdk.Never, err)
	}
	if err := c.carrier.Up(n); err != nil {
		return err
	}
	c.Rest()
	return nil
}
