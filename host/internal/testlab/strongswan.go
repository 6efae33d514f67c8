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
	IKEv1        string // main or aggressive: it speaks IKEv1, with XAUTH; Auth is psk, pubkey or hybrid then
	NoXAuth      bool   // of IKEv1
	Push         bool   // of IKEv1: settings are sent unasked
	Split        string // of IKEv1: a network that the settings name beside the inside
	Auth         string // what the client does: psk (default), pubkey, eap-mschapv2, eap-md5, eap-gtc, eap-tls, eap-ttls (and MSCHAPv2 within), eap-radius (see RADIUS)
	Auth2        string // and then, in the same login (RFC 4739): as Auth; "": nothing
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
	Kernel       bool // the kernel does ESP, and without UDP where there is no NAT; see StartKernelStrongswan

	Dir string // filled in
	PKI *pki.PKI
}

// EAP says whether a client's login is by EAP.
func (Strongswan) EAP(auth string) bool { return strings.HasPrefix(auth, "eap") }

// Rounds are the client's logins.
func (s Strongswan) Rounds() []string {
	if s.Auth2 == "" {
		return []string{s.Auth}
	}
	return []string{s.Auth, s.Auth2}
}

// Socket is where strongSwan hears its control program.
func (s Strongswan) Socket() string {
	if s.Kernel {
		return "/run/charon.vici" // of the guest
	}
	return filepath.Join(s.Dir, "charon.vici")
}

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
	connections := "swanctl.conf"
	if s.IKEv1 != "" {
		connections = "ikev1.conf"
	}
	return errors.Join(err, s.fill("strongswan.conf", "strongswan.conf"), s.fill("swanctl.conf", connections))
}

func (s Strongswan) fill(name, from string) error {
	f, err := os.Create(filepath.Join(s.Dir, name))
	if err != nil {
		return err
	}
	defer f.Close()
	return strongswanConf.ExecuteTemplate(f, from+".tmpl", s)
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

// kernelStrongswan is what a guest does: the modules first that its kernel does not find.
const kernelStrongswan = `
for m in hmac sha512_generic jitterentropy_rng drbg gcm ghash-generic ctr seqiv echainiv authenc xfrm_user esp4; do modprobe -d /run/modules $m; done
STRONGSWAN_CONF=%[1]s/strongswan.conf /usr/lib/ipsec/charon --use-syslog no &
until swanctl --load-all --noprompt --uri unix://%[2]s --file %[1]s/swanctl.conf >/dev/null 2>&1; do sleep 0.2; done
echo ready
wait
`

// StartKernelStrongswan starts strongSwan in a guest, at GuestV4, whose kernel does ESP.
// The inside stays with the gateway.
func (l *Lab) StartKernelStrongswan(s Strongswan) (*Guest, error) {
	s.Kernel = true
	s = s.withDefaults(l)
	if err := s.write(); err != nil {
		return nil, err
	}
	guest, err := l.StartGuest(fmt.Sprintf(kernelStrongswan, s.Dir, s.Socket()))
	if err != nil {
		return nil, err
	}
	_, here := l.Gateway.Run("ip", "route", "add", "10.88.0.0/24", "via", GuestV4)
	_, there := l.Client.Run("ip", "route", "add", GuestV4, "via", GatewayV4)
	forward := l.Gateway.Do(func() error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0) })
	return guest, errors.Join(here, there, forward)
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
