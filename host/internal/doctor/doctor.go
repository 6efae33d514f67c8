// Package doctor says what on this machine, and on the way to a gateway, keeps
// connections from working: what was found, why it matters, what to do.
//
// Gather asks the machine, and changes nothing; Examine is pure: the same Facts give the
// same findings.
package doctor

import "fmt"

// Level is how bad a finding is.
type Level string

// The levels; only Fail makes a failure of the whole.
const (
	OK   Level = "ok"
	Warn Level = "warn"
	Fail Level = "fail"
)

// Finding is what was found about one thing. Programs read it: names stay.
type Finding struct {
	Topic string `json:"topic"`
	Level Level  `json:"level"`
	Found string `json:"found"`
	Why   string `json:"why,omitempty"` // it matters
	Do    string `json:"do,omitempty"`
}

// Report is all that was found.
type Report struct {
	Level    Level     `json:"level"` // of the worst
	Findings []Finding `json:"findings"`
}

// Examine looks at everything.
func Examine(f Facts) Report {
	r := Report{Level: OK, Findings: []Finding{}}
	for _, check := range []func(Facts) []Finding{
		rights, state, kernel, tunDevice, sandbox, udp, raw, plugins, configured, script, networkManager, names,
		leftovers, others, clock, proxies, gateway,
	} {
		r.Findings = append(r.Findings, check(f)...)
	}
	for _, found := range r.Findings {
		if found.Level == Fail || found.Level == Warn && r.Level == OK {
			r.Level = found.Level
		}
	}
	return r
}

func well(topic, format string, args ...any) Finding {
	return Finding{Topic: topic, Level: OK, Found: fmt.Sprintf(format, args...)}
}

func warn(topic, found, why, do string) Finding { return Finding{topic, Warn, found, why, do} }

func fail(topic, found, why, do string) Finding { return Finding{topic, Fail, found, why, do} }

func one(f Finding) []Finding { return []Finding{f} }
