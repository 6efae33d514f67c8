package sdk

import (
	"time"

	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

const (
	eventQueue = 256
	// maxFrames is how many may wait when a ControlFrame comes that is not dropped:
	// whoever sends frames must not end the session with them.
	maxFrames = eventQueue * 3 / 4
)

// Event is one of ControlFrame, PathEvent, SAExpired, NetworkChange, Suspend, Wake and Stop.
type Event interface{ event() }

// ControlFrame is a frame from the gateway that is neither data nor handled by a rule.
// On a path of ESP it is a message of IKE, and its Type 0.
type ControlFrame struct {
	Path    uint32
	Type    uint32
	Payload []byte
}

// PathKind says what happened to a path.
type PathKind int

const (
	PathUp   PathKind = iota
	PathDead          // no sign of life, or closed; the host has removed it
	PathMTU
)

// PathEvent says that a path carries traffic, is gone, or carries smaller packets.
type PathEvent struct {
	Path   uint32
	Kind   PathKind
	MTU    int
	Reason string
}

// SAExpired says how far the life of an SA has come, once for each age: first that it
// is to be replaced, then, Hard, that it is over. One that passes both limits at once
// is told of as Hard alone.
type SAExpired struct {
	Path     uint32
	SPI      uint32
	Outbound bool
	Hard     bool
}

// NetworkChange says that addresses or routes of the machine changed.
type NetworkChange struct{ Reachable bool }

// Suspend comes before the machine sleeps.
type Suspend struct{}

// Wake comes after the machine slept.
type Wake struct{}

// Stop asks the plugin to end and to return nil from Connect before the Deadline.
type Stop struct {
	Logout   bool // end the session at the gateway too
	Deadline time.Duration
}

func (ControlFrame) event()  {}
func (PathEvent) event()     {}
func (SAExpired) event()     {}
func (NetworkChange) event() {}
func (Suspend) event()       {}
func (Wake) event()          {}
func (Stop) event()          {}

// Events is what happens; it ends when the stream does. A full buffer of 256 ends the
// session; control frames are dropped before it is full.
func (s *Session) Events() <-chan Event { return s.stream.events }

// eventOf reads an event; false: m is none, or one that this version does not know.
func eventOf(m *pluginpb.FromHost) (Event, bool) {
	switch x := m.Message.(type) {
	case *pluginpb.FromHost_Frame:
		return ControlFrame{Path: x.Frame.GetTransport(), Type: x.Frame.GetType(), Payload: x.Frame.GetPayload()}, true
	case *pluginpb.FromHost_Path:
		return pathEvent(x.Path)
	case *pluginpb.FromHost_SaExpire:
		e := x.SaExpire
		return SAExpired{Path: e.GetTransport(), SPI: e.GetSpi(), Outbound: e.GetOutbound(), Hard: e.GetHard()}, true
	case *pluginpb.FromHost_Network:
		return NetworkChange{Reachable: x.Network.GetReachable()}, true
	case *pluginpb.FromHost_Suspend:
		return Suspend{}, true
	case *pluginpb.FromHost_Wake:
		return Wake{}, true
	case *pluginpb.FromHost_Stop:
		return Stop{
			Logout:   x.Stop.GetReason() == pluginpb.Stop_LOGOUT,
			Deadline: time.Duration(x.Stop.GetDeadlineMs()) * time.Millisecond,
		}, true
	}
	return nil, false
}

func pathEvent(e *pluginpb.PathEvent) (Event, bool) {
	kind, known := map[pluginpb.PathEvent_Kind]PathKind{
		pluginpb.PathEvent_UP: PathUp, pluginpb.PathEvent_DEAD: PathDead, pluginpb.PathEvent_MTU: PathMTU,
	}[e.GetKind()]
	if !known {
		return nil, false
	}
	return PathEvent{Path: e.GetTransport(), Kind: kind, MTU: int(e.GetMtu()), Reason: e.GetReason()}, true
}
