package plugin

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// phase is how far a session is. What a plugin may send depends on it.
//
//	          SetPhase              SetPhase            NetConfig in force
//	         (authenticating)      (negotiating)        and a path attached
//	start ─────────────────▶ auth ─────────────▶ nego ─────────────────▶ up
//	  │                       ▲                   ▲                       │
//	  │                       └───────────────────┴───────────────────────┘ SetPhase
//	  └─ Adopted, after Resume ──▶ up, or nego without a NetConfig
//
//	any ── Stop ──▶ stopping
type phase int

const (
	start phase = iota
	auth
	nego
	up
	stopping
	phases
)

func (p phase) String() string {
	return [phases]string{"before the first SetPhase", "authenticating", "negotiating", "up", "stopping"}[p]
}

// A cell of the table.
const (
	yes  = '+' // permitted
	no   = '-' // a violation: the session ends
	late = '.' // crossed our Stop on the way: dropped, Refused if it wants an answer
)

// permits is what a plugin may send when, by the message's name in plugin.proto.
// Columns: start, authenticating, negotiating, up, stopping.
//
// Saying how it goes, giving up and letting go of something are always right. Asking
// the user for credentials belongs before the tunnel; a plugin that needs them again
// says so with SetPhase. A path and network settings need an authenticated session.
// While stopping a plugin may still connect, to say goodbye to the gateway, and finish an
// exchange of keys that was under way.
var permits = map[protoreflect.Name]string{
	"phase":      "++++.",
	"prompt":     "-++-.",
	"open":       "-++++",
	"close":      "+++++",
	"attach":     "--++.",
	"residual":   "--++.",
	"config":     "--++.",
	"frame":      "--+++",
	"checkpoint": "-+++.",
	"export":     "-+++.",
	"adopted":    "+---.", // once, and only after Resume
	"failed":     "+++++",
	"progress":   "+++++",
	"refused":    "+++++",
	"install_sa": "--+++",
	"remove_sa":  "--+++",

	"install_mppe": "--+++",

	"verify_chain":       "-+++.",
	"client_certificate": "-+++.",
	"sign":               "-+++.",
	"logged_in":          "-+--.",
}

// wantsAnswer are the messages that make no sense without an id.
var wantsAnswer = map[protoreflect.Name]bool{
	"prompt": true, "open": true, "attach": true, "residual": true, "export": true, "install_sa": true, "install_mppe": true,
	"verify_chain": true, "client_certificate": true, "sign": true, "logged_in": true,
}

// messageName is the name of the message in m, "" for one that this host does not know.
func messageName(m proto.Message) protoreflect.Name {
	r := m.ProtoReflect()
	field := r.WhichOneof(r.Descriptor().Oneofs().ByName("message"))
	if field == nil {
		return ""
	}
	return field.Name()
}

// permitted looks m up; the error names message and phase.
func permitted(name protoreflect.Name, p phase) (tooLate bool, err error) {
	switch permits[name][p] {
	case yes:
		return false, nil
	case late:
		return true, nil
	}
	return false, fmt.Errorf("%s is not permitted %s", label(name), when(p))
}

func when(p phase) string {
	if p == start {
		return p.String()
	}
	return "while " + p.String()
}

// label is the message's type: "NetConfig".
func label(name protoreflect.Name) protoreflect.Name {
	return (&pluginpb.FromPlugin{}).ProtoReflect().Descriptor().Fields().ByName(name).Message().Name()
}
