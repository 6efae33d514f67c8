// Package control is how other processes reach a running connection: one unix
// socket a connection, /run/penstock/NAME.sock, that answers one JSON object a
// line. Only root and the user that runs the connection may ask.
package control

import (
	"encoding/json"
	"errors"
	"net/netip"
	"time"
)

// The states of a connection, as Status.State has them.
const (
	Connecting    = "connecting"
	Connected     = "connected"
	Reconnecting  = "reconnecting" // the path was lost; device and settings stay
	Disconnecting = "disconnecting"
	Disconnected  = "disconnected"
)

// Status is a snapshot of a connection. Its JSON is stable: every field is always
// there, and fields are only ever added.
type Status struct {
	Name        string         `json:"name"`
	Protocol    string         `json:"protocol"`
	State       string         `json:"state"`
	Interface   string         `json:"interface"` // "" before there is one
	Gateway     string         `json:"gateway"`   // as the user wrote it
	Addresses   []netip.Prefix `json:"addresses"` // inside the tunnel
	MTU         int            `json:"mtu"`       // bytes of an inner packet, 0 when unknown
	Transport   string         `json:"transport"` // what packets leave by now: "tls", "dtls", ...
	Cipher      string         `json:"cipher"`
	RxBytes     uint64         `json:"rx_bytes"` // inner packets
	TxBytes     uint64         `json:"tx_bytes"`
	RxPackets   uint64         `json:"rx_packets"`
	TxPackets   uint64         `json:"tx_packets"`
	ConnectedAt time.Time      `json:"-"` // in JSON connected_at: RFC 3339 in UTC, null before
	PluginPID   int            `json:"plugin_pid"`
	PID         int            `json:"pid"` // of the host process
}

// plain is Status without its methods.
type plain Status

type wireStatus struct {
	plain
	ConnectedAt *time.Time `json:"connected_at"`
}

// MarshalJSON writes empty lists as [] and an unknown time as null.
func (s Status) MarshalJSON() ([]byte, error) {
	w := wireStatus{plain: plain(s)}
	if s.Addresses == nil {
		w.Addresses = []netip.Prefix{}
	}
	if !s.ConnectedAt.IsZero() {
		at := s.ConnectedAt.UTC().Truncate(time.Second)
		w.ConnectedAt = &at
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *Status) UnmarshalJSON(data []byte) error {
	var w wireStatus
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*s = Status(w.plain)
	if w.ConnectedAt == nil {
		return nil
	}
	s.ConnectedAt = w.ConnectedAt.UTC()
	if year := s.ConnectedAt.Year(); year < 1 || year > 9999 {
		return errors.New("connected_at is beyond the calendar")
	}
	return nil
}
