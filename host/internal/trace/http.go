package trace

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	requestLine = regexp.MustCompile(`^[A-Z_]{3,16} \S+ HTTP/1\.[01]$`)
	statusLine  = regexp.MustCompile(`^HTTP/1\.[01] [0-9]{3}( |$)`)
)

// parseHTTP makes a message again of lines that are all marked by "> " or "< "; nil when
// it is none. Its body may be shorter than it was, or not as it was coded: the fields that
// tell of that are set anew.
func parseHTTP(text string) (out bool, message []byte) {
	mark := "< "
	if out = strings.HasPrefix(text, "> "); out {
		mark = "> "
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if line == strings.TrimSpace(mark) { // an empty one, trimmed by somebody
			line = mark
		}
		rest, ok := strings.CutPrefix(line, mark)
		if !ok {
			return out, nil
		}
		lines[i] = strings.TrimRight(rest, "\r")
	}
	if first := lines[0]; out && !requestLine.MatchString(first) || !out && !statusLine.MatchString(first) {
		return out, nil
	}
	var b strings.Builder
	var body string
	for i, line := range lines {
		if line == "" {
			body = strings.Join(lines[i+1:], "\n")
			break
		}
		if !aboutLength(line) {
			b.WriteString(line + "\r\n")
		}
	}
	if body != "" || !out {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	return out, []byte(b.String() + "\r\n" + body)
}

func aboutLength(line string) bool {
	name, _, _ := strings.Cut(strings.ToLower(line), ":")
	return name == "content-length" || name == "transfer-encoding" || name == "content-encoding"
}
