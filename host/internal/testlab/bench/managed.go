package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// The two clients as VPNs of NetworkManager, side by side on one desktop:
//
//	            openconnect                          penstock
//	login       openconnect --authenticate, up       up with the stored password
//	cookie      up with its cookie                   up with the same kind of cookie
//	down        down                                 down
//
// NetworkManager-openconnect takes its cookie from a passwd-file: it keeps none.

// managed is a client whose VPNs NetworkManager brings up.
type managed struct {
	client string
	ways   []way
}

// way is one way to come up; before is not timed.
type way struct {
	unit       string
	before, up func() error
	connection string
}

// desktop is the lab with NetworkManager on its client.
type desktop struct {
	*testlab.Lab
	nm *testlab.NM
}

// manage gives every client its turns with NetworkManager.
func manage(ups int) (all []result, err error) {
	l, err := testlab.New()
	if err != nil {
		return nil, err
	}
	defer l.Close()
	d, err := newDesktop(l)
	if err != nil {
		return nil, err
	}
	clients := []managed{d.openconnect(), d.penstock()}
	for round := range ups {
		for _, m := range clients {
			fmt.Fprintf(os.Stderr, "round %d of %d: %s in NetworkManager\n", round+1, ups, m.client)
			r, err := d.turn(m)
			if err != nil {
				io.WriteString(os.Stderr, l.Client.Logs())
				return nil, fmt.Errorf("%s in NetworkManager: %w", m.client, err)
			}
			all = append(all, r)
		}
	}
	return all, nil
}

func newDesktop(l *testlab.Lab) (*desktop, error) {
	stage := filepath.Join(l.Dir, "installed")
	if err := testlab.Install(stage); err != nil {
		return nil, err
	}
	if _, err := l.StartOcserv(testlab.Ocserv{}); err != nil {
		return nil, err
	}
	n, err := l.StartNetworkManager(testlab.NetworkManager{Usr: stage})
	if err != nil {
		return nil, err
	}
	d := &desktop{l, n}
	gateway := "protocol=anyconnect, gateway=" + testlab.GatewayName
	ours := gateway + ", username=" + testlab.User + ", cacert=" + l.PKI.Cert("ca")
	for _, c := range [][]string{
		{"oc", "openconnect", gateway + ", authtype=password, cookie-flags=2, gwcert-flags=2, gateway-flags=2"},
		{"login", "penstock", ours + ", password-flags=0", "vpn.secrets", "password=" + testlab.Password},
		{"cookie", "penstock", ours + ", cookie-flags=0"},
	} {
		args := append([]string{"connection", "add", "type", "vpn", "ifname", "*", "con-name", c[0], "vpn-type", c[1], "vpn.data", c[2]}, c[3:]...)
		if _, err := n.Nmcli(args...); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// openconnect is NetworkManager-openconnect, with what logs in for it.
func (d *desktop) openconnect() managed {
	answers := filepath.Join(d.Dir, "answers")
	login := func() error {
		l, err := d.authenticate()
		if err != nil {
			return err
		}
		text := fmt.Sprintf("vpn.secrets.gateway:%s\nvpn.secrets.cookie:%s\nvpn.secrets.gwcert:%s\n", l["HOST"], l["COOKIE"], l["FINGERPRINT"])
		return os.WriteFile(answers, []byte(text), 0o600)
	}
	up := func() error { return d.nmcli("connection", "up", "oc", "passwd-file", answers) }
	return managed{"openconnect", []way{
		{"login-ms", nil, func() error {
			if err := login(); err != nil {
				return err
			}
			return up()
		}, "oc"},
		{"cookie-ms", login, up, "oc"},
	}}
}

func (d *desktop) penstock() managed {
	return managed{"penstock", []way{
		{"login-ms", nil, func() error { return d.nmcli("connection", "up", "login") }, "login"},
		{"cookie-ms", func() error {
			l, err := d.authenticate()
			if err != nil {
				return err
			}
			return d.nmcli("connection", "modify", "cookie", "vpn.secrets", "cookie="+l["COOKIE"])
		}, func() error { return d.nmcli("connection", "up", "cookie") }, "cookie"},
	}}
}

func (d *desktop) nmcli(args ...string) error {
	_, err := d.nm.Nmcli(args...)
	return err
}

var assignment = regexp.MustCompile(`(?m)^([A-Z_]+)='(.*)'$`)

// authenticate logs in with openconnect and returns the variables that it prints.
func (d *desktop) authenticate() (map[string]string, error) {
	p, err := d.Launch(testlab.Openconnect{}, testlab.Spec{Username: testlab.User, Answers: []string{testlab.Password}, Extra: []string{"--authenticate"}})
	if err != nil {
		return nil, err
	}
	code, err := p.Wait(patience)
	variables := map[string]string{}
	for _, m := range assignment.FindAllStringSubmatch(p.Stdout(), -1) {
		variables[m[1]] = m[2]
	}
	if err == nil && (code != 0 || variables["COOKIE"] == "") {
		err = fmt.Errorf("openconnect --authenticate: exit status %d: %s", code, p.Tail(20))
	}
	return variables, err
}

// settle is for what NetworkManager still does after the last turn.
const settle = 300 * time.Millisecond

// turn brings a client's VPN up and down again, each way once.
func (d *desktop) turn(m managed) (result, error) {
	r := result{m.client, inNetworkManager, map[string]float64{}}
	for _, w := range m.ways {
		if w.before != nil {
			if err := w.before(); err != nil {
				return r, err
			}
		}
		<-time.After(settle)
		took, err := timed(w.up)
		if err != nil {
			return r, err
		}
		r.values[w.unit] = took
		took, err = timed(func() error { return d.nmcli("connection", "down", w.connection) })
		if err != nil {
			return r, err
		}
		r.values["down-ms"] += took / float64(len(m.ways))
		if err := d.gone(); err != nil {
			return r, err
		}
	}
	return r, nil
}

// timed is how long f takes, in milliseconds.
func timed(f func() error) (float64, error) {
	start := time.Now()
	err := f()
	return time.Since(start).Seconds() * 1000, err
}

// gone waits until the VPN's service has ended.
func (d *desktop) gone() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return testlab.Await(ctx, "the VPN's service to end", func() bool {
		for _, p := range d.Client.Programs() {
			if strings.Contains(p.Command, "--bus-name") {
				return false
			}
		}
		return true
	})
}
