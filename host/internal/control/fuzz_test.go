package control

import (
	"bufio"
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// FuzzLines: whatever a client or server sends, the lines are bounded, a request is
// one of the four, and a response comes back as it was written.
func FuzzLines(f *testing.F) {
	f.Add([]byte("{\"command\":\"status\"}\n{\"command\":\"disconnect\"}\n"))
	f.Add([]byte("{\"status\":{\"name\":\"a\",\"addresses\":[\"10.0.0.1/8\"],\"connected_at\":\"2026-01-01T00:00:00Z\"}}\n"))
	f.Add([]byte("{\"error\":\"no\"}\n"))
	f.Add([]byte("{\"status\":null}\nx"))
	f.Add([]byte(strings.Repeat("a", maxRequest) + "\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		lines := bufio.NewReaderSize(bytes.NewReader(stream), 16)
		for {
			line, err := readLine(lines, maxRequest)
			if err != nil {
				return
			}
			if len(line) >= maxRequest || bytes.Contains(line, []byte("\n")) {
				t.Fatalf("a line of %d bytes", len(line))
			}
			if r, err := parseRequest(line); err == nil && !strings.Contains("status disconnect hangup reconnect", string(r.Command)) {
				t.Fatalf("request %+v", r)
			}
			r, err := parseResponse(line)
			if err != nil {
				continue
			}
			again := roundTrip(t, r)
			if a, b := text(t, r), text(t, again); a != b {
				t.Fatalf("%s came back as %s", a, b)
			}
		}
	})
}

func roundTrip(t *testing.T, r response) response {
	t.Helper()
	var out bytes.Buffer
	if err := writeLine(&out, r); err != nil {
		t.Fatal(err)
	}
	line, err := readLine(bufio.NewReader(&out), maxResponse)
	if err != nil {
		t.Fatal(err)
	}
	again, err := parseResponse(line)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func text(t *testing.T, r response) string {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
