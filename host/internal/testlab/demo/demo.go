// Package demo shows penstock at work on machines that it builds and removes: a
// gateway, a connection, traffic through the tunnel, and the end of it all.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

const (
	pings = 5
	size  = 200_000_000
)

// Run shows p at work, on out; live says that a person watches. It needs root and
// ocserv; testlab.Init must have been called. A signal ends it, and takes everything
// down.
func Run(ctx context.Context, p testlab.Penstock, out io.Writer, live bool) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	d := &demo{penstock: p, show: &display{out: out, live: live}}
	return d.run(ctx)
}

type demo struct {
	show     *display
	penstock testlab.Penstock
	lab      *testlab.Lab
	before   testlab.Snapshot
	tunnel   *testlab.Connection
}

// run goes through the acts, in order, and takes everything down again.
func (d *demo) run(ctx context.Context) (err error) {
	if os.Geteuid() != 0 {
		return diag.New(diag.Config, "the demonstration needs root", "It builds network namespaces: run it with sudo.")
	}
	if _, err := exec.LookPath("ocserv"); err != nil {
		return diag.New(diag.Config, "the demonstration needs ocserv for a gateway", "Install it: apt-get install ocserv nftables iproute2 iputils-ping.")
	}
	if d.lab, err = testlab.New(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.lab.Close()) }()
	for _, act := range []func(context.Context) error{d.gateway, d.connect, d.status, d.ping, d.transfer, d.disconnect} {
		if err := act(ctx); err != nil {
			if d.tunnel != nil {
				err = fmt.Errorf("%w\n%s", err, d.tunnel.Tail(20))
			}
			return err
		}
	}
	return nil
}

func (d *demo) gateway(context.Context) (err error) {
	d.show.act("A gateway and a client, each in a network namespace of its own")
	if _, err = d.lab.StartOcserv(testlab.Ocserv{}); err != nil {
		return err
	}
	d.show.fact("gateway", "%s, %s at %s and %s", testlab.GatewayName, serverVersion(), testlab.GatewayV4, testlab.GatewayV6)
	d.show.fact("behind it", "%s and %s, reached through a tunnel alone", testlab.InsideV4, testlab.InsideV6)
	d.before, err = d.lab.Client.Snapshot()
	return err
}

func serverVersion() string {
	out, _ := exec.Command("ocserv", "--version").CombinedOutput()
	for _, line := range strings.Split(string(out), "\n") {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "ocserv" {
			return "ocserv " + f[1]
		}
	}
	return "ocserv"
}

func (d *demo) connect(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 20*time.Second, errors.New("not within 20 seconds"))
	defer cancel()
	spec := testlab.Spec{Username: testlab.User, Answers: []string{testlab.Password}}
	d.show.act("penstock connect --protocol anyconnect --username %s --password-stdin --cafile ca.pem https://%s/", testlab.User, testlab.GatewayName)
	start := time.Now()
	if d.tunnel, err = d.lab.Launch(d.penstock, spec); err != nil {
		return err
	}
	if err := d.tunnel.WaitUp(ctx); err != nil {
		return err
	}
	d.show.fact("connected", "in %d ms", time.Since(start).Milliseconds())
	return nil
}

func (d *demo) status(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 10*time.Second, errors.New("not within 10 seconds"))
	defer cancel()
	st, err := d.penstock.AwaitStatus(ctx, d.lab, "connected by DTLS", func(s testlab.Status) bool { return s.State == "connected" && s.Transport == "dtls" })
	if err != nil {
		return err
	}
	var addresses []string
	for _, a := range st.Addresses {
		addresses = append(addresses, a.String())
	}
	d.show.fact("tunnel", "%s, MTU %d: %s", st.Interface, st.MTU, strings.Join(addresses, ", "))
	d.show.fact("transport", "%s, %s", strings.ToUpper(st.Transport), st.Cipher)
	return nil
}

func (d *demo) ping(ctx context.Context) error {
	for _, to := range []string{testlab.InsideV4, testlab.InsideV6} {
		p, err := d.lab.Client.Ping(to, 200*time.Millisecond)
		if err != nil {
			return err
		}
		select {
		case <-time.After((pings-1)*200*time.Millisecond + 100*time.Millisecond):
		case <-ctx.Done():
		}
		sum := p.Stop()
		if len(sum.Lost) > 0 {
			return fmt.Errorf("ping %s: %s", to, sum)
		}
		d.show.fact("ping "+to, "%d of %d answered, %.2f ms", sum.Sent, sum.Sent, sum.Typical.Seconds()*1000)
	}
	return ctx.Err()
}

func (d *demo) transfer(ctx context.Context) error {
	store, err := d.lab.OpenStore(testlab.InsideV4)
	if err != nil {
		return err
	}
	defer store.Close()
	for _, way := range []struct {
		name string
		move func(context.Context, int64) (testlab.Transfer, error)
	}{{"download", store.Download}, {"upload", store.Upload}} {
		store.Progress = func(moved int64) { d.show.progress(way.name, moved, size) }
		t, err := way.move(ctx, size)
		if err != nil {
			return err
		}
		st, err := d.penstock.Status(d.lab)
		if err != nil || len(st) != 1 {
			return errors.Join(errors.New("the connection is gone from status"), err)
		}
		d.show.fact(way.name, "%s through %s, sha256 compared", t, strings.ToUpper(st[0].Transport))
	}
	return nil
}

func (d *demo) disconnect(context.Context) error {
	d.show.act("penstock disconnect")
	st, err := d.penstock.Status(d.lab)
	if err != nil || len(st) != 1 {
		return errors.Join(errors.New("the connection is gone from status"), err)
	}
	if _, err := d.lab.Client.Run(d.penstock.Program(), "disconnect", st[0].Name); err != nil {
		return err
	}
	if code, err := d.tunnel.Wait(10 * time.Second); err != nil || code != 0 {
		return errors.Join(fmt.Errorf("penstock ended with exit status %d", code), err)
	}
	after, err := d.lab.Client.Snapshot()
	if err != nil {
		return err
	}
	if diff := d.before.Diff(after); len(diff) > 0 {
		return fmt.Errorf("left behind:\n%s", strings.Join(diff, "\n"))
	}
	d.show.fact("left behind", "nothing: addresses, routes, DNS, devices, processes, sockets and files are as before")
	return nil
}
