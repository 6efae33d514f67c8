package testlab

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	Init()
	if os.Geteuid() != 0 && os.Getenv("CI") == "" {
		fmt.Println("skipped: a lab needs root")
		return
	}
	os.Exit(m.Run())
}

func newLab(t *testing.T) *Lab {
	t.Helper()
	l, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(l.Logs())
		}
		l.Close()
		if _, err := os.Stat(l.Dir); !os.IsNotExist(err) {
			t.Errorf("the lab's folder is still there: %v", err)
		}
	})
	return l
}

func run(t *testing.T, m *Machine, args ...string) string {
	t.Helper()
	out, err := m.Run(args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// RFC 6238, appendix B, with six digits.
func TestOTP(t *testing.T) {
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 20000000000: "353130"} {
		if got := OTP(time.Unix(at, 0)); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
	}
}

func TestMachineIsAlone(t *testing.T) {
	l := newLab(t)
	if got := strings.TrimSpace(run(t, l.Client, "hostname")); got != "client" {
		t.Errorf("host name %q", got)
	}
	if n := len(strings.Split(strings.TrimSpace(run(t, l.Client, "ps", "-e", "--no-headers")), "\n")); n != 2 {
		t.Errorf("%d processes seen inside, want the first and ps", n)
	}
	if err := l.Client.WriteFile("/etc/penstock/lab", "inside", 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/etc/penstock/lab"); err == nil {
		t.Error("a file of the machine's /etc is in ours")
	}
	if got := run(t, l.Client, "cat", "/etc/penstock/lab"); got != "inside" {
		t.Errorf("the machine reads %q", got)
	}
	run(t, l.Client, "ping", "-c1", "-W2", GatewayName)
	run(t, l.Client, "ping", "-c1", "-W2", GatewayV6)
}

// Without a tunnel the inside must not be reachable, or the tests prove nothing.
func TestInsideIsGuarded(t *testing.T) {
	l := newLab(t)
	for _, inside := range []string{InsideV4, InsideV6, Beyond} {
		p, err := l.Client.Ping(inside, 50*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-p.Answered():
			t.Errorf("%s answers without a tunnel", inside)
		case <-time.After(300 * time.Millisecond):
		}
		if sum := p.Stop(); len(sum.Lost) != sum.Sent {
			t.Errorf("%s: %s", inside, sum)
		}
	}
}

// Each thing that a client can leave behind must be seen by a snapshot.
func TestSnapshotSees(t *testing.T) {
	l := newLab(t)
	m := l.Client
	take := func() Snapshot {
		s, err := m.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	before := take()
	if diff := before.Diff(take()); len(diff) > 0 {
		t.Fatalf("an idle machine changes: %q", diff)
	}
	for what, leave := range map[string]func() error{
		"route 198.51.100.0/24": func() error { return m.route("198.51.100.0/24", GatewayV4) },
		"192.0.2.9":             func() error { return m.address(outside, "192.0.2.9/32") },
		"stray0":                func() error { _, err := m.Run("ip", "tuntap", "add", "stray0", "mode", "tun"); return err },
		"fwmark":                func() error { _, err := m.Run("ip", "rule", "add", "fwmark", "7", "table", "7"); return err },
		"file: /etc/resolv":     func() error { return m.WriteFile("/etc/resolv.conf", "changed", 0o644) },
		"/run/penstock/x.sock":  func() error { return m.WriteFile("/run/penstock/x.sock", "", 0o600) },
		"process: sleep 77":     func() error { _, err := m.Start(Command{Args: []string{"sleep", "77"}}); return err },
		"inet stray":            func() error { return m.Nft("table inet stray {}") },
		"10.77.0.2:7777": func() error {
			_, err := m.Start(Command{Args: []string{"iperf3", "--server", "--bind", ClientV4, "--port", "7777"}})
			return err
		},
	} {
		if err := leave(); err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		err := Await(ctx, what+" in the snapshot", func() bool {
			return strings.Contains(strings.Join(before.Diff(take()), "\n"), strings.TrimPrefix(what, "route "))
		})
		cancel()
		if err != nil {
			t.Error(err)
		}
	}
}

// The whole lab with a client that nobody doubts.
func TestOpenconnect(t *testing.T) {
	l := newLab(t)
	server, err := l.StartOcserv(Ocserv{})
	if err != nil {
		t.Fatal(err)
	}
	meter, err := l.Client.NewMeter(443)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, err := l.Connect(ctx, Openconnect{}, Spec{Username: User, Answers: []string{Password}})
	if err != nil {
		t.Fatal(err)
	}
	store, err := l.OpenStore(InsideV4) // its script may still be setting up IPv6
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for _, move := range []func(context.Context, int64) (Transfer, error){store.Download, store.Upload} {
		if _, err := move(ctx, 5_000_000); err != nil {
			t.Error(err)
		}
	}
	if wire, err := meter.Read(); err != nil || wire.UDP < 10_000_000 || wire.Connections == 0 {
		t.Errorf("on the wire: %+v, %v", wire, err)
	}
	if used, err := l.Client.Usage(func(p Program) bool { return strings.Contains(p.Command, "openconnect") }); err != nil || used.CPU == 0 || used.Memory < 1<<20 {
		t.Errorf("usage %+v, %v", used, err)
	}
	if ids, err := server.Sessions(); err != nil || len(ids) != 1 {
		t.Errorf("sessions %v, %v", ids, err)
	}
	if code, err := c.Stop(syscall.SIGINT, 10*time.Second); code != 0 || err != nil {
		t.Errorf("exit status %d, %v", code, err)
	}
}
