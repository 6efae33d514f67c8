package dtls

import (
	"errors"
	"fmt"
)

// Alert levels and the descriptions used here (RFC 5246 section 7.2).
const (
	alertWarning = 1
	alertFatal   = 2

	alertCloseNotify      = 0
	alertHandshakeFailure = 40
)

// AlertError is a fatal alert from the server.
type AlertError struct {
	Description byte // RFC 5246 section 7.2
}

var alertNames = map[byte]string{
	10: "unexpected message", 20: "bad record", 21: "decryption failed", 22: "record overflow", 40: "handshake failure",
	47: "illegal parameter", 50: "decode error", 51: "decrypt error: the keys differ", 70: "protocol version",
	71: "insufficient security", 80: "internal error", 86: "inappropriate fallback", 90: "user cancelled",
	109: "missing extension", 110: "unsupported extension", 115: "unknown PSK identity",
}

func (e *AlertError) Error() string {
	name, known := alertNames[e.Description]
	if !known {
		name = "unknown"
	}
	return fmt.Sprintf("dtls: the server sent alert %d (%s)", e.Description, name)
}

// errClosed is a close_notify.
var errClosed = errors.New("dtls: the server closed the session")

// parseAlert judges an alert's payload: nil for a warning that may be ignored.
func parseAlert(b []byte) error {
	switch {
	case len(b) != 2:
		return nil
	case b[1] == alertCloseNotify:
		return errClosed
	case b[0] == alertFatal:
		return &AlertError{b[1]}
	}
	return nil
}
