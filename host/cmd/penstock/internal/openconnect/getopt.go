package openconnect

import (
	"fmt"
	"strings"
)

// words is argv while it is read as getopt_long of the GNU C library reads it: options
// and operands in any order, short options in one word, long ones abbreviated.
type words struct {
	program  string
	left     []string
	short    string // short options of the word under way
	operands []string
}

// badUsage is what getopt_long complains of; the usage follows.
type badUsage string

func (b badUsage) Error() string { return string(b) }

func (w *words) wrong(format string, args ...any) error {
	return badUsage(w.program + ": " + fmt.Sprintf(format, args...))
}

// next is the next option with its argument; nil: there is none, and operands are complete.
func (w *words) next() (*option, string, error) {
	if w.short != "" {
		return w.nextShort()
	}
	for len(w.left) > 0 {
		word := w.left[0]
		w.left = w.left[1:]
		switch {
		case word == "--":
			w.operands = append(w.operands, w.left...)
			w.left = nil
			return nil, "", nil
		case strings.HasPrefix(word, "--"):
			return w.long(word[2:])
		case len(word) > 1 && word[0] == '-':
			w.short = word[1:]
			return w.nextShort()
		}
		w.operands = append(w.operands, word)
	}
	return nil, "", nil
}

func (w *words) nextShort() (*option, string, error) {
	letter := w.short[0]
	w.short = w.short[1:]
	o := byLetter(letter)
	switch {
	case o == nil:
		return nil, "", w.wrong("invalid option -- '%c'", letter)
	case !o.argument:
		return o, "", nil
	case w.short != "":
		arg := w.short
		w.short = ""
		return o, arg, nil
	}
	arg, ok := w.take()
	if !ok {
		return nil, "", w.wrong("option requires an argument -- '%c'", letter)
	}
	return o, arg, nil
}

func (w *words) take() (string, bool) {
	if len(w.left) == 0 {
		return "", false
	}
	arg := w.left[0]
	w.left = w.left[1:]
	return arg, true
}

func (w *words) long(text string) (*option, string, error) {
	name, value, given := strings.Cut(text, "=")
	found := match(name)
	switch {
	case len(found) == 0:
		return nil, "", w.wrong("unrecognized option '--%s'", text)
	case len(found) > 1:
		list := ""
		for _, o := range found {
			list += " '--" + o.name + "'"
		}
		return nil, "", w.wrong("option '--%s' is ambiguous; possibilities:%s", text, list)
	}
	o := found[0]
	switch {
	case given && !o.argument:
		return nil, "", w.wrong("option '--%s' doesn't allow an argument", o.name)
	case given || !o.argument:
		return o, value, nil
	}
	value, ok := w.take()
	if !ok {
		return nil, "", w.wrong("option '--%s' requires an argument", o.name)
	}
	return o, value, nil
}

// match is the option of that name, or those whose names begin so.
func match(name string) []*option {
	var found []*option
	for i := range table {
		o := &table[i]
		if o.name == name {
			return []*option{o}
		}
		if strings.HasPrefix(o.name, name) {
			found = append(found, o)
		}
	}
	return found
}

func byLetter(letter byte) *option {
	for i := range table {
		if table[i].letter == letter {
			return &table[i]
		}
	}
	return nil
}
