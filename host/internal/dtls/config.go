package dtls

import (
	"errors"
	"fmt"
	"time"
)

// Bounds of what Config may hold, in bytes: our flights are one datagram each.
const (
	maxSessionID = 32
	maxIdentity  = 512
	maxKey       = 512
)

// DefaultTimeout bounds a handshake when Config does not.
const DefaultTimeout = 20 * time.Second

// Config says how to reach an agreement. Exactly one of PSK and MasterSecret is set.
type Config struct {
	// SessionID goes into the ClientHello. With a PSK it is only a mark by which the
	// server finds the tunnel; with a MasterSecret it names the session to resume.
	SessionID []byte

	PSK         []byte // the key (RFC 4279)
	PSKIdentity string // its name

	MasterSecret []byte // 48 bytes

	CipherSuites []string      // IANA names, best first; empty: all of the way
	Timeout      time.Duration // of the handshake; 0: DefaultTimeout
}

// validate says what is wrong with c; it never shows a secret.
func (c *Config) validate() error {
	switch {
	case (len(c.PSK) > 0) == (len(c.MasterSecret) > 0):
		return errors.New("dtls: exactly one of pre-shared key and master secret is needed")
	case len(c.SessionID) > maxSessionID:
		return fmt.Errorf("dtls: session id of %d bytes, at most %d are allowed", len(c.SessionID), maxSessionID)
	case len(c.PSK) > maxKey || len(c.PSKIdentity) > maxIdentity:
		return fmt.Errorf("dtls: pre-shared key or identity of more than %d bytes", maxKey)
	case len(c.MasterSecret) > 0 && len(c.MasterSecret) != masterSize:
		return fmt.Errorf("dtls: master secret of %d bytes, must be %d", len(c.MasterSecret), masterSize)
	case len(c.MasterSecret) > 0 && len(c.SessionID) == 0:
		return errors.New("dtls: a session to resume needs its id")
	}
	return nil
}
