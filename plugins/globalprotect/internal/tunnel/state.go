package tunnel

import (
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/config"
	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/form"
	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/gp"
	"github.com/penstock-vpn/penstock/sdk"
)

// state is all that outlives the plugin. It holds secrets.
type state struct {
	Session gp.Session
	Config  config.Config  // without the keys of ESP, which the host has
	Net     *sdk.NetConfig // in force; nil: none, or too large to keep

	ESPPath, TLSPath      uint32    // 0: none
	Failures              int       // of ESP in a row
	CBC                   bool      // no ESP with GCM: it did not work
	Ends                  time.Time // of the session; zero: unknown
	RekeyAt, HIPAt, ESPAt time.Time // zero: never
}

// stored is state as JSON.
type stored struct {
	Format          int
	Gateway, Cookie string
	OSVersion       string
	AppVersion      string
	HIPInterval     time.Duration
	State           state
}

const (
	storedFormat  = 1
	maxCheckpoint = 64 << 10 // the contract's
)

var errCheckpoint = errors.New("the checkpoint is of another version, or holds no session")

// append writes s for a checkpoint. Settings that do not fit are left out: a later run
// then asks the gateway for them again.
func (s state) append(b []byte) ([]byte, error) {
	out := stored{
		Format: storedFormat, Gateway: s.Session.Gateway.String(), Cookie: s.Session.Cookie.Encode(),
		OSVersion: s.Session.OSVersion, AppVersion: s.Session.AppVersion, HIPInterval: s.Session.HIPInterval, State: s,
	}
	out.State.Session = gp.Session{}
	if e := s.Config.ESP; e != nil {
		bare := *e
		bare.Send.Key, bare.Send.AuthKey, bare.Receive.Key, bare.Receive.AuthKey = nil, nil, nil, nil
		out.State.Config.ESP = &bare
	}
	out.State.Config.Options = nil // in Net
	text, err := json.Marshal(out)
	if err == nil && len(text) > maxCheckpoint {
		out.State = state{CBC: s.CBC, Failures: s.Failures}
		text, err = json.Marshal(out)
	}
	return append(b, text...), err
}

// parseState reads what append wrote.
func parseState(b []byte) (state, error) {
	var in stored
	if err := json.Unmarshal(b, &in); err != nil {
		return state{}, err
	}
	gateway, err := url.Parse(in.Gateway)
	if err != nil || in.Format != storedFormat || gateway.Scheme != "https" || gateway.Hostname() == "" {
		return state{}, errCheckpoint
	}
	cookie, err := form.Parse(in.Cookie)
	if err != nil || cookie.Get(gp.AuthCookie) == "" {
		return state{}, errCheckpoint
	}
	s := in.State
	s.Session = gp.Session{Gateway: gateway, Cookie: cookie, OSVersion: in.OSVersion, AppVersion: in.AppVersion, HIPInterval: in.HIPInterval}
	return s, nil
}
