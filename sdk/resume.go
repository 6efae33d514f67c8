package sdk

import (
	"slices"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// Resumption is what an earlier run left.
type Resumption struct {
	Checkpoint []byte
	Installed  []InstalledPath
	Configured bool // a NetConfig is in force
}

// InstalledPath is a path that runs on without its plugin.
type InstalledPath struct {
	ID         uint32
	Kind       string // "tcp", "tls", "udp", "dtls", "raw", "esp"
	Preference int
}

func resumptionOf(r *pluginpb.Resume) *Resumption {
	out := &Resumption{Checkpoint: r.GetCheckpoint(), Configured: r.GetConfigured()}
	for _, p := range r.GetInstalled() {
		out.Installed = append(out.Installed, InstalledPath{ID: p.GetTransport(), Kind: p.GetKind(), Preference: int(p.GetPreference())})
	}
	return out
}

// Resumed returns what an earlier run of the plugin left, or nil for a fresh session.
func (s *Session) Resumed() *Resumption { return s.resumed }

// Adopt answers a Resumption, before anything else: the paths this run goes on
// with. The host removes the others. A plugin that does anything else first adopts
// nothing and starts afresh.
func (s *Session) Adopt(paths ...uint32) ([]*Path, error) {
	if s.resumed == nil {
		return nil, diag.Newf(diag.Invalid, "a fresh session has nothing to adopt")
	}
	adopted := make([]*Path, 0, len(paths))
	for _, id := range paths {
		if !slices.ContainsFunc(s.resumed.Installed, func(p InstalledPath) bool { return p.ID == id }) {
			return nil, diag.Newf(diag.Invalid, "path %d is not among those that were left", id)
		}
		adopted = append(adopted, &Path{session: s, id: id})
	}
	if err := s.stream.adopt(paths); err != nil {
		return nil, err
	}
	return adopted, nil
}

// adopt sends the answer to Resume that waits in st.first, with paths in it.
func (st *stream) adopt(paths []uint32) error {
	st.sending.Lock()
	defer st.sending.Unlock()
	if st.first == nil {
		return diag.Newf(diag.Invalid, "adopt comes once, and before anything else")
	}
	answer := st.first()
	st.first = nil
	answer.GetAdopted().Transports = paths
	return st.sendLocked(answer)
}

// adoptsNothing is the answer to the Resume of that id, unless Adopt fills it in.
func adoptsNothing(id uint64) func() *pluginpb.FromPlugin {
	return func() *pluginpb.FromPlugin {
		return &pluginpb.FromPlugin{Re: id, Message: &pluginpb.FromPlugin_Adopted{Adopted: &pluginpb.Adopted{}}}
	}
}
