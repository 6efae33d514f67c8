package testlab

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab/pki"
)

// The users that ocserv knows, both in the groups staff and guests.
const (
	User     = "alice"
	Password = "secret1"
)

//go:embed testdata/ocserv
var ocservFiles embed.FS

var ocservConf = template.Must(template.ParseFS(ocservFiles, "testdata/ocserv/ocserv.conf.tmpl"))

// Ocserv says how the gateway's ocserv is to be; zero fields mean what a plain
// installation would do.
type Ocserv struct {
	Auth        string // password (default), certificate, certificate+password, otp, groups
	DTLS        string // psk (default), legacy, off
	Cert        string // server certificate of the PKI: server (default), server-ec
	Port        int    // TCP and UDP, 443
	DPD         int    // seconds, 30
	RekeyMethod string // new-tunnel, ssl; none
	RekeyTime   int    // seconds
	Full        bool   // no split routes: everything goes into the tunnel
	LogLevel    int    // 0; 3 and more log every packet's header
	Site        *Site  // the lab's own

	Dir string // filled in
	PKI *pki.PKI
}

// Server is a running ocserv.
type Server struct {
	*Process
	machine *Machine
	conf    string
	port    int
}

func (o Ocserv) withDefaults(l *Lab) Ocserv {
	if o.Site == nil {
		o.Site = l.Site()
	}
	o.Dir, o.PKI = filepath.Join(o.Site.Machine.Dir, "ocserv"), l.PKI
	for field, value := range map[*string]string{&o.Auth: "password", &o.DTLS: "psk", &o.Cert: "server"} {
		if *field == "" {
			*field = value
		}
	}
	for field, value := range map[*int]int{&o.Port: 443, &o.DPD: 30} {
		if *field == 0 {
			*field = value
		}
	}
	return o
}

// StartOcserv starts ocserv on the site's gateway and waits until it listens.
func (l *Lab) StartOcserv(o Ocserv) (*Server, error) {
	o = o.withDefaults(l)
	if err := o.write(); err != nil {
		return nil, err
	}
	s := &Server{machine: o.Site.Machine, conf: filepath.Join(o.Dir, "ocserv.conf"), port: o.Port}
	if err := os.MkdirAll(s.machine.Path("/run/ocserv"), 0o755); err != nil {
		return nil, err
	}
	return s, s.start()
}

func (o Ocserv) write() error {
	files, err := fs.Sub(ocservFiles, "testdata/ocserv")
	if err != nil {
		return err
	}
	if err := os.RemoveAll(o.Dir); err != nil {
		return err
	}
	if err := os.CopyFS(o.Dir, files); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(o.Dir, "ocserv.conf"))
	if err != nil {
		return err
	}
	defer f.Close()
	return ocservConf.Execute(f, o)
}

func (s *Server) start() (err error) {
	s.Process, err = s.machine.Start(Command{Args: []string{"/usr/sbin/ocserv", "--foreground", "-c", s.conf}})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = Await(ctx, "ocserv to listen", func() bool {
		return s.ended() || s.machine.Listens(s.port)
	})
	if err == nil && s.ended() {
		err = fmt.Errorf("ocserv did not start: %s", s.Tail(20))
	}
	return err
}

// Restart stops ocserv and starts it anew. It keeps its sessions in memory alone:
// what the clients' cookies stood for is gone afterwards.
func (s *Server) Restart() error {
	if _, err := s.Stop(syscall.SIGTERM, 10*time.Second); err != nil {
		return err
	}
	return s.start()
}

// Occtl runs a command of ocserv's control program.
func (s *Server) Occtl(args ...string) (string, error) {
	return s.machine.Run(append([]string{"occtl", "-s", "/run/ocserv/occtl"}, args...)...)
}

// Sessions lists the ids of the sessions whose cookies are good.
func (s *Server) Sessions() ([]string, error) {
	out, err := s.Occtl("show", "sessions", "all")
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, line := range strings.Split(out, "\n") {
		if f := strings.Fields(line); len(f) > 1 && f[1] != "user" {
			ids = append(ids, f[0])
		}
	}
	return ids, nil
}

// KillWorkers kills the processes that serve a client each, as a crash would. The
// sessions live on in the rest of ocserv.
func (s *Server) KillWorkers() error {
	for _, p := range s.machine.Programs() {
		if strings.Contains(p.Command, "ocserv-worker") {
			if err := s.machine.Kill("KILL", p.Pid); err != nil {
				return err
			}
		}
	}
	return nil
}
