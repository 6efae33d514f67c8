package dialog

import (
	"bufio"
	"context"
	"fmt"
	"io"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/nm/internal/adopt"
	"github.com/penstock-vpn/penstock/nm/internal/ask"
	"github.com/penstock-vpn/penstock/sdk/option"
)

// Dialog is one run for one agent.
type Dialog struct {
	Args Args
	In   io.Reader // the connection, then QUIT or nothing
	Out  io.Writer // what the agent reads

	agent   agent
	schema  func(protocol string) (option.Schema, error)
	open    func(ctx context.Context, page string) error
	cookies ui.Prompter
}

// New makes the Dialog of a command line; parent is the name of the agent's program.
func New(args Args, parent string, in io.Reader, out io.Writer) *Dialog {
	return &Dialog{Args: args, In: in, Out: out, agent: agent(parent), open: openPage, cookies: ui.NewCookies(byHand{}),
		schema: func(protocol string) (option.Schema, error) { return host.Schema(protocol, nil) }}
}

// Run returns when the agent has its answer. An error says why it has none.
func (d *Dialog) Run(ctx context.Context) error {
	in := bufio.NewReaderSize(d.In, maxLine)
	connection, err := d.read(ctx, in)
	if err != nil {
		return err
	}
	if d.Args.External && d.agent == gnomeShell {
		var cancel context.CancelCauseFunc
		ctx, cancel = context.WithCancelCause(ctx)
		defer cancel(nil)
		go func() { // it closes our input when the user has cancelled elsewhere
			awaitQuit(in)
			cancel(errQuit)
		}()
	}
	s, err := d.sheet(ctx, connection)
	if err != nil {
		return err
	}
	if d.Args.External {
		_, err := io.WriteString(d.Out, keyFile(s, d.agent))
		return err
	}
	return d.classic(ctx, s, in)
}

// read does not outlast ctx, whatever the agent does.
func (d *Dialog) read(ctx context.Context, in *bufio.Reader) (details, error) {
	type result struct {
		details
		err error
	}
	done := make(chan result, 1)
	go func() {
		got, err := readDetails(in)
		done <- result{got, err}
	}()
	select {
	case r := <-done:
		return r.details, r.err
	case <-ctx.Done():
		return details{}, fmt.Errorf("waiting for the agent: %w", context.Cause(ctx))
	}
}

// sheet finds out what the agent's request is about.
func (d *Dialog) sheet(ctx context.Context, connection details) (sheet, error) {
	if len(d.Args.Hints) == 0 {
		c, err := adopt.Of(d.Args.Service, connection.data, connection.secrets, d.schema)
		if err != nil {
			return sheet{}, err
		}
		s := stored(d.Args, c, d.schema)
		if c.Session {
			s = session(s, d.Args, c, d.agent)
		}
		return s, nil
	}
	q, err := ask.ParseHints(d.Args.Hints)
	switch {
	case err != nil:
		return sheet{}, err
	case q.Sso != nil:
		return d.login(ctx, q)
	}
	return question(q, d.Args, connection), nil
}

// awaitQuit returns at QUIT or at the end.
func awaitQuit(in *bufio.Reader) {
	for {
		if line, err := readLine(in); err != nil || line == "QUIT" {
			return
		}
	}
}
