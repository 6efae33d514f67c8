package testlab

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab/pki"
)

//go:embed testdata/strongswan
var strongswanFiles embed.FS

var strongswanConf = template.Must(template.ParseFS(strongswanFiles, "testdata/strongswan/*.tmpl"))

// Strongswan says how the gateway's strongSwan is to be, an IKEv2 responder with ESP in
// user space; zero fields mean what is written beside them.
type Strongswan struct {
	Auth         string // what the client does: psk (default), pubkey, eap-mschapv2, eap-md5, eap-gtc, eap-tls, eap-ttls (and MSCHAPv2 within), eap-radius (see RADIUS)
	Cert         string // server certificate of the PKI: server (default), server-ec
	ID           string // GatewayName
	PSK          string // Password
	IKE, ESP     string // proposals: default, with the suites of libipsec
	Full         bool   // all traffic goes into the tunnel
	IKERekey     int    // seconds; 0: the client's concern
	ChildRekey   int
	Reauth       int // seconds until the client is to log in anew; 0: never
	DPD          int // seconds; 0: never
	FragmentSize int // 1280
	NoFragments  bool
	NoMobike     bool
	Cookie       bool // from the first half-open SA on
	EAPOnly      bool // the gateway shows no certificate outside of EAP
	TLS13        bool // in EAP, else TLS 1.2

	Dir string // filled in
	PKI *pki.PKI
}

// EAP says whether the client logs in by EAP.
func (s Strongswan) EAP() bool { return strings.HasPrefix(s.Auth, "eap") }

// ChildLife is what strongSwan needs to hear for a ChildRekey: without an end, libipsec
// sees no age in an SA.
func (s Strongswan) ChildLife() int {
	if s.ChildRekey == 0 {
		return 0
	}
	return s.ChildRekey + 10
}

// Charon is a running strongSwan.
type Charon struct {
	*Process
	machine *Machine
	dir     string
}

func (s Strongswan) withDefaults(l *Lab) Strongswan {
	s.Dir, s.PKI = filepath.Join(l.Gateway.Dir, "strongswan"), l.PKI
	for field, value := range map[*string]string{
		&s.Auth: "psk", &s.Cert: "server", &s.ID: GatewayName, &s.PSK: Password, &s.IKE: "default",
		&s.ESP: "aes256gcm16,aes128gcm16,aes256-sha256,aes128-sha256,aes128-sha1",
	} {
		if *field == "" {
			*field = value
		}
	}
	if s.FragmentSize == 0 {
		s.FragmentSize = 1280
	}
	return s
}

// StartStrongswan starts strongSwan on the gateway and waits until it answers.
func (l *Lab) StartStrongswan(s Strongswan) (*Charon, error) {
	s = s.withDefaults(l)
	if err := s.write(); err != nil {
		return nil, err
	}
	c := &Charon{machine: l.Gateway, dir: s.Dir}
	return c, c.start()
}

func (s Strongswan) write() error {
	if err := os.RemoveAll(s.Dir); err != nil {
		return err
	}
	keys := filepath.Join(s.Dir, "private") // where swanctl looks
	if err := os.MkdirAll(keys, 0o755); err != nil {
		return err
	}
	key, err := os.ReadFile(s.PKI.Key(s.Cert))
	if err == nil {
		err = os.WriteFile(filepath.Join(keys, "server.key"), key, 0o600)
	}
	for _, name := range []string{"strongswan.conf", "swanctl.conf"} {
		err = errors.Join(err, s.fill(name))
	}
	return err
}

func (s Strongswan) fill(name string) error {
	f, err := os.Create(filepath.Join(s.Dir, name))
	if err != nil {
		return err
	}
	defer f.Close()
	return strongswanConf.ExecuteTemplate(f, name+".tmpl", s)
}

func (c *Charon) start() (err error) {
	c.Process, err = c.machine.Start(Command{
		Args: []string{"/usr/lib/ipsec/charon", "--use-syslog", "no"},
		Env:  []string{"STRONGSWAN_CONF=" + filepath.Join(c.dir, "strongswan.conf")},
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = Await(ctx, "strongSwan to start", func() bool {
		conn, err := net.Dial("unix", filepath.Join(c.dir, "charon.vici"))
		if err == nil {
			conn.Close()
		}
		return err == nil || c.ended()
	})
	if err == nil && c.ended() {
		err = fmt.Errorf("strongSwan did not start: %s", c.Tail(20))
	}
	if err != nil {
		return err
	}
	_, err = c.Swanctl("--load-all", "--noprompt", "--file", filepath.Join(c.dir, "swanctl.conf"))
	return err
}

// Restart stops strongSwan and starts it anew; it has forgotten everything then.
func (c *Charon) Restart() error {
	if _, err := c.Stop(syscall.SIGTERM, 10*time.Second); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(c.dir, "charon.vici")); err != nil {
		return err
	}
	return c.start()
}

// Swanctl runs a command of strongSwan's control program.
func (c *Charon) Swanctl(command string, args ...string) (string, error) {
	all := []string{"swanctl", command, "--uri", "unix://" + filepath.Join(c.dir, "charon.vici")}
	return c.machine.Run(append(all, args...)...)
}

// SAs lists the SAs in strongSwan's words.
func (c *Charon) SAs() (string, error) { return c.Swanctl("--list-sas") }
