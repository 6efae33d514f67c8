// Package tries is what is tried again: a login by its person, when what they typed was
// refused, and a session by the host.
package tries

import (
	"context"
	"errors"
	"time"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

const (
	// Max is how often a person may try.
	Max       = 3
	loginTime = 2 * time.Minute // what is refused later was no password
)

// Login is a session's login with credentials of type C, and the tunnel after it.
type Login[C any] struct {
	// Kept is what a run before this one left; nil: the person is asked.
	Kept *C
	// Ask has the person fill in what the login needs; refused says why the last was no good.
	Ask func(ctx context.Context, refused string) (*C, error)
	// Run logs in and holds the tunnel; again says that there was one before.
	Run func(c *C, again bool) error
	// Typed says whether a refusal (diag.AuthRefused) may be of what was typed, and how the
	// person is told.
	Typed func(*diag.Diagnostic) (refused string, typed bool)
}

// Do runs l until the session ends; until ends with a Stop (sdk.Session.UntilStop).
func (l Login[C]) Do(ctx, until context.Context) (err error) {
	c, refused := l.Kept, ""
	for range Max {
		began := time.Now()
		if c == nil {
			if c, err = l.Ask(until, refused); err != nil {
				if until.Err() != nil && ctx.Err() == nil {
					return nil
				}
				return sdk.Fail(sdk.Never, err)
			}
		}
		err = l.Run(c, l.Kept != nil)
		why, typed := l.wrong(err)
		if !typed || time.Since(began) > loginTime {
			return err
		}
		c, refused = nil, why
	}
	return err
}

// wrong says whether err is a refusal of what was typed.
func (l Login[C]) wrong(err error) (refused string, typed bool) {
	var f *sdk.Failure
	if !errors.As(err, &f) || len(f.Diagnostics) == 0 || f.Diagnostics[0].Code != diag.AuthRefused {
		return "", false
	}
	return l.Typed(&f.Diagnostics[0])
}
