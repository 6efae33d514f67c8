package tunnel

import (
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"github.com/penstock-vpn/penstock/plugins/anyconnect/internal/auth"
	"github.com/penstock-vpn/penstock/plugins/anyconnect/internal/cstp"
	"github.com/penstock-vpn/penstock/sdk"
)

// session is what a tunnel needs, and all that outlives the plugin. It holds secrets.
type session struct {
	Gateway *url.URL
	Cookie  string
	Keys    *auth.Keys // nil: the session is not bound
	Banner  string     // of the login, for gateways that send none with the tunnel

	TLSPath, DTLSPath uint32 // 0: none
	Timers            cstp.Timers
	DTLS              cstp.DTLS
	MTU               int            // over TLS
	Master            []byte         // for resumptions of DTLS
	Net               *sdk.NetConfig // in force; nil: none, or too large to keep
	RekeyAt           time.Time      // zero: never
	Refused           int            // consecutive refusals that do not say why
}

// stored is session as JSON.
type stored struct {
	Format            int
	Gateway           string
	Cookie            string
	Keys              []byte
	Banner            string
	TLSPath, DTLSPath uint32
	Timers            cstp.Timers
	DTLS              cstp.DTLS
	MTU               int
	Master            []byte
	Net               *sdk.NetConfig
	RekeyAt           time.Time
	Refused           int
}

const (
	storedFormat  = 1
	maxCheckpoint = 64 << 10 // the contract's
)

// append writes s for a checkpoint. Settings that do not fit are left out: a later
// run then cannot change them without asking the gateway again.
func (s session) append(b []byte) ([]byte, error) {
	out := stored{
		Format: storedFormat, Gateway: s.Gateway.String(), Cookie: s.Cookie, Banner: s.Banner,
		TLSPath: s.TLSPath, DTLSPath: s.DTLSPath, Timers: s.Timers, DTLS: s.DTLS, MTU: s.MTU,
		Master: s.Master, Net: s.Net, RekeyAt: s.RekeyAt, Refused: s.Refused,
	}
	if s.Keys != nil {
		der, err := s.Keys.Marshal()
		if err != nil {
			return b, err
		}
		out.Keys = der
	}
	text, err := json.Marshal(out)
	if err == nil && len(text) > maxCheckpoint {
		out.Net = nil
		text, err = json.Marshal(out)
	}
	return append(b, text...), err
}

// parseSession reads what append wrote.
func parseSession(b []byte) (session, error) {
	var in stored
	if err := json.Unmarshal(b, &in); err != nil {
		return session{}, err
	}
	gateway, err := url.Parse(in.Gateway)
	switch {
	case err != nil:
		return session{}, err
	case in.Format != storedFormat || in.Cookie == "" || gateway.Scheme != "https" || gateway.Hostname() == "":
		return session{}, errors.New("the checkpoint is of another version, or holds no session")
	}
	s := session{
		Gateway: gateway, Cookie: in.Cookie, Banner: in.Banner,
		TLSPath: in.TLSPath, DTLSPath: in.DTLSPath, Timers: in.Timers, DTLS: in.DTLS, MTU: in.MTU,
		Master: in.Master, Net: in.Net, RekeyAt: in.RekeyAt, Refused: in.Refused,
	}
	if len(in.Keys) > 0 {
		s.Keys, err = auth.ParseKeys(in.Keys)
	}
	return s, err
}
