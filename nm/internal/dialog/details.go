package dialog

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds of what an agent writes, in bytes. A reader's buffer is maxLine.
const (
	maxLine    = 128 << 10
	maxDetails = 1 << 20
)

var errQuit = errors.New("the agent does not want an answer any more")

// details are a connection's vpn.data and vpn.secrets.
type details struct {
	data, secrets map[string]string
}

// readDetails reads up to DONE and does not wait for more:
//
//	DATA_KEY=name
//	DATA_VAL=first line
//	=second line
//
//	SECRET_KEY=...
//	DONE
func readDetails(r *bufio.Reader) (details, error) {
	d := details{data: map[string]string{}, secrets: map[string]string{}}
	items, err := readItems(r)
	for i := 1; i < len(items); i++ {
		key, value := items[i-1], items[i]
		switch {
		case key.tag == "DATA_KEY" && value.tag == "DATA_VAL":
			d.data[key.text()] = value.text()
		case key.tag == "SECRET_KEY" && value.tag == "SECRET_VAL":
			d.secrets[key.text()] = value.text()
		}
	}
	return d, err
}

// item is a line TAG=text with those that continue it. An empty line is one too: it
// ends what may be continued.
type item struct {
	tag   string
	lines []string
}

func (i item) text() string { return strings.Join(i.lines, "\n") }

func readItems(r *bufio.Reader) ([]item, error) {
	var items []item
	for total := 0; total < maxDetails; {
		line, err := readLine(r)
		if err != nil {
			return nil, err
		}
		total += len(line) + 1
		last := len(items) - 1
		switch more, continues := strings.CutPrefix(line, "="); {
		case line == "DONE":
			return items, nil
		case line == "QUIT":
			return nil, errQuit
		case !continues:
			tag, text, _ := strings.Cut(line, "=")
			items = append(items, item{tag, []string{text}})
		case last >= 0 && items[last].tag != "":
			items[last].lines = append(items[last].lines, more)
		}
	}
	return nil, fmt.Errorf("the agent sends more than %d bytes", maxDetails)
}

func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", fmt.Errorf("the agent sends a line of more than %d bytes", r.Size())
	case errors.Is(err, io.EOF) && len(line) == 0:
		return "", errors.New("the agent ended without DONE")
	case err != nil && !errors.Is(err, io.EOF):
		return "", fmt.Errorf("read from the agent: %w", err)
	}
	return strings.TrimRight(string(line), "\r\n"), nil
}
