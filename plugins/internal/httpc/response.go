package httpc

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"syscall"
)

// Response is an answer, its body read.
type Response struct {
	Status int
	Reason string
	Header Header
	Body   []byte

	minor int // of HTTP/1.minor
}

// keepAlive says whether the connection can carry another request.
func (r *Response) keepAlive(sized bool) bool {
	return sized && r.minor > 0 && !strings.EqualFold(r.Header.Get("Connection"), "close")
}

// readHead reads status line and fields, passing over 1xx answers.
func readHead(br *bufio.Reader) (*Response, error) {
	for range 4 {
		r, err := readOneHead(br)
		if err != nil || r.Status >= 200 || r.Status == 101 {
			return r, err
		}
	}
	return nil, protocolError("the gateway sends interim HTTP answers without end")
}

func readOneHead(br *bufio.Reader) (*Response, error) {
	budget := MaxHead
	line, err := readLine(br, &budget)
	if err != nil {
		return nil, err
	}
	r, err := parseStatus(line)
	if err != nil {
		return nil, err
	}
	for {
		line, err := readLine(br, &budget)
		switch {
		case err != nil:
			return nil, err
		case len(line) == 0:
			return r, nil
		case len(r.Header) >= MaxFields:
			return nil, protocolError(fmt.Sprintf("the gateway's answer has more than %d header fields", MaxFields))
		}
		r.addField(line)
	}
}

// parseStatus reads "HTTP/1.1 200 OK"; the reason may be missing.
func parseStatus(line []byte) (*Response, error) {
	text := string(line)
	rest, isHTTP := strings.CutPrefix(text, "HTTP/1.")
	if !isHTTP || len(rest) < 5 || rest[0] < '0' || rest[0] > '9' || rest[1] != ' ' {
		return nil, protocolError("the gateway's answer is no HTTP: it begins with " + strconv.QuoteToASCII(clip(text, 40)))
	}
	status, err := strconv.Atoi(rest[2:5])
	if err != nil || status < 100 || len(rest) > 5 && rest[5] != ' ' {
		return nil, protocolError("the gateway's HTTP answer has no status: " + strconv.QuoteToASCII(clip(text, 40)))
	}
	return &Response{Status: status, Reason: strings.TrimSpace(rest[5:]), minor: int(rest[0] - '0')}, nil
}

// addField adds a line: a field, or the continuation of the one before. A line
// that is neither is passed over, as browsers do.
func (r *Response) addField(line []byte) {
	if (line[0] == ' ' || line[0] == '\t') && len(r.Header) > 0 {
		last := &r.Header[len(r.Header)-1]
		last.Value = strings.TrimSpace(last.Value + " " + string(bytes.TrimSpace(line)))
		return
	}
	name, value, found := strings.Cut(string(line), ":")
	if name = strings.TrimSpace(name); found && name != "" {
		r.Header = append(r.Header, Field{name, strings.TrimSpace(value)})
	}
}

// readLine reads a line without its end and takes it from the budget.
func readLine(br *bufio.Reader, budget *int) ([]byte, error) {
	var line []byte
	for {
		part, err := br.ReadSlice('\n')
		if *budget -= len(part); *budget < 0 {
			return nil, protocolError(fmt.Sprintf("the header of the gateway's answer is larger than %d KiB", MaxHead>>10))
		}
		line = append(line, part...)
		if err == nil {
			return bytes.TrimRight(line, "\r\n"), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, unfinished(err)
		}
	}
}

// readBody reads the body of r and says whether its end was marked.
func (r *Response) readBody(br *bufio.Reader) (sized bool, err error) {
	if r.Status == 204 || r.Status == 304 {
		return true, nil
	}
	if encoding := r.Header.Get("Transfer-Encoding"); encoding != "" {
		if !strings.EqualFold(encoding, "chunked") {
			return false, protocolError("the gateway answers in a transfer encoding that is unknown: " + strconv.QuoteToASCII(clip(encoding, 40)))
		}
		return true, r.readChunks(br)
	}
	length := r.Header.Get("Content-Length")
	if length == "" {
		r.Body, err = readUpTo(br, MaxBody)
		return false, err
	}
	n, err := strconv.ParseUint(length, 10, 63)
	if err != nil {
		return false, protocolError("the gateway's Content-Length is no number: " + strconv.QuoteToASCII(clip(length, 40)))
	}
	if n > MaxBody {
		return false, tooLong()
	}
	r.Body = make([]byte, n)
	if _, err = io.ReadFull(br, r.Body); err != nil {
		return false, unfinished(err)
	}
	return true, nil
}

// readUpTo reads to the end of the connection.
func readUpTo(br *bufio.Reader, limit int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(br, limit+1))
	if int64(len(body)) > limit {
		return nil, tooLong()
	}
	if err != nil {
		return nil, unfinished(err)
	}
	return body, nil
}

func (r *Response) readChunks(br *bufio.Reader) error {
	budget := MaxHead // for all size lines and trailers
	for {
		line, err := readLine(br, &budget)
		if err != nil {
			return err
		}
		size, _, _ := strings.Cut(string(line), ";")
		n, err := strconv.ParseUint(strings.TrimSpace(size), 16, 31)
		if err != nil {
			return protocolError("a chunk of the gateway's answer has no size: " + strconv.QuoteToASCII(clip(size, 20)))
		}
		if n == 0 {
			return skipTrailer(br, &budget)
		}
		if uint64(len(r.Body))+n > MaxBody {
			return tooLong()
		}
		start := len(r.Body)
		r.Body = append(r.Body, make([]byte, n)...)
		if _, err := io.ReadFull(br, r.Body[start:]); err != nil {
			return unfinished(err)
		}
		if end, err := readLine(br, &budget); err != nil || len(end) != 0 {
			return errors.Join(protocolError("a chunk of the gateway's answer does not end where it says"), err)
		}
	}
}

func skipTrailer(br *bufio.Reader, budget *int) error {
	for {
		line, err := readLine(br, budget)
		if err != nil || len(line) == 0 {
			return err
		}
	}
}

func tooLong() error {
	return protocolError(fmt.Sprintf("the body of the gateway's answer is larger than %d KiB", MaxBody>>10))
}

// unfinished is err, made readable when the connection ended within an answer.
func unfinished(err error) error {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, end) {
			return ErrEnded
		}
	}
	return err
}

// ErrEnded is the error when the connection ends before an answer does.
var ErrEnded = protocolError("the gateway closed the connection in place of an answer")

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n] + "..."
	}
	return s
}
