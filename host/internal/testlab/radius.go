package testlab

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab/pki"
)

//go:embed testdata/radius
var radiusFiles embed.FS

var radiusConf = template.Must(template.ParseFS(radiusFiles, "testdata/radius/*.tmpl"))

// RADIUS says how the gateway's server of RADIUS is to be, a hostapd that does EAP for
// strongSwan: see Strongswan.Auth "eap-radius".
type RADIUS struct {
	Method string // TLS, TTLS, PEAP
	Inside string // how the user logs in within: MSCHAPV2, GTC, MD5, TTLS-PAP, TTLS-MSCHAPV2
	Cert   string // its certificate of the PKI: server (default), expired, ...
	TLS13  bool   // else TLS 1.2

	Dir string // filled in
	PKI *pki.PKI
}

// StartRADIUS starts the server and waits until it is ready.
func (l *Lab) StartRADIUS(r RADIUS) (*Process, error) {
	r.Dir, r.PKI = filepath.Join(l.Gateway.Dir, "radius"), l.PKI
	if r.Cert == "" {
		r.Cert = "server"
	}
	if r.Inside == "" {
		r.Inside = "MSCHAPV2"
	}
	if err := r.write(); err != nil {
		return nil, err
	}
	p, err := l.Gateway.Start(Command{Args: []string{"/usr/sbin/hostapd", "-d", filepath.Join(r.Dir, "hostapd.conf")}})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = Await(ctx, "hostapd to be ready", func() bool { return p.ended() || strings.Contains(p.Output(), "AP-ENABLED") })
	if err == nil && p.ended() {
		err = fmt.Errorf("hostapd did not start: %s", p.Tail(20))
	}
	return p, err
}

func (r RADIUS) write() error {
	if err := os.MkdirAll(r.Dir, 0o755); err != nil {
		return err
	}
	var all error
	for _, name := range []string{"hostapd.conf", "users", "clients"} {
		f, err := os.Create(filepath.Join(r.Dir, name))
		if err != nil {
			return err
		}
		all = errors.Join(all, radiusConf.ExecuteTemplate(f, name+".tmpl", r), f.Close())
	}
	return all
}
