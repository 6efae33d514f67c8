package openconnect

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Bounds of a configuration file, in bytes: it holds options, not data.
const (
	maxConfigFile = 1 << 20
	maxConfigLine = 64 << 10
)

// readConfigFile has r follow a file of options, a line each without the dashes.
func (r *Request) readConfigFile(name string) error {
	if r.inFile {
		return failure("Cannot use 'config' option inside config file")
	}
	f, err := os.Open(name)
	if err != nil {
		return failed("Cannot open config file '%s': %s", name, errnoText(err))
	}
	defer f.Close() //nolint:errcheck // only read from
	r.inFile = true
	defer func() { r.inFile = false }()
	return r.readLines(io.LimitReader(f, maxConfigFile))
}

func (r *Request) readLines(from io.Reader) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(make([]byte, 4096), maxConfigLine)
	for number := 1; lines.Scan(); number++ {
		o, arg, err := parseLine(lines.Text(), number)
		if err == nil && o != nil {
			err = o.set(r, arg)
		}
		if err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return failed("Failed to get line from config file: %s", errnoText(err))
	}
	return nil
}

// parseLine reads "name", "name value" or "name=value"; nil is an empty line.
func parseLine(line string, number int) (*option, string, error) {
	line = strings.TrimLeft(line, " \t\r")
	if line == "" || line[0] == '#' {
		return nil, "", nil
	}
	o := named(line)
	if o == nil {
		word, _, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
		return nil, "", badUsage(fmt.Sprintf("Unrecognised option at line %d: '%s'", number, word))
	}
	value := strings.TrimLeft(line[len(o.name):], " \t")
	if o.argument && strings.HasPrefix(value, "=") {
		value = strings.TrimLeft(value[1:], " \t")
	}
	switch {
	case !o.argument && value != "":
		return nil, "", badUsage(fmt.Sprintf("Option '%s' does not take an argument at line %d", o.name, number))
	case o.argument && value == "":
		return nil, "", badUsage(fmt.Sprintf("Option '%s' requires an argument at line %d", o.name, number))
	}
	return o, value, nil
}

// named is the option whose whole name line begins with.
func named(line string) *option {
	for i := range table {
		rest, ok := strings.CutPrefix(line, table[i].name)
		if ok && (rest == "" || strings.ContainsAny(rest[:1], " \t=")) {
			return &table[i]
		}
	}
	return nil
}

// errnoText is the reason alone, in the C library's words: "No such file or directory".
func errnoText(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	text := err.Error()
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
