package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// installed is where `make install` put everything, once for all tests.
var installed = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "penstock-installed-")
	if err != nil {
		return "", err
	}
	uninstall = func() { os.RemoveAll(dir) }
	if err := os.Chmod(dir, 0o755); err != nil { // what is laid over /usr is everybody's to read
		return "", err
	}
	return dir, testlab.Install(dir)
})

// uninstall removes it; TestMain calls it last.
var uninstall = func() {}

// desktop is a lab whose client runs NetworkManager, with penstock installed.
type desktop struct {
	*testlab.Lab
	nm     *testlab.NM
	before testlab.Snapshot
}

// The two sites' connections.
const (
	corp   = "corp-vpn"
	branch = "branch-vpn"
)

// theDesktop gives the lab's client to NetworkManager.
func theDesktop(t *testing.T, l *testlab.Lab, o testlab.NetworkManager) *desktop {
	t.Helper()
	usr, err := installed()
	must(t, err)
	o.Usr = usr
	n, err := l.StartNetworkManager(o)
	must(t, err)
	d := &desktop{Lab: l, nm: n}
	d.before = d.snapshot(t)
	return d
}

// forNetworkManager begins a test: it runs with the others, in a lab and desktop of
// its own.
func forNetworkManager(t *testing.T) *desktop {
	t.Helper()
	needPenstock(t)
	t.Parallel()
	return theDesktop(t, lab(t), testlab.NetworkManager{})
}

// nmcli runs it and wants it to succeed.
func (d *desktop) nmcli(t *testing.T, args ...string) string {
	t.Helper()
	out, err := d.nm.Nmcli(args...)
	must(t, err)
	return out
}

// data is the connection's vpn.data for the lab's gateway and user, with more, as
// nmcli reads it.
func (d *desktop) data(more ...string) string {
	return strings.Join(append([]string{"protocol=anyconnect", "gateway=" + testlab.GatewayName, "username=" + testlab.User,
		"cacert=" + d.PKI.Cert("ca")}, more...), ", ")
}

// stored are the options and the secret of a password that is kept with the
// connection.
const (
	stored   = "password-flags=0"
	password = "password=" + testlab.Password
)

// add makes a connection, as a user does.
func (d *desktop) add(t *testing.T, name, data, secrets string) {
	t.Helper()
	d.nmcli(t, "connection", "add", "type", "vpn", "con-name", name, "vpn-type", "penstock", "ifname", "*", "vpn.data", data, "vpn.secrets", secrets)
}

func (d *desktop) up(t *testing.T, name string, more ...string) {
	t.Helper()
	d.nmcli(t, append([]string{"connection", "up", name}, more...)...)
}

func (d *desktop) down(t *testing.T, name string) {
	t.Helper()
	d.nmcli(t, "connection", "down", name)
}

// state is the connection's, "" when it is down.
func (d *desktop) state(t *testing.T, name string) string {
	t.Helper()
	return strings.TrimSpace(d.nmcli(t, "-g", "GENERAL.STATE", "connection", "show", name))
}

func (d *desktop) awaitState(t *testing.T, name, state string) {
	t.Helper()
	must(t, testlab.Await(within(t, 20*time.Second), name+" to be "+state, func() bool { return d.state(t, name) == state }))
}

// ask runs `nmcli --ask connection up` on a terminal.
func (d *desktop) ask(t *testing.T, name string) *dialogue {
	t.Helper()
	p, err := d.Client.StartTerminal(testlab.Command{Args: []string{"/usr/bin/nmcli", "--ask", "connection", "up", name}})
	must(t, err)
	return &dialogue{t, p, 0}
}

// dialogue is a program that asks on its terminal.
type dialogue struct {
	t    *testing.T
	p    *testlab.Process
	seen int // bytes of its output
}

// answer waits for a prompt after the last one and types.
func (q *dialogue) answer(prompt, text string) {
	q.t.Helper()
	q.sees(prompt)
	must(q.t, q.p.Type(text+"\n"))
}

