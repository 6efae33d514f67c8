// Package keys is what IKEv2 computes: pseudo-random functions, Diffie-Hellman
// groups, the key schedule, the protection of messages and the AUTH payload. It does
// no I/O; randomness is handed in.
package keys

import (
	"errors"
	"fmt"
)

// errAuthentic is all that is told of a message whose checksum is wrong.
var errAuthentic = errors.New("the message is not authentic")

// unsupported is about a choice that was never offered.
func unsupported(what string, id uint16) error {
	return fmt.Errorf("%s %d is not supported", what, id)
}
