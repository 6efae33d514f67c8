package tries

import (
	"encoding/json"

	"github.com/penstock-vpn/penstock/sdk"
)

// Keep leaves c with the host for a run after this one.
func Keep[C any](s *sdk.Session, c *C) error {
	kept, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return s.Checkpoint(kept)
}

// Kept is what a run before this one left, whose paths are given up: their keys, or their
// calls, are lost with it. nil: there was none.
func Kept[C any](s *sdk.Session) (*C, error) {
	r := s.Resumed()
	if r == nil {
		return nil, nil
	}
	if _, err := s.Adopt(); err != nil {
		return nil, err
	}
	return Read[C](r.Checkpoint), nil
}

// Read reads what Keep left; nil: nothing that can be used.
func Read[C any](checkpoint []byte) *C {
	c := new(C)
	if len(checkpoint) == 0 || json.Unmarshal(checkpoint, c) != nil {
		return nil
	}
	return c
}
