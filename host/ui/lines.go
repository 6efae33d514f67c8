package ui

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"sync"

	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// Lines answers the password and code fields of forms with lines of a file, usually
// standard input: each line once, in order. The other fields, and all of them when
// there are no more lines, are the next Prompter's.
type Lines struct {
	next Prompter

	mu    sync.Mutex
	in    *input
	ended bool
}

// NewLines makes a Lines that reads from f when it is asked.
func NewLines(f *os.File, next Prompter) *Lines {
	return &Lines{next: next, in: &input{file: f}}
}

// Ask takes a line for each password or code and asks the next Prompter for the rest.
func (l *Lines) Ask(ctx context.Context, p prompt.Prompt) (prompt.Answer, error) {
	if p.Form == nil || len(p.Form.Fields) == 0 {
		return l.next.Ask(ctx, p)
	}
	values, rest, err := l.fill(ctx, p)
	if err != nil || len(rest.Form.Fields) == 0 {
		return prompt.Answer{Values: values}, err
	}
	answer, err := l.next.Ask(ctx, rest)
	if err != nil || answer.Cancelled {
		return answer, err
	}
	maps.Copy(values, answer.Values)
	return prompt.Answer{Values: values}, nil
}

func (l *Lines) fill(ctx context.Context, p prompt.Prompt) (map[string]string, prompt.Prompt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	values, form := map[string]string{}, prompt.Form{ID: p.Form.ID}
	for _, f := range p.Form.Fields {
		if hidden(f) {
			line, ok, err := l.take(ctx)
			if err != nil {
				return nil, p, err
			}
			if ok {
				values[f.Name] = line
				continue
			}
		}
		form.Fields = append(form.Fields, f)
	}
	p.Form = &form
	return values, p, nil
}

func (l *Lines) take(ctx context.Context) (string, bool, error) {
	if l.ended {
		return "", false, nil
	}
	line, err := l.in.line(ctx)
	if errors.Is(err, io.EOF) {
		l.ended = true
		return "", false, nil
	}
	return line, err == nil, err
}