// sees waits for text after the last.
func (q *dialogue) sees(pattern string) {
	q.t.Helper()
	re, found := regexp.MustCompile("(?is)"+pattern), false
	err := testlab.Await(within(q.t, 15*time.Second), "nmcli to say "+pattern, func() bool {
		ended := q.ended() // before looking: what it said last counts
		at := re.FindStringIndex(q.p.Stdout()[q.seen:])
		if found = at != nil; found {
			q.seen += at[1]
		}
		return found || ended
	})
	if !found {
		q.t.Fatalf("%q: %v; it said: %s", pattern, err, q.p.Stdout())
	}
}

func (q *dialogue) ended() bool {
	select {
	case <-q.p.Done():
		return true
	default:
		return false
	}
}

// ends waits for the end and wants an exit status; it returns all that was said.
func (q *dialogue) ends(code int) string {
	q.t.Helper()
	got, err := q.p.Wait(30 * time.Second)
	must(q.t, err)
	if got != code {
		q.t.Errorf("%s: exit status %d, want %d: %s", q.p, got, code, q.p.Stdout())
	}
	return q.p.Stdout()
}

// secretsFile writes a passwd-file of nmcli.
func (d *desktop) secretsFile(t *testing.T, secrets map[string]string) string {
	t.Helper()
	var text strings.Builder
	for key, value := range secrets {
		text.WriteString("vpn.secrets." + key + ":" + value + "\n")
	}
	name := filepath.Join(d.Dir, "secrets")
	must(t, os.WriteFile(name, []byte(text.String()), 0o600))
	return name
}

// comings are lines of a snapshot that tell nothing: NetworkManager's dispatcher comes
// when there is something to run and goes after a while, its notes on a device stay
// for the rest of its life, and its socket without a name has a number.
// patienceOfNM is for what nmcli itself waits 90 s.
const patienceOfNM = 30 * time.Second

var comings = regexp.MustCompile(`nm-dispatcher|nm_dispatcher|^file: /run/NetworkManager/devices/|^ss -Hxl: u_dgr UNCONN`)

// snapshot is that of the machine, with the names on its bus.
func (d *desktop) snapshot(t *testing.T) testlab.Snapshot {
	t.Helper()
	s := snapshot(t, d.Lab)
	names, err := d.nm.Names()
	must(t, err)
	for _, name := range names {
		s = append(s, "bus name: "+name)
	}
	return slices.DeleteFunc(s, comings.MatchString)
}

// nothingLeft wants the machine to be as it was before, soon; lines that hold one of
// besides do not count.
func (d *desktop) nothingLeft(t *testing.T, besides ...string) {
	t.Helper()
	var diff []string
	err := testlab.Await(within(t, 10*time.Second), "the machine to be as before", func() bool {
		diff = slices.DeleteFunc(d.before.Diff(d.snapshot(t)), func(line string) bool {
			return slices.ContainsFunc(besides, func(s string) bool { return strings.Contains(line, s) })
		})
		return len(diff) == 0
	})
	if err != nil {
		t.Errorf("left behind: %v\n%s", err, strings.Join(diff, "\n"))
	}
}

// tunnel is the device that packets to an address leave by; it wants a TUN.
func (d *desktop) tunnel(t *testing.T, to string) string {
	t.Helper()
	device := d.Client.RouteDevice(to)
	for _, link := range d.Client.Tunnels() {
		if link.Attrs().Name == device {
			return device
		}
	}
	t.Fatalf("packets to %s leave by %q, want a tunnel", to, device)
	return ""
}

// services are the processes of penstock's service, one a VPN.
func (d *desktop) services() []testlab.Program {
	return slices.DeleteFunc(d.Client.Programs(), func(p testlab.Program) bool { return !strings.Contains(p.Command, "--bus-name") })
}

// log is what NetworkManager and the services wrote, the journal of this machine.
func (d *desktop) log() string { return d.nm.Output() }
