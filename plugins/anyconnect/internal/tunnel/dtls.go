package tunnel

import (
	"time"

	"github.com/penstock-vpn/penstock/plugins/anyconnect/internal/cstp"
	"github.com/penstock-vpn/penstock/plugins/internal/httpc"
)

// pauses between tries, then pauseLong for ever; pauseMax of them make the MTU that
// of TLS.
var pauses = []time.Duration{1 * time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second}

const pauseLong = 60 * time.Second

// dtlsState is the part of a life that is about DTLS.
type dtlsState struct {
	path    Path // nil: none
	tries   int  // failed in a row
	opening bool
	stale   bool // the tunnel changed since opening began
	opened  chan dtlsResult
	timer   *time.Timer // of the next try
	rekey   *time.Timer
}

type dtlsResult struct {
	conn Conn
	err  error
}

func (d *dtlsState) givenUp() bool { return d.tries > len(pauses) }

// wantsDTLS says whether user and gateway want it.
func (l *life) wantsDTLS() bool { return !l.n.opt.NoDTLS && l.s.DTLS.Usable() }

// openDTLS tries, unless a try is under way.
func (l *life) openDTLS() {
	l.dtls.timer.Stop()
	l.dtls.rekey.Stop()
	if !l.wantsDTLS() || l.path == nil {
		return
	}
	if l.dtls.opening {
		return
	}
	if l.s.DTLS.PSK && l.conn == nil {
		// The key is the TLS connection's, which an earlier run of the plugin opened.
		l.connect()
		return
	}
	l.dtls.opening = true
	key, port := l.dtlsKey(), l.s.DTLS.Port
	host, name, ctx := l.n.host, l.s.Gateway.Hostname(), l.ctx
	l.work.Go(func() {
		conn, err := host.OpenDTLS(ctx, name, port, key)
		l.dtls.opened <- dtlsResult{conn, err}
	})
}

func (l *life) dtlsKey() Key {
	if l.s.DTLS.PSK {
		return Key{SessionID: l.s.DTLS.AppID, From: l.conn, Timeout: dtlsTimeout}
	}
	return Key{SessionID: l.s.DTLS.SessionID, MasterSecret: l.s.Master, Suites: []string{l.s.DTLS.Suite.IANA}, Timeout: dtlsTimeout}
}

// onDTLS makes the association a path, or tries again later.
func (l *life) onDTLS(r dtlsResult) {
	stale := l.dtls.stale || l.path == nil
	l.dtls.opening, l.dtls.stale = false, false
	switch {
	case stale && r.conn != nil:
		_ = r.conn.Close()
		fallthrough
	case stale:
		l.openDTLS()
	case r.err != nil:
		l.dtlsFailed(r.err)
	default:
		l.attachDTLS(r.conn)
	}
}

func (l *life) attachDTLS(conn Conn) {
	t := l.s.DTLS.Timers
	path, err := l.n.host.Attach(l.ctx, conn, nil, cstp.DTLSFraming(t), preferDTLS, l.dtls.path)
	if err != nil {
		l.dtlsFailed(err)
		return
	}
	fresh := l.dtls.path == nil
	l.dtls.path, l.dtls.tries, l.s.DTLSPath = path, 0, path.ID()
	if fresh {
		l.n.host.Debug("Established DTLS to %s (%s).", httpc.HostField(l.s.Gateway), conn.Info().Cipher)
	}
	if t.RekeyEvery > 0 && !t.NoRekey {
		l.dtls.rekey.Reset(early(t.RekeyEvery))
	}
	l.correctMTU()
	l.save()
}

// dtlsFailed plans the next try. Packets go over TLS meanwhile.
func (l *life) dtlsFailed(err error) {
	pause := pauseLong
	if l.dtls.tries < len(pauses) {
		pause = pauses[l.dtls.tries]
	}
	if l.dtls.path != nil { // its renewal failed: the old association goes on
		l.dtls.rekey.Reset(pauseLong)
		l.n.host.Debug("DTLS was not renewed: %v", err)
		return
	}
	if l.dtls.tries++; l.dtls.tries == 1 {
		l.n.host.Info("DTLS does not get through; going on over TLS and trying again.")
	}
	l.n.host.Debug("DTLS: %v; next try in %s.", err, pause)
	l.dtls.timer.Reset(pause)
	if l.dtls.givenUp() {
		l.correctMTU()
	}
}

// dropDTLS ends the association of a tunnel that is replaced or gone.
func (l *life) dropDTLS() {
	l.dtls.timer.Stop()
	l.dtls.rekey.Stop()
	l.dtls.stale = l.dtls.opening
	l.dtls.tries = 0
	if l.dtls.path != nil {
		_ = l.dtls.path.Close()
		l.dtls.path, l.s.DTLSPath = nil, 0
	}
}

// dtlsDead is what follows when the host found the path dead.
func (l *life) dtlsDead(reason string) {
	l.n.host.Info("DTLS is lost (%s); going on over TLS.", reason)
	l.dtls.path, l.dtls.tries, l.s.DTLSPath, l.pathMTU = nil, 0, 0, 0
	l.save()
	l.openDTLS()
}
