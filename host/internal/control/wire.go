package control

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Action is what a client may ask of a connection beside its status.
type Action string

// The actions.
const (
	Disconnect Action = "disconnect" // log out and end
	Hangup     Action = "hangup"     // end, leave the session alive at the gateway
	Reconnect  Action = "reconnect"  // check the path now
)

const (
	askStatus   Action = "status"
	maxRequest         = 1 << 10
	maxResponse        = 64 << 10
)

// request is one line from the client.
type request struct {
	Command Action `json:"command"`
}

// response is one line to the client: a status, an error, or neither for "done".
type response struct {
	Status *Status `json:"status,omitempty"`
	Error  string  `json:"error,omitempty"`
}

var errTooLong = errors.New("the line is too long")

// readLine reads one line of at most most bytes, without its end.
func readLine(r *bufio.Reader, most int) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > most {
			return nil, errTooLong
		}
		line = append(line, part...)
		switch {
		case err == nil:
			return line[:len(line)-1], nil
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(line) > 0:
			return nil, io.ErrUnexpectedEOF
		}
		return nil, err
	}
}

func parseRequest(line []byte) (request, error) {
	var r request
	if err := json.Unmarshal(line, &r); err != nil {
		return request{}, fmt.Errorf("the request is no JSON object with a command: %w", err)
	}
	switch r.Command {
	case askStatus, Disconnect, Hangup, Reconnect:
		return r, nil
	}
	return request{}, fmt.Errorf("there is no command %.32q", string(r.Command))
}

func parseResponse(line []byte) (response, error) {
	var r response
	if err := json.Unmarshal(line, &r); err != nil {
		return response{}, fmt.Errorf("the answer is no JSON object: %w", err)
	}
	return r, nil
}

func writeLine(w io.Writer, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(line, '\n'))
	return err
}
