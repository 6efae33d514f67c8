package plugintest

import (
	"slices"

	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

func (r *Run) handleFrame(m *pluginpb.ControlFrame) {
	r.h.mu.Lock()
	p := r.h.paths[m.GetTransport()]
	r.h.mu.Unlock()
	switch {
	case p != nil && p.esp != nil && m.GetType() != 0 && p.Spec.L2TP == nil:
		r.fault("sent a frame of type %d on path %d, which is one of ESP: messages of IKE have type 0", m.GetType(), p.ID)
	case p != nil:
		p.control(m)
	case !r.used[m.GetTransport()]:
		r.fault("sent a frame on path %d, which never was", m.GetTransport())
	}
}

// keepPaths removes all paths but those that a resumed plugin adopts.
func (h *Host) keepPaths(adopted []uint32, fault func(string, ...any)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range adopted {
		if h.paths[id] == nil {
			fault("adopted path %d, which is not installed", id)
		}
	}
	for id, p := range h.paths {
		if !slices.Contains(adopted, id) {
			delete(h.paths, id)
			p.end()
		}
	}
}

func (h *Host) isConfigured() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.configured
}

func (h *Host) dropPaths() { h.keepPaths(nil, nil) }

// dropPath says whether the path was there.
func (h *Host) dropPath(id uint32) bool {
	h.mu.Lock()
	p := h.paths[id]
	delete(h.paths, id)
	h.mu.Unlock()
	if p != nil {
		p.end()
	}
	return p != nil
}

// tell sends an event to the plugin, if one runs.
func (h *Host) tell(m *pluginpb.FromHost) {
	if r := h.current(); r != nil {
		r.send(m)
	}
}
