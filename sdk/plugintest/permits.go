package plugintest

import (
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// phase is how far a session is, as a host sees it.
type phase int

const (
	starting phase = iota // before the first SetPhase
	authenticating
	negotiating
	up
	stopping
)

func (p phase) String() string {
	return [...]string{"before its first SetPhase", "while authenticating", "while negotiating", "while up", "while stopping"}[p]
}

// permits is what hosts take when, by kind: + is fine, - ends a real session, and a
// message marked . has crossed our Stop and is refused. Columns: starting,
// authenticating, negotiating, up, stopping.
var permits = map[string]string{
	"Phase":      "++++.",
	"Prompt":     "-++-.",
	"Open":       "-++++",
	"Close":      "+++++",
	"Attach":     "--++.",
	"Residual":   "--++.",
	"Config":     "--++.",
	"Frame":      "--+++",
	"Checkpoint": "-+++.",
	"Export":     "-+++.",
	"Adopted":    "+---.",
	"Failed":     "+++++",
	"Progress":   "+++++",
	"Refused":    "+++++",
	"InstallSa":  "--+++",
	"RemoveSa":   "--+++",

	"InstallMppe": "--+++",

	"VerifyChain":       "-+++.",
	"ClientCertificate": "-+++.",
	"Sign":              "-+++.",
	"LoggedIn":          "-+--.",
}

// permitted says whether m may come now, and answers it when not.
func (r *Run) permitted(m *pluginpb.FromPlugin) bool {
	kind := kindOf(m)
	columns, known := permits[kind]
	r.mu.Lock()
	now := r.phase
	r.mu.Unlock()
	if !known || columns[now] == '+' {
		return true
	}
	if columns[now] == '-' {
		r.fault("sent %s, which is not permitted %s", kind, now)
	}
	r.refuse(m.GetId(), diag.Newf(diag.NotPermitted, "%s is not permitted %s", kind, now))
	return false
}

// setPhase follows what the plugin says, and maybeUp what follows by itself.
func (r *Run) setPhase(p pluginpb.Phase) {
	switch p {
	case pluginpb.Phase_AUTHENTICATING:
		r.note(func() { r.phase = authenticating })
	case pluginpb.Phase_NEGOTIATING:
		r.note(func() { r.phase = negotiating })
	default:
		r.fault("set phase %d, which does not exist", p)
	}
}

func (r *Run) maybeUp() {
	r.h.mu.Lock()
	ready := r.h.configured && len(r.h.paths) > 0
	r.h.mu.Unlock()
	r.note(func() {
		if ready && r.phase == negotiating {
			r.phase = up
		}
	})
}
