package tries

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

func refusal(summary, option string) error {
	return sdk.Fail(sdk.Never, diag.New(diag.AuthRefused, summary, "").With(option))
}

// script is a login whose attempts end as written, with what was asked and tried.
type script struct {
	ends  []error
	takes time.Duration // of an attempt
	asked []string
	tried []bool // again
}

func (s *script) login(kept *int) Login[int] {
	return Login[int]{
		Kept: kept,
		Ask: func(_ context.Context, refused string) (*int, error) {
			s.asked = append(s.asked, refused)
			return new(int), nil
		},
		Run: func(_ *int, again bool) error {
			<-time.After(s.takes)
			end := s.ends[len(s.tried)]
			s.tried = append(s.tried, again)
			return end
		},
		Typed: func(d *diag.Diagnostic) (string, bool) { return d.Summary, d.Option == "" },
	}
}

func TestTries(t *testing.T) {
	lost := sdk.Fail(sdk.Backoff, diag.New(diag.Unreachable, "lost", ""))
	for name, c := range map[string]struct {
		ends  []error
		takes time.Duration
		kept  bool
		asked []string
	}{
		"at once":           {[]error{nil}, 0, false, []string{""}},
		"the second time":   {[]error{refusal("no", ""), nil}, 0, false, []string{"", "no"}},
		"never":             {[]error{refusal("a", ""), refusal("b", ""), refusal("c", "")}, 0, false, []string{"", "a", "b"}},
		"kept is no good":   {[]error{refusal("old", ""), nil}, 0, true, []string{"old"}},
		"kept is good":      {[]error{lost}, 0, true, nil},
		"an option's":       {[]error{refusal("no", "psk")}, 0, false, []string{""}},
		"not of a login":    {[]error{lost}, 0, false, []string{""}},
		"long after it":     {[]error{refusal("no", "")}, loginTime + time.Second, false, []string{""}},
		"within the time":   {[]error{refusal("no", ""), nil}, loginTime, false, []string{"", "no"}},
		"an error in words": {[]error{errors.New("x")}, 0, false, []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{ends: c.ends, takes: c.takes}
				var kept *int
				if c.kept {
					kept = new(int)
				}
				err := s.login(kept).Do(t.Context(), t.Context())
				if err != c.ends[len(c.ends)-1] || len(s.tried) != len(c.ends) || !slices.Equal(s.asked, c.asked) || slices.Contains(s.tried, !c.kept) {
					t.Errorf("%v; asked %q, again %v", err, s.asked, s.tried)
				}
			})
		})
	}
}

// Nobody is told of a question that a Stop took away; other failures of asking end it.
func TestAskingEnds(t *testing.T) {
	until, stop := context.WithCancel(t.Context())
	l := (&script{}).login(nil)
	l.Ask = func(context.Context, string) (*int, error) { stop(); return nil, context.Canceled }
	if err := l.Do(t.Context(), until); err != nil {
		t.Error(err)
	}
	var f *sdk.Failure
	l.Ask = func(context.Context, string) (*int, error) { return nil, errors.New("no answer") }
	if err := l.Do(t.Context(), t.Context()); !errors.As(err, &f) || f.Retry != sdk.Never {
		t.Error(err)
	}
}
