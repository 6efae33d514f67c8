package dialog

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// quitPatience is how long we wait to be let go, after the answer.
const quitPatience = 20 * time.Second

// classic asks in windows of its own and prints
//
//	key
//	value
//	...
//	(two empty lines)
//
// and waits to be let go.
func (d *Dialog) classic(ctx context.Context, s sheet, in *bufio.Reader) error {
	answers, err := askAll(ctx, s)
	if err != nil {
		return err
	}
	var b strings.Builder
	for i, e := range s.entries {
		value, _, _ := strings.Cut(answers[i], "\n") // no more has room
		if value != "" {
			fmt.Fprintf(&b, "%s\n%s\n", e.Key, value)
		}
	}
	if _, err := io.WriteString(d.Out, b.String()+"\n\n"); err != nil {
		return err
	}
	let := make(chan struct{})
	go func() {
		awaitQuit(in)
		close(let)
	}()
	select {
	case <-let:
	case <-time.After(quitPatience):
	case <-ctx.Done():
	}
	return nil
}

// askAll shows a window for each entry that is to be asked.
func askAll(ctx context.Context, s sheet) ([]string, error) {
	var answers []string
	var tools toolkit
	for _, e := range s.entries {
		if !e.asked {
			answers = append(answers, e.value)
			continue
		}
		if tools == nil {
			var err error
			if tools, err = findToolkit(); err != nil {
				return nil, err
			}
		}
		answer, err := show(ctx, tools, s, e)
		if err != nil {
			return nil, err
		}
		answers = append(answers, answer)
	}
	return answers, nil
}
