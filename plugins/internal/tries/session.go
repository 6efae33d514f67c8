package tries

import (
	"errors"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// First has a session that never was up (now or, again, before this try) not be tried
// again later: a gateway that does not answer may be misspelt.
func First(err error, wasUp bool) error {
	var f *sdk.Failure
	if errors.As(err, &f) && f.Retry == sdk.Backoff && !wasUp {
		return &sdk.Failure{Retry: sdk.Never, Diagnostics: f.Diagnostics}
	}
	return err
}

// Broken is the end of a path that does not take something, most often because it has
// died this moment: a new one is asked for. nil stays nil.
func Broken(err error) error {
	if err == nil {
		return nil
	}
	return sdk.Fail(sdk.Now, err)
}

// Failed has a gateway that cannot be reached be tried again, and nothing else.
func Failed(err error) error {
	d := diag.Of(err)
	if d.Code == diag.Unreachable {
		return sdk.Fail(sdk.Backoff, d)
	}
	return sdk.Fail(sdk.Never, d)
}
