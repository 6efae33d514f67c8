package testlab

import (
	"context"
	"fmt"
	"time"
)

// pollEvery is how often Await looks.
const pollEvery = 20 * time.Millisecond

// Await looks again and again until ready says so, or ctx ends: then the error
// names what was waited for.
func Await(ctx context.Context, what string, ready func() bool) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for !ready() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited in vain for %s: %w", what, context.Cause(ctx))
		case <-tick.C:
		}
	}
	return nil
}
