package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/gpgate"
	"github.com/penstock-vpn/penstock/host/internal/testlab/loadgate"
)

var (
	clientName = flag.String("client", "penstock", "client under test: penstock or openconnect")

	client   testlab.Client
	penstock testlab.Penstock
)

// parallel is how many tests run at a time. Most of them wait for a clock; those
// that load the processors take turns, see busy.
const parallel = "8"

func TestMain(m *testing.M) {
	testlab.Init()
	loadgate.Init()
	gpgate.Init()
	agentProgram.Init()
	flag.Parse()
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	uninstall()
	os.Exit(code)
}

func prepare() (err error) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			return fmt.Errorf("the end-to-end tests need root")
		}
		fmt.Println("skipped: the end-to-end tests need root")
		os.Exit(0)
	}
	if err := flag.Set("test.parallel", parallel); err != nil {
		return err
	}
	switch *clientName {
	case "openconnect":
		client = testlab.Openconnect{}
	case "penstock":
		penstock, err = testlab.FindPenstock()
		client = penstock
	default:
		err = fmt.Errorf("-client is penstock or openconnect, not %q", *clientName)
	}
	return err
}

// needPenstock leaves a test out when another client stands in.
func needPenstock(t *testing.T) {
	t.Helper()
	if client.Name() != "penstock" {
		t.Skip("about penstock alone")
	}
}

// lab builds the test's lab; when the test fails, its logs are shown.
func lab(t *testing.T) *testlab.Lab {
	t.Helper()
	l, err := testlab.New()
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(l.Logs())
		}
		must(t, l.Close())
	})
	return l
}

func ocserv(t *testing.T, l *testlab.Lab, o testlab.Ocserv) *testlab.Server {
	t.Helper()
	s, err := l.StartOcserv(o)
	must(t, err)
	return s
}

// alice is the plain user.
func alice() testlab.Spec {
	return testlab.Spec{Username: testlab.User, Answers: []string{testlab.Password}}
}

// disconnect ends the connection as a user does, and wants a calm end.
func disconnect(t *testing.T, c *testlab.Connection) {
	t.Helper()
	code, err := c.Stop(syscall.SIGINT, 10*time.Second)
	must(t, err)
	if code != 0 {
		t.Errorf("exit status %d after SIGINT, want 0:\n%s", code, c.Tail(20))
	}
}

// connect brings the tunnel up within limit.
func connect(t *testing.T, l *testlab.Lab, s testlab.Spec) *testlab.Connection {
	t.Helper()
	c, err := l.Connect(within(t, 20*time.Second), client, s)
	must(t, err)
	if client.Name() == "penstock" {
		status(t, l) // its script may still be at work
	}
	return c
}

// within is a context that names the test's patience.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(context.Background(), d, fmt.Errorf("not within %s", d))
	t.Cleanup(cancel)
	return ctx
}

// reaches wants an answer from both inside addresses.
func reaches(t *testing.T, l *testlab.Lab, addresses ...string) {
	t.Helper()
	for _, a := range addresses {
		p, err := l.Client.Ping(a, 200*time.Millisecond)
		must(t, err)
		select {
		case <-p.Answered():
		case <-time.After(5 * time.Second):
			t.Errorf("no answer from %s", a)
		}
		p.Stop()
	}
}

// snapshot is compared by unchanged.
func snapshot(t *testing.T, l *testlab.Lab) testlab.Snapshot {
	t.Helper()
	s, err := l.Client.Snapshot()
	must(t, err)
	return s
}

// debians is what Debian's vpnc-script leaves behind: the folder of its backups, and
// the gateway's route when that is IPv6.
var debians = []string{
	"+ file: /run/vpnc d---------",
	"+ ip -6 route show table all: fd77::1 via fd77::1 dev eth0 metric 1024 pref medium",
}

// unchanged wants the client's machine to be as it was.
func unchanged(t *testing.T, l *testlab.Lab, before testlab.Snapshot) {
	t.Helper()
	diff := before.Diff(snapshot(t, l))
	if client.Name() == "openconnect" {
		diff = slices.DeleteFunc(diff, func(line string) bool { return slices.Contains(debians, line) })
	}
	if len(diff) > 0 {
		t.Errorf("left behind on the client:\n%s", strings.Join(diff, "\n"))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
