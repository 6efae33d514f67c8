package httpc

import (
	"bufio"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// read reads one answer from text.
func read(text string) (*Response, bool, error) {
	br := bufio.NewReader(strings.NewReader(text))
	r, err := readHead(br)
	if err != nil {
		return nil, false, err
	}
	sized, err := r.readBody(br)
	return r, sized, err
}

func TestReadResponse(t *testing.T) {
	for name, test := range map[string]struct {
		text   string
		status int
		header Header
		body   string
		sized  bool
	}{
		"length":       {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcrest", 200, Header{{"Content-Length", "3"}}, "abc", true},
		"to the end":   {"HTTP/1.0 512 Odd Status\r\n\r\nabc", 512, nil, "abc", false},
		"no reason":    {"HTTP/1.1 401\r\nContent-Length: 0\r\n\r\n", 401, Header{{"Content-Length", "0"}}, "", true},
		"chunks":       {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n", 200, Header{{"Transfer-Encoding", "Chunked"}}, "abcde", true},
		"bare newline": {"HTTP/1.1 200 OK\nContent-Length: 1\n\nx", 200, Header{{"Content-Length", "1"}}, "x", true},
		"repeated":     {"HTTP/1.1 204 None\r\nA: 1\r\nB: 2\r\na: 3\r\n\r\n", 204, Header{{"A", "1"}, {"B", "2"}, {"a", "3"}}, "", true},
		"continued":    {"HTTP/1.1 204 None\r\nA: 1\r\n  two\r\n\tthree\r\n\r\n", 204, Header{{"A", "1 two three"}}, "", true},
		"not a field":  {"HTTP/1.1 204 None\r\nnonsense\r\n: none\r\nA:1\r\n\r\n", 204, Header{{"A", "1"}}, "", true},
		"interim":      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 None\r\n\r\n", 204, nil, "", true},
	} {
		r, sized, err := read(test.text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if r.Status != test.status || !reflect.DeepEqual(r.Header, test.header) || string(r.Body) != test.body || sized != test.sized {
			t.Errorf("%s: got %d %v %q sized=%v", name, r.Status, r.Header, r.Body, sized)
		}
	}
}

func TestHostileResponses(t *testing.T) {
	ok := "HTTP/1.1 200 OK\r\n"
	for name, test := range map[string]struct{ text, says string }{
		"garbage":           {"SSH-2.0-OpenSSH_9.2\r\n", "no HTTP"},
		"no status":         {"HTTP/1.1 OK\r\n\r\n", "no"},
		"nothing":           {"", "closed the connection"},
		"half a head":       {ok + "A: 1\r\n", "closed the connection"},
		"10 MB header":      {ok + "A: " + strings.Repeat("x", 10<<20) + "\r\n\r\n", "larger than 64 KiB"},
		"endless line":      {strings.Repeat("H", MaxHead+1), "larger than 64 KiB"},
		"many fields":       {ok + strings.Repeat("A:\r\n", MaxFields+1) + "\r\n", "more than 4096"},
		"endless interim":   {strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 100), "without end"},
		"lying length":      {ok + "Content-Length: 10\r\n\r\nabc", "closed the connection"},
		"no length":         {ok + "Content-Length: -1\r\n\r\nabc", "no number"},
		"huge length":       {ok + "Content-Length: 9999999999\r\n\r\nabc", "larger than 1024 KiB"},
		"endless body":      {ok + "\r\n" + strings.Repeat("x", MaxBody+1), "larger than 1024 KiB"},
		"unknown encoding":  {ok + "Transfer-Encoding: gzip\r\n\r\n", "unknown"},
		"chunk of no size":  {ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "no size"},
		"chunk too long":    {ok + "Transfer-Encoding: chunked\r\n\r\n7fffffff\r\n", "larger than"},
		"chunk with a lie":  {ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", "does not end"},
		"endless chunks":    {ok + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1\r\nx\r\n", 100000), "larger than"},
		"endless trailer":   {ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("A: b\r\n", 100000), "larger than"},
		"chunk end missing": {ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nab", "closed the connection"},
	} {
		_, _, err := read(test.text)
		if d := diag.Of(err); err == nil || d.Code != diag.Protocol || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestRequestRefusesWhatWouldBreakIt(t *testing.T) {
	good := Request{Method: "GET", Target: "/", Host: "vpn.test"}
	for name, r := range map[string]Request{
		"target":   {Method: "GET", Target: "/\r\nEvil: 1", Host: "vpn.test"},
		"host":     {Method: "GET", Target: "/", Host: "vpn.test\r\nEvil: 1"},
		"value":    {Method: "GET", Target: "/", Host: "vpn.test", Header: Header{{"User-Agent", "a\nb"}}},
		"name":     {Method: "GET", Target: "/", Host: "vpn.test", Header: Header{{"User Agent", "a"}}},
		"relative": {Method: "GET", Target: "staff", Host: "vpn.test"},
		"nothing":  {Method: "GET", Host: "vpn.test"},
	} {
		if _, err := r.Append(nil); err == nil {
			t.Errorf("%s: was written", name)
		}
	}
	wire, err := good.Append(nil)
	if err != nil || string(wire) != "GET / HTTP/1.1\r\nHost: vpn.test\r\n\r\n" {
		t.Errorf("got %q, %v", wire, err)
	}
}

// An answer that was read, and is written in the plainest form, reads the same.
func FuzzReadResponse(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")
	f.Add("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nSet-Cookie: a=b; Secure\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
	f.Add("HTTP/1.0 401 No\nA: 1\n b\n\nrest")
	f.Fuzz(func(t *testing.T, text string) {
		r, _, err := read(text)
		if err != nil {
			return
		}
		if len(r.Body) > MaxBody || len(r.Header) > MaxFields || r.Status < 100 || r.Status > 999 {
			t.Fatalf("beyond the bounds: %d %d %d", r.Status, len(r.Header), len(r.Body))
		}
		if r.Status == 204 || r.Status == 304 || r.Status < 200 {
			return
		}
		again := fmt.Sprintf("HTTP/1.1 %d %s\r\n", r.Status, r.Reason)
		for _, field := range r.Header {
			if !strings.EqualFold(field.Name, "Content-Length") && !strings.EqualFold(field.Name, "Transfer-Encoding") {
				again += field.Name + ":" + field.Value + "\r\n"
			}
		}
		again += fmt.Sprintf("Content-Length: %d\r\n\r\n", len(r.Body)) + string(r.Body)
		s, sized, err := read(again)
		if len(again) > MaxHead {
			return
		}
		if err != nil || !sized || s.Status != r.Status || string(s.Body) != string(r.Body) {
			t.Fatalf("%q reads as %v, %v", again, s, err)
		}
	})
}
