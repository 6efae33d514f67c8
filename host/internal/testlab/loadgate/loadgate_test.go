package loadgate

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/endpoint"
)

func TestMain(m *testing.M) {
	testlab.Init()
	Init()
	if os.Geteuid() != 0 && os.Getenv("CI") == "" {
		fmt.Println("skipped: a lab needs root")
		return
	}
	os.Exit(m.Run())
}

const patient = 60 * time.Second

// newLab is a lab with the gateway in it.
func newLab(t *testing.T, c Config) (*testlab.Lab, *testlab.Process) {
	t.Helper()
	l, err := testlab.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(l.Logs())
		}
		l.Close()
	})
	gate, err := Start(l, c)
	if err != nil {
		t.Fatal(err)
	}
	return l, gate
}

// clients are those that must be able to use the gateway.
func clients(t *testing.T) []testlab.Client {
	t.Helper()
	penstock, err := testlab.FindPenstock()
	if err != nil {
		t.Fatal(err)
	}
	return []testlab.Client{testlab.Openconnect{}, penstock}
}

// Every client, over both transports: packets of both families, a file each way with
// its sha256, and an end as it should be.
func TestClients(t *testing.T) {
	for _, client := range clients(t) {
		for _, transport := range []string{"tls", "dtls"} {
			t.Run(client.Name()+" over "+transport, func(t *testing.T) {
				l, gate := newLab(t, Config{})
				c := up(t, l, client, transport)
				for _, inside := range []string{testlab.InsideV4, testlab.InsideV6} {
					moves(t, l, port, inside, 20_000_000, transport)
				}
				c.Signal(syscall.SIGUSR2) // come back with the same cookie
				says(t, gate, "a tunnel", 2)
				moves(t, l, port, testlab.InsideV4, 1_000_000, transport)
				if code, err := c.Stop(syscall.SIGINT, patient); code != 0 || err != nil {
					t.Errorf("exit status %d, %v", code, err)
				}
				up(t, l, client, transport) // and once more
			})
		}
	}
}

// Two clients at once, both over DTLS: each gets what is for it.
func TestSeveralClients(t *testing.T) {
	l, _ := newLab(t, Config{})
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	for i, device := range []string{"one", "two"} {
		c, err := l.Launch(testlab.Openconnect{}, testlab.Spec{Username: testlab.User, Answers: []string{testlab.Password}, Interface: device, Script: "/bin/true"})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Expect(ctx, regexp.MustCompile("Configured as .* DTLS (connected|established)")); err != nil {
			t.Fatal(err)
		}
		if err := testlab.Await(ctx, "the device", func() bool { return len(l.Client.Tunnels()) > i }); err != nil {
			t.Fatal(err)
		}
		own := fmt.Sprintf("10.88.0.%d", 2+i)
		for _, args := range [][]string{{"ip", "address", "add", own, "peer", endpoint.OwnV4, "dev", device}, {"ip", "link", "set", device, "up"}} {
			if _, err := l.Client.Run(args...); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range 2 {
		answers(t, l.Gateway, fmt.Sprintf("10.88.0.%d", 2+i))
	}
}

// says waits until the gateway has said something that often.
func says(t *testing.T, gate *testlab.Process, what string, times int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	if err := testlab.Await(ctx, what, func() bool { return strings.Count(gate.Stderr(), what) >= times }); err != nil {
		t.Fatal(err)
	}
}

// answers waits for an answer to a ping.
func answers(t *testing.T, from *testlab.Machine, address string) {
	t.Helper()
	ping, err := from.Ping(address, 20*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer ping.Stop()
	select {
	case <-ping.Answered():
	case <-time.After(patient):
		t.Fatalf("%s does not answer", address)
	}
}

// The yardstick carries what the clients carry.
func TestWireGuard(t *testing.T) {
	l, _ := newLab(t, Config{})
	if _, err := StartWireGuard(l); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	if _, err := l.Connect(ctx, WireGuard{}, testlab.Spec{}); err != nil {
		t.Fatal(err)
	}
	moves(t, l, WireGuardPort, testlab.InsideV4, 20_000_000, "dtls")
}

// As ocserv writes: a record at a time.
func TestSingleRecords(t *testing.T) {
	l, _ := newLab(t, Config{Single: true, MTU: 1300})
	if c := up(t, l, testlab.Openconnect{}, "tls"); c.MTU() != 1300 {
		t.Errorf("the MTU is %d", c.MTU())
	}
	moves(t, l, port, testlab.InsideV4, 5_000_000, "tls")
}

// up connects and waits for an answer from inside.
func up(t *testing.T, l *testlab.Lab, client testlab.Client, transport string) *testlab.Connection {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	c, err := l.Connect(ctx, client, testlab.Spec{Username: testlab.User, Answers: []string{testlab.Password}, NoDTLS: transport == "tls"})
	if err != nil {
		t.Fatal(err)
	}
	answers(t, l.Client, testlab.InsideV4)
	answers(t, l.Client, testlab.InsideV6)
	return c
}

// moves sends and fetches, until it went by the transport: DTLS comes up a moment
// after TLS.
func moves(t *testing.T, l *testlab.Lab, outer int, inside string, size int64, transport string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	store, err := l.OpenStore(inside)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	meter, err := l.Client.NewMeter(outer)
	if err != nil {
		t.Fatal(err)
	}
	defer meter.Close()
	for ctx.Err() == nil {
		before, err := meter.Read()
		if err != nil {
			t.Fatal(err)
		}
		down, err := store.Download(ctx, size)
		if err != nil {
			t.Fatal(err)
		}
		rise, err := store.Upload(ctx, size)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: down %s, up %s", inside, down, rise)
		after, err := meter.Read()
		if err != nil {
			t.Fatal(err)
		}
		tcp, udp := after.TCP-before.TCP, after.UDP-before.UDP
		if used := map[string]int64{"tls": tcp, "dtls": udp}[transport]; used > 2*size && tcp+udp-used < size/10 {
			return
		}
	}
	t.Errorf("the data does not go over %s", strings.ToUpper(transport))
}
